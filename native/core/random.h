// Counter-based random numbers, the same on the CPU, on CUDA and in TypeScript (lib/random.ts): Philox4x32-10 (Salmon,
// Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011), and a seeded permutation of [0, n) in
// O(1) memory.
#pragma once
#include <cstdint>

#if defined(__CUDACC__)
#define STRIATE_HD __host__ __device__
#else
#define STRIATE_HD
#endif

namespace striate::core {

struct Philox {
  uint32_t v[4];
};

STRIATE_HD inline Philox philox(uint64_t counter_low, uint64_t counter_high, uint64_t key) {
  uint32_t c0 = static_cast<uint32_t>(counter_low), c1 = static_cast<uint32_t>(counter_low >> 32);
  uint32_t c2 = static_cast<uint32_t>(counter_high), c3 = static_cast<uint32_t>(counter_high >> 32);
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0, n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// A bijection of [0, count) keyed by (seed, epoch): a mixed-radix Feistel network on index = left * columns + right,
/// whose domain rows * columns exceeds count by less than 2 * sqrt(count); the rare value outside is walked on until it
/// lands inside. About 15 ns a value, so that a shuffled epoch of any number of patches needs no list of them.
struct Permutation {
  uint64_t count;
  uint32_t rows, columns;
  uint32_t keys[8];

  STRIATE_HD Permutation(uint64_t count, uint64_t seed, uint32_t epoch) : count(count), rows(1), columns(1) {
    uint64_t side = 0;  // the largest number whose square is at most count
    for (uint64_t bit = 1ull << 31; bit; bit >>= 1)
      if ((side | bit) * (side | bit) <= count) side |= bit;
    columns = static_cast<uint32_t>(side);
    rows = static_cast<uint32_t>((count + side - 1) / side);
    const Philox a = philox(epoch, 0x7065726d, seed), b = philox(epoch, 0x7065726e, seed);
    for (int i = 0; i < 4; ++i) {
      keys[i] = a.v[i];
      keys[4 + i] = b.v[i];
    }
  }
  STRIATE_HD static uint32_t mix(uint32_t x) {
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ (x >> 16);
  }
  STRIATE_HD static uint32_t add(uint32_t value, uint32_t hash, uint32_t modulus) {
    const uint64_t sum = static_cast<uint64_t>(value) + ((static_cast<uint64_t>(hash) * modulus) >> 32);
    return static_cast<uint32_t>(sum >= modulus ? sum - modulus : sum);
  }
  STRIATE_HD uint64_t operator()(uint64_t index) const {
    do {
      uint32_t left = static_cast<uint32_t>(index / columns), right = static_cast<uint32_t>(index % columns);
      for (int round = 0; round < 8; round += 2) {
        left = add(left, mix(right + keys[round]), rows);
        right = add(right, mix(left + keys[round + 1]), columns);
      }
      index = static_cast<uint64_t>(left) * columns + right;
    } while (index >= count);
    return index;
  }
};

}  // namespace striate::core
