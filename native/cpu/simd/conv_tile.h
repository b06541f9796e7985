// The inner product of conv2d: a tile of rows (pixels, or weights) by a panel of lanes, or by two where the registers
// hold them, kept there over the whole sum. The sum is a list of runs: in each, a pointer for each row walks along memory
// one number at a time while a row of the other factor, kPanel numbers of a panel, is read at each step. Included after
// simd/begin.h.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "cpu/simd/conv_panels.h"
#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS::conv {
namespace {

#if STRIATE_SIMD == 4
constexpr int kRows = 8, kWideRows = 6;  // by one panel and by two: 16 and 24 of 32 registers accumulate
constexpr int64_t kPanels = 2;
#else
constexpr int kRows = 6, kWideRows = 6;  // 12 of 16
constexpr int64_t kPanels = 1;
#endif
/// Panels of lanes that a tile takes side by side, and its rows then.
STRIATE_INLINE int64_t panels_at_once(int64_t panels) { return std::min(panels, kPanels); }
STRIATE_INLINE int64_t rows_at_once(int64_t panels) { return panels_at_once(panels) > 1 ? kWideRows : kRows; }

/// Rows named one by one: row r of run i of a panel is data + panel * panel_stride + row[i * kRows + r].
struct GatheredRuns {
  const float* data;
  int64_t panel_stride;
  const int32_t *row, *tap;  // of each run
  int64_t count;
  const float* filters;  // of the first panel of lanes
  const Filters* shape;
  int64_t apart;  // from one panel of lanes to the next

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
  int64_t apart;

  STRIATE_INLINE int64_t panels() const { return 1; }
  STRIATE_INLINE int64_t length(int64_t, int64_t run) const { return steps[run]; }
  STRIATE_INLINE const float* a(int64_t, int64_t run, int r) const { return row[r] + from[run]; }
  STRIATE_INLINE const float* b(int64_t, int64_t run) const { return lanes + lane[run] * kPanel; }
};

/// out[r][lane] = the sum (+ bias[lane], or + what is there), for `rows` rows of kPanel numbers; of the second panel of
/// lanes `apart` further on.
template <class Runs>
using Tile = void (*)(const Runs&, const float* bias, bool add, float* out, int64_t apart, int rows);

template <class Runs, int R, int V>
void tile(const Runs& runs, const float* bias, bool add, float* out, int64_t apart, int rows) {
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
        for (int v = 0; v < V; ++v) y[v] = vload(b + v / 2 * runs.apart + v % 2 * kLanes);
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
      float* to = out + v / 2 * apart + r * kPanel + v % 2 * kLanes;
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
  constexpr int kMost = 2 * kPanels;
  return {tile<Runs, std::min(I / kMost * 2 + 2, I % kMost < 2 ? kRows : kWideRows), (I % kMost + 1)>...};
}
/// The tile for that many rows (rounded up to an even number; the runs name as many) and lanes of the panel.
template <class Runs>
Tile<Runs> tile_for(int rows, int64_t lanes) {
  constexpr int64_t kMost = 2 * kPanels;
  static constexpr auto kTiles = tile_table<Runs>(std::make_integer_sequence<int, kRows * kPanels>());
  return kTiles[static_cast<size_t>((rows - 1) / 2 * kMost + std::min(kMost, (lanes + kLanes - 1) / kLanes) - 1)];
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::conv
