// Filters in the lanes times neighbouring positions: one vector holds kLanes filters' numbers for one tap, and the pixel
// that meets them is broadcast. Two vectors times up to kTile positions stay in registers over all taps. The pixels under
// a tap at neighbouring positions are neighbours in memory. Included after simd/vec.h.
#pragma once
#include <cstdint>

#include "core/parallel.h"

#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

#if STRIATE_SIMD == 4 || defined(__ARM_NEON)  // 32 registers
inline constexpr int kTile = 12;
#else
inline constexpr int kTile = 6;
#endif
inline constexpr int kMaxVectors = 2;  // of filters in one block

STRIATE_INLINE vf broadcast(float x) { return x - vf{}; }  // unlike x + 0 this is no arithmetic: it keeps -0

/// w [K, taps] to [blocks][taps][vectors of the block * kLanes]; lanes beyond K hold zeros.
inline void pack_filters(const float* w, int64_t K, int64_t taps, float* to) {
  const int64_t vectors = (K + kLanes - 1) / kLanes;
  core::parallel_for(vectors, [&](int64_t vector) {
    const int64_t first = vector / kMaxVectors * kMaxVectors;
    const int64_t width = (vectors - first < kMaxVectors ? vectors - first : kMaxVectors) * kLanes;
    float* column = to + first * taps * kLanes + (vector - first) * kLanes;
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const int64_t k = vector * kLanes + lane;
      for (int64_t t = 0; t < taps; ++t) column[t * width + lane] = k < K ? w[k * taps + t] : 0.0f;
    }
  });
}

/// sum += a * b
STRIATE_INLINE void accumulate(vf& sum, vf a, vf b) {
#if STRIATE_SIMD == 4
  __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
#elif STRIATE_SIMD == 3
  __asm__("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
#else
  sum = vfma(a, b, sum);
#endif
}

template <bool kFirst, int kVectors, int kPositions>
STRIATE_INLINE void add_tap(const float* pixel, const float* filters, vf (&sum)[kPositions][kVectors]) {
  vf filter[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) filter[v] = vload(filters + v * kLanes);
#pragma GCC unroll 16
  for (int i = 0; i < kPositions; ++i) {
    const vf value = broadcast(pixel[i]);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      if constexpr (kFirst)
        sum[i][v] = filter[v] * value;
      else
        accumulate(sum[i][v], filter[v], value);
    }
  }
}

/// out[position][vector] = finish(sum over taps of filter * pixel, position, vector), for kPositions neighbours.
template <int kVectors, int kPositions, class Finish>
__attribute__((noinline)) void tile(const float* x, const int64_t* offset, int64_t taps, const float* filters,
                                    Finish finish, float* out) {
  constexpr int kStep = kVectors * kLanes;
  vf sum[kPositions][kVectors];
  const float* end = filters + taps * kStep;
  // Three taps, or as many as are left over by four: the processor then foresees the end of the loop, which a count of 48
  // hides from it.
  add_tap<true>(x + *offset++, filters, sum);
  for (filters += kStep; (end - filters) % (4 * kStep); filters += kStep) add_tap<false>(x + *offset++, filters, sum);
  for (; filters < end; filters += 4 * kStep, offset += 4)
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) add_tap<false>(x + offset[i], filters + i * kStep, sum);
#pragma GCC unroll 16
  for (int i = 0; i < kPositions; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) vstore(out + (i * kVectors + v) * kLanes, finish(sum[i][v], i, v));
}

template <int kVectors, int kPositions = kTile, class Finish>
STRIATE_INLINE void any_tile(int positions, const float* x, const int64_t* offset, int64_t taps, const float* filters,
                             Finish finish, float* out) {
  if (positions == kPositions) return tile<kVectors, kPositions>(x, offset, taps, filters, finish, out);
  if constexpr (kPositions > 1) any_tile<kVectors, kPositions - 1>(positions, x, offset, taps, filters, finish, out);
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
