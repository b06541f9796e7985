// Patches for simd/winners.h: rows turned into lanes. Included after simd/winners.h.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "cpu/simd/wide.h"
#include "cpu/simd/windows.h"
#include "cpu/simd/winners.h"

namespace striate::cpu::STRIATE_SIMD_NS {

template <int kHalf, int... I>
STRIATE_INLINE vd vwiden_lanes(vf x, std::integer_sequence<int, I...>) {
  return __builtin_convertvector(__builtin_shufflevector(x, x, (I + kHalf * (kLanes / 2))...), vd);
}
/// The lower (0) or upper (1) half of the lanes in double.
template <int kHalf>
STRIATE_INLINE vd vwiden(vf x) {
#if STRIATE_SIMD == 4
  return (vd)_mm512_maskz_cvtps_pd(0xff, _mm512_extractf32x8_ps((__m512)x, kHalf));
#else
  return vwiden_lanes<kHalf>(x, std::make_integer_sequence<int, kLanes / 2>{});
#endif
}

// ---- Rows into lanes ----

/// Swaps the halves of each pair of rows that lie `kStep` apart, where the lane's bit `kStep` differs from the row's.
template <int kStep, int... I>
STRIATE_INLINE void exchange(vf& a, vf& b, std::integer_sequence<int, I...>) {
  const vf low = __builtin_shufflevector(a, b, ((I & kStep) ? I - kStep + kLanes : I)...);
  b = __builtin_shufflevector(a, b, ((I & kStep) ? I + kLanes : I + kStep)...);
  a = low;
}
template <int kStep>
STRIATE_INLINE void exchange_rows(vf (&row)[kLanes]) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i)
    if (!(i & kStep)) exchange<kStep>(row[i], row[i + kStep], std::make_integer_sequence<int, kLanes>{});
  if constexpr (kStep > 1) exchange_rows<kStep / 2>(row);
}

/// tile[i][lane] = rows[lane][i] for i < d and the lanes of `vectors` vectors; lanes from `count` on become 0.
static void rows_to_lanes(const float* rows, int64_t stride, int64_t count, int64_t d, int vectors, float* tile) {
  for (int v = 0; v < vectors; ++v)
    for (int64_t i = 0; i < d; i += kLanes) {
      const int64_t wide = d - i < kLanes ? d - i : kLanes;
      const float* p = rows + static_cast<int64_t>(v) * kLanes * stride + i;
      float* to = tile + (i * vectors + v) * kLanes;
      vf row[kLanes];
      if (wide == kLanes && (v + 1) * kLanes <= count) {
#pragma GCC unroll 16
        for (int lane = 0; lane < kLanes; ++lane) row[lane] = vload(p + lane * stride);
        exchange_rows<kLanes / 2>(row);
#pragma GCC unroll 16
        for (int j = 0; j < kLanes; ++j) vstore(to + j * vectors * kLanes, row[j]);
      } else {
        for (int lane = 0; lane < kLanes; ++lane)
          row[lane] = v * kLanes + lane < count ? vload_part(p + lane * stride, wide) : vf{};
        exchange_rows<kLanes / 2>(row);
        for (int64_t j = 0; j < wide; ++j) vstore(to + j * vectors * kLanes, row[j]);
      }
    }
}

/// zero[lane] = whether the lane's patch counts as zero.
static void find_zeros(const float* tile, int64_t d, int vectors, uint8_t* zero) {
  for (int v = 0; v < vectors; ++v) {
    vf sum{};
    for (int64_t i = 0; i < d; ++i) {
      const vf x = vload(tile + (i * vectors + v) * kLanes);
      sum = vfma(x, x, sum);
    }
    float lane[kLanes];
    vstore(lane, sum);
    for (int l = 0; l < kLanes; ++l) zero[v * kLanes + l] = lane[l] <= static_cast<float>(kZeroPatch);
  }
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
