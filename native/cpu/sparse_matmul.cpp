// sparse_matmul: ops/sparse_matmul.h. kGroup images in the lanes: x is turned in tiles of columns, which stay in L2 while
// every row of the matrix adds its entries of those columns; its kGroup sums wait for the next tile. An entry costs
// kGroup / 16 lines of the tile, and nothing else must: where a tile begins in each row is found out once for a matrix,
// and rows go through a tile a few together that have as many entries there, so that no loop ends unforeseen.
#include "ops/sparse_matmul.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "core/memo.h"
#include "core/parallel.h"

namespace {

/// Half of L2: the sums and the matrix go through the rest.
int64_t tile_bytes() {
  long cache = 0;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
  return std::clamp<int64_t>(cache / 2, 512 << 10, 1 << 20);
}

}  // namespace

#include "cpu/simd/begin.h"
#include "cpu/simd/transpose.h"
#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kTurned = 512, kRowsTask = 128, kAhead = 4;

struct Csr {
  const float* values;
  const int32_t *columns, *offsets;
  int64_t rows;
};

void check(const Csr& a, int64_t entries, int64_t width) {
  for (int64_t k = 0; k <= a.rows; ++k) {
    const int64_t before = k == 0 ? 0 : a.offsets[k - 1];
    if (a.offsets[k] < before || a.offsets[k] > entries || (k == 0 && a.offsets[k] != 0))
      op::SparseMatmul::refuse_offset(k, a.offsets[k], before, entries);
  }
  for (int64_t k = 0; k < a.rows; ++k) {
    int32_t least = 0;
    for (int64_t i = a.offsets[k]; i < a.offsets[k + 1]; ++i) {
      if (a.columns[i] < least || a.columns[i] >= width) op::SparseMatmul::refuse_column(i, a.columns[i], width);
      least = a.columns[i];
    }
  }
}

/// Where each row enters a tile of `tile` columns, and rows by how many entries they have there.
struct Tiles {
  int64_t width = 0;
  std::vector<int32_t> begins;  // [tile, one more][row]
  std::vector<uint8_t> order;   // [tile][row]: a row of its task, those with most entries first

  void find(const Csr& a, int64_t columns, int64_t tile) {
    width = tile;
    const int64_t tiles = (columns + tile - 1) / tile, k = a.rows;
    begins.resize(static_cast<size_t>((tiles + 1) * k));
    order.resize(static_cast<size_t>(tiles * k));
    core::parallel_rows(k, kRowsTask, [&](int64_t row) {
      int32_t i = a.offsets[row];
      for (int64_t t = 0; t <= tiles; ++t) {
        for (; i < a.offsets[row + 1] && a.columns[i] < t * tile; ++i) {
        }
        begins[static_cast<size_t>(t * k + row)] = i;
      }
    });
    core::parallel_for((k + kRowsTask - 1) / kRowsTask, [&](int64_t task) {
      const int64_t first = task * kRowsTask, count = std::min(kRowsTask, k - first);
      for (int64_t t = 0; t < tiles; ++t) {
        const int32_t* from = begins.data() + t * k + first;
        uint8_t* own = order.data() + t * k + first;
        std::iota(own, own + count, uint8_t{0});
        std::stable_sort(own, own + count,
                         [&](uint8_t x, uint8_t y) { return from[k + x] - from[x] > from[k + y] - from[y]; });
      }
    });
  }
};

/// Columns [begin, end) of `count` rows of x, `stride` apart, as [column][kGroup]; zeros for rows that are not.
template <int64_t kGroup>
void turn(const float* x, int64_t stride, int64_t count, int64_t begin, int64_t end, float* to) {
  for (int64_t v = 0; v < kGroup / kLanes; ++v, to += kLanes)
    for (int64_t column = begin; column < end; column += kLanes) {
      const int64_t some = end - column;
      float* lines = to + (column - begin) * kGroup;
      transpose_block(
          count - v * kLanes, some,
          [&](int64_t i) {
            const float* from = x + (v * kLanes + i) * stride + column;
            return some >= kLanes ? vload(from) : vload_part(from, some);
          },
          [&](int64_t j, vf lanes) { vstore(lines + j * kGroup, lanes); });
    }
}

/// So many rows of the matrix at once, their sums in registers.
template <int kVectors>
constexpr int kTogether = (STRIATE_SIMD == 4 ? 8 : 4) / kVectors > 1 ? (STRIATE_SIMD == 4 ? 8 : 4) / kVectors : 1;

/// The entries [at[r], end[r]) of R rows, of which the last has fewest, times the lines of a tile, onto sums[r].
template <int kVectors, int R>
STRIATE_INLINE void add_rows(const Csr& a, const float* lines, const int32_t* at, const int32_t* end,
                             float* const* sums) {
  constexpr int64_t kGroup = kVectors * kLanes;
  const float* values[R];
  const int32_t* columns[R];
  vf sum[R][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    values[r] = a.values + at[r];
    columns[r] = a.columns + at[r];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sum[r][v] = vload(sums[r] + v * kLanes);
  }
  const auto add = [&](int r, int64_t i) __attribute__((always_inline)) {
    const float* line = lines + columns[r][i] * kGroup;
    const vf value = vspread(values[r][i]);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sum[r][v] = vfma(value, vload(line + v * kLanes), sum[r][v]);
  };
  const int64_t common = end[R - 1] - at[R - 1];
  for (int64_t i = 0; i < common; ++i)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) add(r, i);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    for (int64_t i = common; i < end[r] - at[r]; ++i) add(r, i);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) vstore(sums[r] + v * kLanes, sum[r][v]);
  }
}

/// `count` rows of x at a time, in the lanes of so many vectors.
template <int64_t kGroup>
void project(core::Context& ctx, const Csr& a, const Tiles& tiles, const float* x, int64_t n, int64_t d, float* y) {
  constexpr int kVectors = kGroup / kLanes, kRows = kTogether<kVectors>;
  const int64_t k = a.rows;
  float *tile = ctx.scratch<float>(tiles.width * kGroup), *sums = ctx.scratch<float>(k * kGroup);
  for (int64_t first = 0; first < n && !ctx.stop(); first += kGroup) {
    const int64_t count = std::min(kGroup, n - first);
    std::fill(sums, sums + k * kGroup, 0.0f);
    for (int64_t begin = 0; begin < d; begin += tiles.width) {
      const int64_t end = std::min(d, begin + tiles.width);
      core::parallel_for((end - begin + kTurned - 1) / kTurned, [&](int64_t task) {
        const int64_t column = begin + task * kTurned;
        turn<kGroup>(x + first * d, d, count, column, std::min(end, column + kTurned), tile + task * kTurned * kGroup);
      });
      core::parallel_for((k + kRowsTask - 1) / kRowsTask, [&](int64_t task) {
        const int64_t from = task * kRowsTask, rows = std::min(kRowsTask, k - from);
        const float* lines = tile - begin * kGroup;
        const int32_t *begins = tiles.begins.data() + begin / tiles.width * k + from, *ends = begins + k;
        const uint8_t* order = tiles.order.data() + begin / tiles.width * k + from;
        const auto run = [&]<int R>(int64_t i) __attribute__((always_inline)) {
          int32_t at[R], until[R];
          float* own[R];
          for (int r = 0; r < R; ++r) {
            const int64_t row = order[i + r];
            at[r] = begins[row];
            until[r] = ends[row];
            own[r] = sums + (from + row) * kGroup;
          }
          add_rows<kVectors, R>(a, lines, at, until, own);
        };
        int64_t i = 0;
        for (; i + kRows <= rows; i += kRows) {
          // Where a row goes on is far from where the rows beside it do.
          for (int64_t soon = i + kAhead; soon < std::min(rows, i + kAhead + kRows); ++soon) {
            const int64_t row = order[soon], last = ends[row];
            for (int64_t entry = begins[row]; entry < last + 15; entry += 16) {
              __builtin_prefetch(a.columns + entry);
              __builtin_prefetch(a.values + entry);
            }
            for (int v = 0; v < kVectors; ++v) __builtin_prefetch(sums + (from + row) * kGroup + v * kLanes, 1);
          }
          run.template operator()<kRows>(i);
        }
        for (; i < rows; ++i) run.template operator()<1>(i);
      });
    }
    core::parallel_for((k + kLanes - 1) / kLanes, [&](int64_t task) {
      const int64_t row = task * kLanes;
      for (int64_t v = 0; v * kLanes < count; ++v)
        transpose_block(
            k - row, count - v * kLanes, [&](int64_t i) { return vload(sums + (row + i) * kGroup + v * kLanes); },
            [&](int64_t i, vf lanes) {
              vstore_part(y + (first + v * kLanes + i) * k + row, lanes, std::min<int64_t>(kLanes, k - row));
            });
    });
  }
}

}  // namespace

void sparse_matmul(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t n = in[0].shape[0], d = in[0].shape[1];
  const Csr a{in[1].as<float>(), in[2].as<int32_t>(), in[3].as<int32_t>(), out[0].shape[1]};
  const int64_t entries = in[1].shape[0];
  const auto run = [&]<int64_t kGroup>() {
    // Matrices stay from call to call, one for each of several layers: they are looked at once.
    static thread_local core::Memo<Tiles, 4, 16> known;
    const Tiles& tiles = known.of(
        {in[2].content, in[3].content, static_cast<uint64_t>(entries), static_cast<uint64_t>(d)}, [&](Tiles& found) {
          check(a, entries, d);
          found.find(a, d, tile_bytes() / static_cast<int64_t>(kGroup * sizeof(float)));
        });
    project<kGroup>(ctx, a, tiles, in[0].as<float>(), n, d, out[0].as<float>());
  };
  n > 16 ? run.template operator()<32>() : run.template operator()<16>();
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
