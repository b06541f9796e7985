// The first half of a Hebbian minibatch, as hebbian.cu describes it: gathering the patches and ranking the units on
// each.
#pragma once
#include <cstdint>

#include "core/random.h"
#include "cuda/launch.cuh"
#include "cuda/patches.cuh"
#include "cuda/power.cuh"

namespace striate::cuda {
namespace {  // one .cu file includes this

constexpr int kWarps = 8, kThreads = 32 * kWarps;
constexpr int kTile = 32;     // patches that a block ranks at once
constexpr int kUnits = 16;    // of a tensor core's tile
constexpr int kShares = 8;    // most shares of the units
constexpr int kParts = 3;     // bf16 numbers of a float32
constexpr int kExtract = 16;  // ranks up to here are found by repeated maxima, later ones by bisection
constexpr unsigned kAll = 0xffffffffu;

/// A unit and its current on a patch, less the patch's scale: the greater current first, then the lower unit. 0: none.
using Place = unsigned long long;
/// The units of rank 1 and m of a patch. A patch that waits to be ranked has a `first`, a zero patch has none.
struct alignas(16) Pair {
  Place first, second;
};

struct Hebbian {
  // hebbian_step: patches [B,D]. hebbian_learn: images [N,C,H,W], patches is null.
  const float* patches;
  Windows windows;
  int64_t first_batch;
  int inputs;           // numbers of a window
  int* taps;            // [inputs] where a window's numbers lie from its first
  const float* z;       // [inputs][D], or null: patches are not whitened
  const float* offset;  // [D]
  float* raw;           // [B][inputs] patches before they are whitened
  float* w;
  float* ranking;          // [K][D] sign(w) |w|^(p-1), what units are ranked by; w itself for p = 2
  float root;              // (p-1)/p
  Power power = Power(1);  // of p - 1
  int units, features, batch;
  int64_t rank;
  float anti;
  bool by_max;
  int64_t step, steps, total_steps, tally_from;  // of this launch: first, how many; numbered within the schedule
  double rate, final_rate;
  float* gathered;  // [2][B][D]
  // What the tensor cores multiply: each row over its scale, a power of two that leaves its largest number from 1 to 2,
  // each number as three bf16 ones, 32 features of each part in turn; with zeros to the end.
  int padded;                          // features
  uint16_t *unit_parts, *patch_parts;  // [K][padded / 32][3][32], [2][B][padded / 32][3][32]
  float *unit_scales, *patch_scales;   // [K], [2][B]
  int shares, share;                   // of the units: how many, and tiles of 16 units of each
  Pair* ranked;                        // [2][shares][B]
  unsigned* spill;                     // [blocks][kTile][key_pitch], or null: in shared memory
  float* change;                       // [K][D], step 'max'
  float* sums;                         // [K][D] of an iteration of k-means, or null
  int64_t iteration;                   // minibatches of it, or 0
  unsigned* largest;                   // [2] max |dw| as bits, by parity of the step
  int *wins, *losses;
  double *gains, *energies;
};

__device__ __forceinline__ unsigned long long warp_max(unsigned long long x) {
  for (int i = 16; i; i >>= 1) {
    const unsigned long long y = __shfl_xor_sync(kAll, x, i);
    if (y > x) x = y;
  }
  return x;
}

/// Orders like the float.
__device__ __forceinline__ unsigned key_of(float x) {
  const unsigned bits = __float_as_uint(x);
  return bits ^ (static_cast<unsigned>(static_cast<int>(bits) >> 31) | 0x80000000u);
}
__device__ __forceinline__ Place place_of(unsigned key, unsigned unit) { return static_cast<Place>(key) << 32 | ~unit; }
__device__ __forceinline__ int unit_of(Place place) { return static_cast<int>(~static_cast<unsigned>(place)); }
__device__ __forceinline__ float current_of(Place place) {
  const unsigned key = static_cast<unsigned>(place >> 32);
  return __uint_as_float(key ^ (key >> 31 ? 0x80000000u : 0xffffffffu));
}

/// Writes a row as the tensor cores take it, by the calling warp; its lanes may have just written the row.
__device__ __forceinline__ void split_row(const Hebbian& h, const float* row, uint16_t* parts, float* scale) {
  const int lane = threadIdx.x & 31;
  __syncwarp();
  unsigned largest = 0;
  for (int d = lane; d < h.features; d += 32) largest = max(largest, __float_as_uint(row[d]) & 0x7fffffffu);
  const unsigned exponent = min(max(__reduce_max_sync(kAll, largest) >> 23, 1u), 253u);
  const float by = __uint_as_float((254 - exponent) << 23);
  if (lane == 0) *scale = __uint_as_float(exponent << 23);
  parts += lane / 16 * 32 * kParts + lane % 16 * 2;
  for (int d = 2 * lane; d < h.padded; d += 64, parts += 64 * kParts) {
    unsigned one[kParts], two[kParts];
    split_in_three(d < h.features ? row[d] * by : 0.0f, one);
    split_in_three(d + 1 < h.features ? row[d + 1] * by : 0.0f, two);
    STRIATE_UNROLL
    for (int part = 0; part < kParts; ++part)
      *reinterpret_cast<unsigned*>(parts + 32 * part) = __byte_perm(one[part], two[part], 0x7632);
  }
}

/// What a patch that has been written needs to be ranked.
__device__ __forceinline__ void prepare_patch(const Hebbian& h, int64_t step, int64_t b, const float* row, bool zero) {
  const int lane = threadIdx.x & 31;
  const int64_t at = (step & 1) * h.batch + b;
  split_row(h, row, h.patch_parts + at * kParts * h.padded, h.patch_scales + at);
  if (lane < h.shares) h.ranked[((step & 1) * h.shares + lane) * h.batch + b] = {zero ? 0u : 1u, 0};
}

/// Writes a tile's patches, whitened: each window's numbers to `raw`, its products with Z, and these over their norm.
/// Called by the whole block. A warp multiplies up to four patches by 32 columns of Z at a time.
__device__ void whiten_tile(const Hebbian& h, int64_t step, const int64_t* origin, int64_t b0, float* gathered) {
  constexpr int kEach = 4, kPieces = kWarps / kEach;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const int count = static_cast<int>(min(h.batch - b0, static_cast<int64_t>(kWarps)));
  const auto tap = [&](int d) { return h.taps[d]; };
  float *raw = h.raw + b0 * h.inputs, *rows = gathered + b0 * h.features;
  for (int p = warp; p < count; p += kWarps) write_patch(h.windows, origin[p], h.inputs, tap, raw + p * h.inputs);
  __syncthreads();
  for (int64_t piece = warp; piece < (h.features + 31) / 32 * kPieces; piece += kWarps) {
    const int first = static_cast<int>(piece % kPieces) * kEach;
    const int64_t e = piece / kPieces * 32 + lane;
    if (first >= count || e >= h.features) continue;
    float sum[kEach];
    const float* v[kEach];  // beyond the last patch, the last
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      sum[i] = h.offset[e];
      v[i] = raw + min(first + i, count - 1) * h.inputs;
    }
    for (int64_t d = 0; d < h.inputs; ++d) {
      const float z = h.z[d * h.features + e];
      STRIATE_UNROLL
      for (int i = 0; i < kEach; ++i) sum[i] = fmaf(z, v[i][d], sum[i]);
    }
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i)
      if (first + i < count) rows[(first + i) * h.features + e] = sum[i];
  }
  __syncthreads();
  for (int p = warp; p < count; p += kWarps) {
    float* row = rows + p * h.features;
    double square = 0;
    for (int64_t e = lane; e < h.features; e += 32) square += static_cast<double>(row[e]) * row[e];
    square = warp_sum(square);
    const bool zero = square <= 1e-12;
    const float factor = zero ? 0.0f : static_cast<float>(1 / sqrt(square));
    for (int64_t e = lane; e < h.features; e += 32) row[e] *= factor;
    prepare_patch(h, step, b0 + p, row, zero);
  }
}

/// Prepares this block's patches of the minibatch, a warp each: marks the zero ones; with images, writes the patches as
/// floats.
__device__ void gather(const Hebbian& h, const core::Permutation& order, int64_t step) {
  __shared__ int64_t origin[kWarps];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const auto tap = [&](int d) { return h.taps[d]; };
  float* gathered = h.gathered + (step & 1) * h.batch * h.features;
  for (int64_t b0 = static_cast<int64_t>(blockIdx.x) * kWarps; b0 < h.batch;
       b0 += static_cast<int64_t>(gridDim.x) * kWarps) {
    if (h.windows.images) {
      __syncthreads();
      if (threadIdx.x < kWarps && b0 + threadIdx.x < h.batch)
        origin[threadIdx.x] =
            window_origin(h.windows, order((h.first_batch + step - h.step) * h.batch + b0 + threadIdx.x));
      __syncthreads();
    }
    if (h.z) {
      whiten_tile(h, step, origin, b0, gathered);
      continue;
    }
    const int64_t b = b0 + warp;
    if (b >= h.batch) continue;
    if (h.windows.images) {
      float* row = gathered + b * h.features;
      const bool zero = write_patch(h.windows, origin[warp], h.inputs, tap, row);
      prepare_patch(h, step, b, row, zero);
    } else {
      const float* row = h.patches + b * h.features;
      float square = 0;
      for (int64_t d = lane; d < h.features; d += 32) square = fmaf(row[d], row[d], square);
      prepare_patch(h, step, b, row, warp_sum(square) <= 1e-12f);
    }
  }
}

/// The two units of greatest current, by the calling warp: one pass over their keys, two at a time; of units from u0.
__device__ Pair first_two(const unsigned* keys, int units, unsigned u0) {
  unsigned best = 0, next = 0, best_at = kAll, next_at = kAll;
  for (int u = 2 * (threadIdx.x & 31); u < units; u += 64) {
    const uint2 both = *reinterpret_cast<const uint2*>(keys + u);
    STRIATE_UNROLL
    for (int i = 0; i < 2; ++i) {
      const unsigned key = i ? both.y : both.x;
      const bool first = key > best;
      next_at = first ? best_at : key > next ? u + i : next_at;
      next = max(next, min(best, key));
      best_at = first ? u + i : best_at;
      best = max(best, key);
    }
  }
  const unsigned one = __reduce_max_sync(kAll, best), one_at = __reduce_min_sync(kAll, best == one ? best_at : kAll);
  if (best_at == one_at) {
    best = next;
    best_at = next_at;
  }
  const unsigned two = __reduce_max_sync(kAll, best), two_at = __reduce_min_sync(kAll, best == two ? best_at : kAll);
  return {place_of(one, u0 + one_at), two ? place_of(two, u0 + two_at) : 0};
}

/// Units of rank 1 and `rank` by the keys of one patch, by the calling warp.
__device__ Pair rank_units(const unsigned* keys, int units, unsigned u0, int64_t rank) {
  const unsigned lane = threadIdx.x & 31, count = static_cast<unsigned>(units);
  Place first = 0, below = ~0ull;
  for (int64_t r = 0; r < (rank <= kExtract ? rank : 1); ++r) {
    Place best = 0;
    for (unsigned u = lane; u < count; u += 32) {
      const Place place = place_of(keys[u], u0 + u);
      if (place < below && place > best) best = place;
    }
    below = warp_max(best);
    if (r == 0) first = below;
  }
  if (rank <= kExtract) return {first, rank == 1 ? 0 : below};
  // the greatest key that at least `rank` units reach, bit by bit
  unsigned key = 0;
  for (int bit = 31; bit >= 0; --bit) {
    const unsigned guess = key | 1u << bit;
    unsigned reach = 0;
    for (unsigned u = lane; u < count; u += 32) reach += keys[u] >= guess;
    if (static_cast<int64_t>(__reduce_add_sync(kAll, reach)) >= rank) key = guess;
  }
  unsigned above = 0;
  for (unsigned u = lane; u < count; u += 32) above += keys[u] > key;
  int64_t left =
      rank - static_cast<int64_t>(__reduce_add_sync(kAll, above));  // which of the units that tie at it, from 1
  for (unsigned u = 0; u < count; u += 32) {
    const unsigned ties = __ballot_sync(kAll, u + lane < count && keys[u + lane] == key);
    const int here = __popc(ties);
    if (here >= left) {
      const bool it = (ties >> lane & 1) && __popc(ties & ((1u << lane) - 1)) == left - 1;
      return {first, place_of(key, u0 + u + __ffs(__ballot_sync(kAll, it)) - 1)};
    }
    left -= here;
  }
  return {first, first};  // not reached: units >= rank
}

/// Of a patch's row of keys: lanes that store side by side, or below each other, meet no bank twice.
__host__ __device__ inline int key_pitch(int64_t share) { return static_cast<int>(share) * kUnits + 4; }

/// The keys of one tile of units on the block's patches from b0, by the calling warp.
__device__ __forceinline__ void multiply_tile(const Hebbian& h, int64_t step, int b0, int u0, unsigned* keys) {
  constexpr int kColumns = kTile / 8;  // tiles of eight patches
  const int lane = threadIdx.x & 31, group = lane / 4, within = lane % 4;
  const int64_t row = kParts * h.padded;
  const int upper = u0 + group, lower = upper + 8, last = h.units - 1;  // beyond the last, the last
  const uint16_t *first = h.unit_parts + min(upper, last) * row + 8 * within,
                 *second = h.unit_parts + min(lower, last) * row + 8 * within, *patches[kColumns];
  STRIATE_UNROLL
  for (int j = 0; j < kColumns; ++j)
    patches[j] = h.patch_parts + ((step & 1) * h.batch + min(b0 + 8 * j + group, h.batch - 1)) * row + 8 * within;
  float sum[kColumns][4] = {}, small[kColumns][4] = {};
  for (int d = 0; d < h.padded; d += 32) {
    // a lane's eight features stand for 2 x 4 of the two products of 16: the same in both operands
    uint4 a[kParts][2];
    STRIATE_UNROLL
    for (int part = 0; part < kParts; ++part) {
      a[part][0] = *reinterpret_cast<const uint4*>(first + 32 * part);
      a[part][1] = *reinterpret_cast<const uint4*>(second + 32 * part);
    }
    first += 32 * kParts;
    second += 32 * kParts;
    STRIATE_UNROLL
    for (int j = 0; j < kColumns; ++j) {
      uint4 b[kParts];
      STRIATE_UNROLL
      for (int part = 0; part < kParts; ++part) b[part] = *reinterpret_cast<const uint4*>(patches[j] + 32 * part);
      patches[j] += 32 * kParts;
      const auto product = [&](float (&to)[4], int of_unit, int of_patch) {
        const uint4 x = a[of_unit][0], y = a[of_unit][1], z = b[of_patch];
        mma_bf16(to, {x.x, y.x, x.y, y.y}, {z.x, z.y});
        mma_bf16(to, {x.z, y.z, x.w, y.w}, {z.z, z.w});
      };
      product(small[j], 2, 0);
      product(sum[j], 0, 0);
      product(small[j], 1, 1);
      product(small[j], 0, 2);
      product(small[j], 1, 0);
      product(small[j], 0, 1);
    }
  }
  const int pitch = key_pitch(h.share);
  STRIATE_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int u = half ? lower : upper;
    if (u > last) break;
    const float scale = h.unit_scales[u];
    unsigned* to = keys + 2 * within * pitch + group + 8 * half;
    STRIATE_UNROLL
    for (int j = 0; j < kColumns; ++j, to += 7 * pitch) {
      to[0] = key_of((sum[j][2 * half] + small[j][2 * half]) * scale);
      to += pitch;
      to[0] = key_of((sum[j][2 * half + 1] + small[j][2 * half + 1]) * scale);
    }
  }
}

__device__ void rank_batch(const Hebbian& h, int64_t step, unsigned* shared) {
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, pitch = key_pitch(h.share);
  unsigned* keys = h.spill ? h.spill + static_cast<int64_t>(blockIdx.x) * kTile * pitch : shared;
  const int items = (h.batch + kTile - 1) / kTile * h.shares, blocks = static_cast<int>(gridDim.x);
  for (int item = static_cast<int>(blockIdx.x); item < items; item += blocks) {
    const int b0 = item / h.shares * kTile, share = item % h.shares, u0 = share * h.share * kUnits,
              units = min(h.units - u0, h.share * kUnits);
    for (int u = warp * kUnits; u < units; u += kWarps * kUnits) multiply_tile(h, step, b0, u0 + u, keys + u);
    if (units % 2)  // of a pair that is read at once
      for (int p = threadIdx.x; p < kTile; p += kThreads) keys[p * pitch + units] = 0;
    __syncthreads();
    Pair* ranked = h.ranked + ((step & 1) * h.shares + share) * h.batch + b0;
    for (int p = warp; p < min(kTile, h.batch - b0); p += kWarps) {
      if (ranked[p].first == 0) continue;
      const Pair pair =
          h.rank == 2 ? first_two(keys + p * pitch, units, u0) : rank_units(keys + p * pitch, units, u0, h.rank);
      if (lane == 0) ranked[p] = pair;
    }
    __syncthreads();  // the keys may be written over
  }
}

}  // namespace
}  // namespace striate::cuda
