// sparse_matmul: ops/sparse_matmul.h. kGroup images in the lanes: x is turned in tiles of kTile columns, which stay in L2
// while every row of the matrix adds its entries of those columns; where a row stands and its kGroup sums wait for the
// next tile. An entry costs kGroup / 16 lines of the tile.
#include "ops/sparse_matmul.h"

#include <algorithm>
#include <cstdint>

#include "core/memo.h"
#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/transpose.h"
#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kTurned = 256, kRowsTask = 64, kAhead = 8;

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

/// Columns [begin, end) of `count` rows of x, `stride` apart, as [column][kGroup]; zeros for rows that are not.
template <int64_t kGroup>
void turn(const float* x, int64_t stride, int64_t count, int64_t begin, int64_t end, float* to) {
  for (int64_t column = begin; column < end; column += kLanes, to += kLanes * kGroup) {
    const int64_t some = end - column;
    for (int64_t v = 0; v < kGroup / kLanes; ++v)
      transpose_block(
          count - v * kLanes, some,
          [&](int64_t i) {
            const float* from = x + (v * kLanes + i) * stride + column;
            if (some >= kLanes) return vload(from);
            float lanes[kLanes] = {};
            for (int64_t j = 0; j < some; ++j) lanes[j] = from[j];
            return vload(lanes);
          },
          [&](int64_t j, vf lanes) { vstore(to + j * kGroup + v * kLanes, lanes); });
  }
}

/// `count` rows of x at a time, in the lanes of so many vectors.
template <int64_t kGroup, int64_t kTile>
void project(core::Context& ctx, const Csr& a, const float* x, int64_t n, int64_t d, float* y) {
  constexpr int kVectors = kGroup / kLanes;
  const int64_t k = a.rows;
  float *tile = ctx.scratch<float>(kTile * kGroup), *sums = ctx.scratch<float>(k * kGroup);
  int32_t* at = ctx.scratch<int32_t>(k);
  for (int64_t first = 0; first < n && !ctx.stop(); first += kGroup) {
    const int64_t count = std::min(kGroup, n - first);
    std::fill(sums, sums + k * kGroup, 0.0f);
    std::copy(a.offsets, a.offsets + k, at);
    for (int64_t begin = 0; begin < d; begin += kTile) {
      const int64_t end = std::min(d, begin + kTile);
      core::parallel_for((end - begin + kTurned - 1) / kTurned, [&](int64_t task) {
        const int64_t column = begin + task * kTurned;
        turn<kGroup>(x + first * d, d, count, column, std::min(end, column + kTurned), tile + task * kTurned * kGroup);
      });
      core::parallel_for((k + kRowsTask - 1) / kRowsTask, [&](int64_t task) {
        const int64_t until = std::min(k, (task + 1) * kRowsTask);
        const float *values = a.values, *lines = tile - begin * kGroup;
        const int32_t *columns = a.columns, within = static_cast<int32_t>(end);
        for (int64_t row = task * kRowsTask; row < until; ++row) {
          // A row goes on where the last tile left it, far from the rows beside it.
          const int32_t soon = at[std::min(row + kAhead, until - 1)];
          __builtin_prefetch(columns + soon);
          __builtin_prefetch(values + soon);
          const int32_t last = a.offsets[row + 1];
          int32_t i = at[row];
          float* own = sums + row * kGroup;
          vf sum[kVectors];
          for (int v = 0; v < kVectors; ++v) sum[v] = vload(own + v * kLanes);
          for (; i < last && columns[i] < within; ++i) {
            const float* line = lines + columns[i] * kGroup;
            const vf value = vspread(values[i]);
            for (int v = 0; v < kVectors; ++v) sum[v] = vfma(value, vload(line + v * kLanes), sum[v]);
          }
          for (int v = 0; v < kVectors; ++v) vstore(own + v * kLanes, sum[v]);
          at[row] = i;
        }
      });
    }
    core::parallel_for(count, [&](int64_t i) {
      for (int64_t row = 0; row < k; ++row) y[(first + i) * k + row] = sums[row * kGroup + i];
    });
  }
}

}  // namespace

void sparse_matmul(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t n = in[0].shape[0], d = in[0].shape[1];
  const Csr a{in[1].as<float>(), in[2].as<int32_t>(), in[3].as<int32_t>(), out[0].shape[1]};
  // Matrices stay from call to call, one for each of several layers: they are looked at once.
  static thread_local core::Memo<char, 4, 16> known;
  const int64_t entries = in[1].shape[0];
  known.of({in[2].content, in[3].content, static_cast<uint64_t>(entries), static_cast<uint64_t>(d)},
           [&](char&) { check(a, entries, d); });
  if (n > 16)
    project<32, 4096>(ctx, a, in[0].as<float>(), n, d, out[0].as<float>());
  else
    project<16, 8192>(ctx, a, in[0].as<float>(), n, d, out[0].as<float>());
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
