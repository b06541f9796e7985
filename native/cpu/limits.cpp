// fma_gflops, read_gbs, copy_gbs: cpu/limits.h.
//   FMA   12 independent chains of vector multiply-adds (latency 4 at two a cycle asks for 8); the baseline without FMA
//         counts its multiply and add
//   read  8 chains of XOR over whole cache lines
//   copy  vector loads, ordinary and streaming stores in turn
// One parallel_for is one burst: of memory a slice of 32 MiB, each round the next one, so that what it reads has left
// the caches and a burst is short enough to be left alone on a busy machine. Slices are handed out in chunks of 1 MiB.
#include "cpu/limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/check.h"
#include "core/parallel.h"

namespace {

using Clock = std::chrono::steady_clock;
double now() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

/// Memory of its own, with every page touched.
class Block {
 public:
  explicit Block(size_t bytes) : data(static_cast<float*>(std::aligned_alloc(4096, bytes))) {
    if (!data)
      throw striate::core::Error(striate::core::ErrorKind::out_of_memory, "limits",
                                 "no memory for a block of " + std::to_string(bytes) + " bytes");
    std::memset(data, 1, bytes);
  }
  ~Block() { std::free(data); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  float* const data;
};

constexpr int64_t kChunk = 1 << 20;  // bytes
constexpr int64_t kFloats = kChunk / 4;

/// Chunks of a block in slices, one a round.
struct Slices {
  explicit Slices(size_t bytes)
      : size(std::clamp<int64_t>(static_cast<int64_t>(bytes) / kChunk, 1, 32)),
        count(std::max<int64_t>(1, static_cast<int64_t>(bytes) / (size * kChunk))) {}
  size_t bytes() const { return static_cast<size_t>(size * count * kChunk); }
  double slice_bytes() const { return static_cast<double>(size * kChunk); }
  int64_t start(int64_t round) const { return round % count * size; }  // number of the round's first chunk
  const int64_t size, count;
};

std::atomic<uint32_t> sink{0};  // results go here, so that the work can't be left out

}  // namespace

#include "cpu/simd/begin.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// Calls f(round) until `seconds` have passed, at least three times, and returns the shortest time of one call.
template <class F>
STRIATE_INLINE double shortest(double seconds, F&& f) {
  const double end = now() + seconds;
  double best = 1e300;
  for (int64_t round = 0; round < 3 || now() < end; ++round) {
    const double start = now();
    f(round);
    best = std::min(best, now() - start);
  }
  return best;
}

constexpr int kChains = 12;

__attribute__((noinline)) void multiply_add(int64_t rounds, float factor, float offset) {
  const vf a = vset(factor), b = vset(offset);
  vf chain[kChains];
  for (int i = 0; i < kChains; ++i) chain[i] = vset(static_cast<float>(i));
  for (int64_t round = 0; round < rounds; ++round)
    for (int i = 0; i < kChains; ++i) chain[i] = vfma(chain[i], a, b);
  vf total = chain[0];
  for (int i = 1; i < kChains; ++i) total += chain[i];
  sink.fetch_add(static_cast<uint32_t>(vsum(total)), std::memory_order_relaxed);
}

__attribute__((noinline)) void read_chunk(const float* p) {
  constexpr int kUnroll = 8;
  const int32_t* words = reinterpret_cast<const int32_t*>(p);
  vi chain[kUnroll] = {};
  for (int64_t i = 0; i < kFloats; i += kUnroll * kLanes)
    for (int j = 0; j < kUnroll; ++j) chain[j] ^= vload(words + i + j * kLanes);
  vi total = chain[0];
  for (int j = 1; j < kUnroll; ++j) total ^= chain[j];
  int32_t lane[kLanes];
  vstore(lane, total);
  uint32_t all = 0;
  for (int i = 0; i < kLanes; ++i) all ^= static_cast<uint32_t>(lane[i]);
  sink.fetch_add(all, std::memory_order_relaxed);
}

__attribute__((noinline)) void copy_chunk(const float* from, float* to) {
  for (int64_t i = 0; i < kFloats; i += kLanes) vstore(to + i, vload(from + i));
}

/// Past the caches; the same as copy_chunk where the instruction set has no such store.
__attribute__((noinline)) void stream_chunk(const float* from, float* to) {
  for (int64_t i = 0; i < kFloats; i += kLanes) {
#if STRIATE_SIMD == 4
    _mm512_stream_ps(to + i, (__m512)vload(from + i));
#elif STRIATE_SIMD == 3
    _mm256_stream_ps(to + i, (__m256)vload(from + i));
#elif defined(__SSE2__)
    _mm_stream_ps(to + i, (__m128)vload(from + i));
#else
    vstore(to + i, vload(from + i));
#endif
  }
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace

double fma_gflops(double seconds) {
  constexpr int64_t kRounds = 600'000;  // 7.2 million vector operations: about 1 to 2 ms
  const int64_t tasks = core::threads();
  volatile float factor = 0.999f, offset = 0.001f;
  const double best = shortest(seconds, [&](int64_t) {
    const float a = factor, b = offset;
    core::parallel_for(tasks, [=](int64_t) { multiply_add(kRounds, a, b); });
  });
  return static_cast<double>(tasks) * kRounds * kChains * kLanes * 2 / best * 1e-9;
}

double read_gbs(size_t bytes, double seconds) {
  const Slices slices(bytes);
  const Block block(slices.bytes());
  const double best = shortest(seconds, [&](int64_t round) {
    const float* from = block.data + slices.start(round) * kFloats;
    core::parallel_for(slices.size, [=](int64_t i) { read_chunk(from + i * kFloats); });
  });
  return slices.slice_bytes() / best * 1e-9;
}

double copy_gbs(size_t bytes, double seconds) {
  const Slices slices(bytes);
  const Block source(slices.bytes()), target(slices.bytes());
  double best = 1e300;
  for (const bool streaming : {false, true})
    best = std::min(best, shortest(seconds / 2, [&](int64_t round) {
                      const float* from = source.data + slices.start(round) * kFloats;
                      float* to = target.data + slices.start(round) * kFloats;
                      core::parallel_for(slices.size, [=](int64_t i) {
                        streaming ? stream_chunk(from + i * kFloats, to + i * kFloats)
                                  : copy_chunk(from + i * kFloats, to + i * kFloats);
                      });
                    }));
  return 2 * slices.slice_bytes() / best * 1e-9;
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
