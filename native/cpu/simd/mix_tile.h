// The product of wavelet_mix: a few places by a panel of outputs, kept in registers over a block of the depth. A place's
// numbers lie as the bank left them, so each step of the depth names its offset. Included after simd/begin.h.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS::wavelet {
namespace {

#if STRIATE_SIMD == 4
constexpr int kPlaces = 12;  // 24 of 32 registers accumulate
#else
constexpr int kPlaces = 6;  // 12 of 16
#endif
constexpr int64_t kPanel = 2 * kLanes;

/// out[r * out_step + lane] += sum over j of row[r][offset[j]] w[j * kPanel + lane].
template <int R>
void mix_tile(int64_t depth, const int32_t* offset, const float* const* row, const float* w, float* out,
              int64_t out_step) {
  const float* from[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) from[r] = row[r];
  vf sum[R][2] = {};
  for (int64_t j = 0; j < depth; ++j, w += kPanel) {
    const int64_t at = offset[j];
    const vf a = vload(w), b = vload(w + kLanes);
    __builtin_prefetch(w + 8 * kPanel);
    __builtin_prefetch(w + 8 * kPanel + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const vf x = vspread(from[r][at]);
      sum[r][0] = vfma(x, a, sum[r][0]);
      sum[r][1] = vfma(x, b, sum[r][1]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      float* to = out + r * out_step + v * kLanes;
      vstore(to, vload(to) + sum[r][v]);
    }
}

using MixTile = void (*)(int64_t, const int32_t*, const float* const*, const float*, float*, int64_t);
template <int... I>
constexpr std::array<MixTile, sizeof...(I)> mix_table(std::integer_sequence<int, I...>) {
  return {mix_tile<I + 1>...};
}

/// All `rows` places by all `panels` of w [panel][depth][kPanel].
inline void mix_rows(int64_t depth, const int32_t* offset, const float* const* rows, int64_t count, const float* w,
                     int64_t panels, float* out, int64_t out_step) {
  static constexpr auto kTiles = mix_table(std::make_integer_sequence<int, kPlaces>());
  for (int64_t panel = 0; panel < panels; ++panel)
    for (int64_t r = 0; r < count; r += kPlaces)
      kTiles[static_cast<size_t>(std::min<int64_t>(kPlaces, count - r) - 1)](
          depth, offset, rows + r, w + panel * depth * kPanel, out + r * out_step + panel * kPanel, out_step);
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::wavelet
