// The inner product of conv2d: a tile of rows (pixels, or weights) by one panel of lanes, kept in registers over the
// whole sum. The sum is a list of runs: in each, kRows pointers walk along memory one number at a time while a row of
// the other factor, kPanel numbers, is read at each step. Included after simd/begin.h.
#pragma once
#include <array>
#include <cstdint>
#include <utility>

#include "cpu/simd/conv_panels.h"
#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS::conv {
namespace {

#if STRIATE_SIMD == 4
constexpr int kRows = 8;  // 16 of 32 registers accumulate
#else
constexpr int kRows = 6;  // 12 of 16
#endif

/// Rows named one by one: row r of run i of a panel is data + panel * panel_stride + row[i * kRows + r].
struct GatheredRuns {
  const float* data;
  int64_t panel_stride;
  const int32_t *row, *tap;  // of each run
  int64_t count;
  const float* filters;  // of this panel of lanes
  const Filters* shape;

  STRIATE_INLINE int64_t panels() const { return shape->depth_panels(); }
  STRIATE_INLINE int64_t length(int64_t panel, int64_t) const { return shape->width(panel); }
  STRIATE_INLINE const float* a(int64_t panel, int64_t run, int r) const {
    return data + panel * panel_stride + row[run * kRows + r];
  }
  STRIATE_INLINE const float* b(int64_t panel, int64_t run) const {
    return filters + (panel * shape->step * shape->taps + tap[run] * shape->width(panel)) * kPanel;
  }
};

/// The same pattern of runs for every row: row r of run i is row[r] + from[i].
struct ShiftedRuns {
  const float* const* row;
  const int64_t *from, *lane, *steps;  // of each run: offset in a row, row of `lanes` that it starts with, length
  int64_t count;
  const float* lanes;

  STRIATE_INLINE int64_t panels() const { return 1; }
  STRIATE_INLINE int64_t length(int64_t, int64_t run) const { return steps[run]; }
  STRIATE_INLINE const float* a(int64_t, int64_t run, int r) const { return row[r] + from[run]; }
  STRIATE_INLINE const float* b(int64_t, int64_t run) const { return lanes + lane[run] * kPanel; }
};

/// out[r][lane] = the sum (+ bias[lane], or + what is there), for `rows` rows of kPanel numbers.
template <class Runs>
using Tile = void (*)(const Runs&, const float* bias, bool add, float* out, int rows);

template <class Runs, int R, int V>
void tile(const Runs& runs, const float* bias, bool add, float* out, int rows) {
  vf sum[R][V] = {};
  const int64_t panels = runs.panels();
  for (int64_t panel = 0; panel < panels; ++panel)
    for (int64_t run = 0; run < runs.count; ++run) {
      const float* a[R];
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) a[r] = runs.a(panel, run, r);
      const float* b = runs.b(panel, run);
      const int64_t length = runs.length(panel, run);
#pragma GCC unroll 2
      for (int64_t i = 0; i < length; ++i, b += kPanel) {
        vf y[V];
        if constexpr (kLanes == 16)  // a panel's filters may outgrow L1 there
          for (int v = 0; v < V; ++v) __builtin_prefetch(b + 8 * kPanel + v * kLanes);
        for (int v = 0; v < V; ++v) y[v] = vload(b + v * kLanes);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
          const vf x = vspread(a[r][i]);
          for (int v = 0; v < V; ++v) sum[r][v] = vfma(x, y[v], sum[r][v]);
        }
      }
    }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    if (r >= rows) return;
    for (int v = 0; v < V; ++v) {
      float* to = out + r * kPanel + v * kLanes;
      vf s = sum[r][v];
      if (add)
        s = vload(to) + s;
      else if (bias)
        s = s + vload(bias + v * kLanes);
      vstore(to, s);
    }
  }
}

template <class Runs, int... I>
constexpr std::array<Tile<Runs>, sizeof...(I)> tile_table(std::integer_sequence<int, I...>) {
  return {tile<Runs, I / 2 * 2 + 2, I % 2 + 1>...};
}
/// The tile for that many rows (rounded up to an even number; the runs name as many) and lanes of the panel.
template <class Runs>
Tile<Runs> tile_for(int rows, int64_t lanes) {
  static constexpr auto kTiles = tile_table<Runs>(std::make_integer_sequence<int, kRows>());
  return kTiles[static_cast<size_t>((rows - 1) / 2 * 2 + (lanes > kLanes ? 1 : 0))];
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::conv
