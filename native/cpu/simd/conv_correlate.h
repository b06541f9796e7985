// y[n,l,p,q] = sum over taps and depth of filters * x at the place that (p, q) and the tap name: the forward product of
// conv2d and the gradient of its input. One tile is a few rows (a row is one position of one image) by a panel of
// lanes, and sums over the whole depth. The images of a position are neighbours, so that a tap that falls outside the
// image is left out for all of a tile's rows; where rows of several positions meet in a tile it is a row of zeros.
// Included after simd/begin.h.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/context.h"
#include "core/parallel.h"

#include "cpu/simd/conv_tile.h"

namespace striate::cpu::STRIATE_SIMD_NS::conv {
namespace {

struct Correlation {
  Filters shape;
  const float *filters, *x;  // x channels last
  int64_t images;
  int64_t P, Q, width;                 // of the result; pixels in a line of x
  int64_t across;                      // taps are [down][across]
  const int32_t *down_at, *across_at;  // line [P][taps down] and column [Q][taps across] of x, or -1: outside
  const float* bias;                   // in whole panels, or null
  float* y;                            // [images, lanes, P, Q]
  int64_t panel_stride;
};

/// The runs of all tiles of a block of positions.
struct RowTable {
  int64_t step;                // rows of a tile
  int32_t *row, *tap, *count;  // [tile][taps][kRows], [tile][taps], [tile]

  void fill(const Correlation& c, int64_t first, int64_t rows) {
    const int64_t downs = c.shape.taps / c.across;
    const int32_t zero = static_cast<int32_t>(c.panel_stride - kPanel);
    int64_t p = first / c.Q, q = first % c.Q, n = 0;  // of the next row
    for (int64_t start = 0, tile = 0; start < rows; start += step, ++tile) {
      const int32_t *down[kRows], *side[kRows];
      int64_t image[kRows];
      for (int64_t r = 0; r < step; ++r) {
        down[r] = c.down_at + p * downs;
        side[r] = c.across_at + q * c.across;
        image[r] = n;
        if (start + r + 1 >= rows || ++n < c.images) continue;
        n = 0;
        if (++q == c.Q) q = 0, ++p;
      }
      const bool one = side[0] == side[step - 1] && down[0] == down[step - 1];
      const int64_t apart = one ? step : 1;  // rows of one position follow from its first
      int32_t runs = 0;
      for (int64_t i = 0, t = 0; i < downs; ++i)
        for (int64_t j = 0; j < c.across; ++j, ++t) {
          int32_t* to = row + (tile * c.shape.taps + runs) * kRows;
          int32_t outside = -1;
          for (int64_t r = 0; r < step; r += apart) {
            const int32_t h = down[r][i], w = side[r][j];
            to[r] = (h | w) < 0 ? zero : static_cast<int32_t>(((h * c.width + w) * c.images + image[r]) * kPanel);
            outside &= h | w;
          }
          if (outside < 0) continue;
          for (int64_t r = 1; one && r < step; ++r)
            to[r] = to[0] + static_cast<int32_t>((image[r] - image[0]) * kPanel);
          tap[tile * c.shape.taps + runs++] = static_cast<int32_t>(t);
        }
      count[tile] = runs;
    }
  }
};

inline void correlate(core::Context& ctx, const Correlation& c, bool stream) {
  // A block's part of x should stay in L2, a layer of a panel of filters in L1.
  constexpr int64_t kBlockFloats = 64 << 10, kLayerFloats = 5 << 10;
  const int64_t plane = c.P * c.Q, taps = c.shape.taps, panels = c.shape.lane_panels();
  const int64_t together = panels_at_once(panels), sets_of_panels = (panels + together - 1) / together;
  const int64_t step = rows_at_once(panels);
  const int64_t layer = std::max<int64_t>(1, kLayerFloats / (taps * kPanel * c.shape.step)) * c.shape.step;
  // Some blocks even of a small image, and two for each thread.
  const int64_t threads = core::threads(), each = std::max<int64_t>(8, plane / (2 * threads));
  const int64_t most = std::min({std::max<int64_t>(32, plane / 16), each, 4096 / c.images + 1});
  const int64_t wanted = std::clamp<int64_t>(kBlockFloats / c.shape.depth / c.images, 1, most);
  const int64_t block = std::min(plane, wanted > kLanes / 2 ? (wanted + kLanes - 1) / kLanes * kLanes : wanted);
  const int64_t blocks = (plane + block - 1) / block;
  const int64_t parts = std::min(sets_of_panels, (4 * threads + blocks - 1) / blocks);
  const int64_t share = threads == 1 ? panels : (sets_of_panels + parts - 1) / parts * together;
  const int64_t groups = (panels + share - 1) / share;
  const int64_t tasks = blocks * groups, slots = std::min(threads, tasks);
  const int64_t tiles = (block * c.images + step - 1) / step, apart = tiles * kRows * kPanel;
  float* outs = ctx.scratch<float>(static_cast<size_t>(slots * together * apart));
  int32_t* rows = ctx.scratch<int32_t>(static_cast<size_t>(slots * tiles * taps * kRows));
  int32_t* runs = ctx.scratch<int32_t>(static_cast<size_t>(slots * tiles * (taps + 1)));
  std::atomic<int64_t> next{0};
  core::parallel_for(slots, [&](int64_t slot) {
    float* out = outs + slot * together * apart;
    int32_t* count = runs + slot * tiles * (taps + 1);
    RowTable table{step, rows + slot * tiles * taps * kRows, count + tiles, count};
    for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks && !ctx.stop();) {
      const int64_t first = task / groups * block;
      const int64_t positions = std::min(block, plane - first), count_rows = positions * c.images;
      table.fill(c, first, count_rows);
      const int64_t begin = task % groups * share;
      for (int64_t panel = begin; panel < std::min(panels, begin + share); panel += together) {
        for (int64_t depth = 0; depth < c.shape.depth; depth += layer) {
          const Filters part{c.shape.lanes, std::min(layer, c.shape.depth - depth), c.shape.step, taps};
          for (int64_t row = 0, i = 0; row < count_rows; row += step, ++i) {
            const int some = static_cast<int>(std::min<int64_t>(step, count_rows - row));
            const GatheredRuns list{c.x + depth / c.shape.step * c.panel_stride,
                                    c.panel_stride,
                                    table.row + i * taps * kRows,
                                    table.tap + i * taps,
                                    table.count[i],
                                    c.filters + panel * c.shape.panel_floats() + depth * taps * kPanel,
                                    &part,
                                    c.shape.panel_floats()};
            tile_for<GatheredRuns>(some, c.shape.lanes - panel * kPanel)(
                list, c.bias ? c.bias + panel * kPanel : nullptr, depth > 0, out + row * kPanel, apart, some);
          }
        }
        for (int64_t i = 0; i < together && panel + i < panels; ++i)
          for (int64_t n = 0; n < c.images; ++n) {
            const int64_t lane = (panel + i) * kPanel;
            to_planes(out + i * apart + n * kPanel, c.images * kPanel, positions,
                      std::min(kPanel, c.shape.lanes - lane), c.y + (n * c.shape.lanes + lane) * plane + first, plane,
                      stream);
          }
      }
    }
    stream_fence();
  });
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::conv
