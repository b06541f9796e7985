// sparse_matmul: ops/sparse_matmul.h. kGroup images in the lanes: x is turned in tiles of columns, which stay in L2 while
// every row of the matrix adds its entries of those columns; its kGroup sums wait for the next tile. An entry costs
// kGroup / 16 lines of the tile, and nothing else must: the matrix is packed once, in the order in which its entries are
// used, rows that have as many in a tile a few together, in two bytes each where all values are + or - one number.
#include "ops/sparse_matmul.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/memo.h"
#include "core/parallel.h"

namespace {

/// A quarter of L2: the sums and the matrix go through the rest.
int64_t tile_bytes() {
  long cache = 0;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
  return std::clamp<int64_t>(cache / 4, 256 << 10, 512 << 10);
}

}  // namespace

#include "cpu/simd/begin.h"
#include "cpu/simd/transpose.h"
#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kGroup = 32, kTurned = 512, kRowsTask = 128;
constexpr int kVectors = kGroup / kLanes;
/// So many rows of the matrix at once, their sums in registers.
constexpr int kTogether = STRIATE_SIMD == 4 ? 4 : STRIATE_SIMD == 3 ? 2 : 1;
constexpr uint16_t kMinus = 0x8000;
constexpr int64_t kHead = kTogether + 2, kAhead = 1024, kSoon = 48;

struct Csr {
  const float* values;
  const int32_t *columns, *offsets;
  int64_t rows;
};

void check_offsets(const Csr& a, int64_t entries) {
  for (int64_t k = 0; k <= a.rows; ++k) {
    const int64_t before = k == 0 ? 0 : a.offsets[k - 1];
    if (a.offsets[k] < before || a.offsets[k] > entries || (k == 0 && a.offsets[k] != 0))
      op::SparseMatmul::refuse_offset(k, a.offsets[k], before, entries);
  }
}

/// Of the first column that is out of order or of range.
[[noreturn]] void refuse_column(const Csr& a, int64_t width) {
  for (int64_t k = 0, i = 0;; ++k)
    for (int32_t least = 0; i < a.offsets[k + 1]; least = a.columns[i++])
      if (a.columns[i] < least || a.columns[i] >= width) op::SparseMatmul::refuse_column(i, a.columns[i], width);
}

/// The matrix by tiles, and in each of them by tasks of rows, those with most entries there first, kTogether at a time:
/// which of the task's rows, how many entries, and these by turns. Where a row has fewer than the first of them stands the
/// column behind the tile's last, which holds zeros. All in one stream, as the processor foresees none among the lines.
struct Packed {
  int64_t rows = 0, width = 0, tiles = 0;  // rows to the next kTogether; columns of a tile
  float magnitude = 0;                     // of all values, where they have one
  std::vector<int64_t> begins;             // [tile][task]
  std::vector<uint16_t> stream;            // entries: column within the tile, and kMinus
  std::vector<float> values;               // beside the stream, where they have no magnitude

  int64_t tasks() const { return (rows + kRowsTask - 1) / kRowsTask; }

  void pack(const Csr& a, int64_t entries, int64_t columns) {
    check_offsets(a, entries);
    int shift = 0;
    while ((kGroup * static_cast<int64_t>(sizeof(float)) << (shift + 1)) <= tile_bytes()) ++shift;
    width = int64_t{1} << shift;
    tiles = (columns + width - 1) / width;
    rows = (a.rows + kTogether - 1) / kTogether * kTogether;
    std::vector<int32_t> from(static_cast<size_t>((tiles + 1) * rows));  // [row][tile, one more]
    std::vector<uint8_t> order(static_cast<size_t>(tiles * rows));       // [tile][row]: which of its task's rows
    begins.assign(static_cast<size_t>(tiles * tasks() + 1), 0);
    std::atomic<bool> is_wrong{false}, is_mixed{false};
    core::parallel_for(tasks(), [&](int64_t task) {
      const int64_t first = task * kRowsTask, count = std::min(kRowsTask, rows - first);
      for (int64_t row = first; row < std::min(first + count, a.rows); ++row) {
        const int32_t begin = a.offsets[row], end = a.offsets[row + 1];
        const auto* bits = reinterpret_cast<const int32_t*>(a.values);
        int32_t descends = 0, differs = 0;
        for (int32_t i = begin + 1; i < end; ++i) descends |= a.columns[i] < a.columns[i - 1];
        for (int32_t i = begin; i < end; ++i) differs |= bits[i] ^ bits[0];
        if (differs & 0x7fffffff) is_mixed = true;
        if (begin < end && (descends || a.columns[begin] < 0 || a.columns[end - 1] >= columns)) {
          is_wrong = true;
          return;
        }
        int32_t* own = from.data() + row * (tiles + 1);
        std::fill_n(own, tiles + 1, begin);
        for (int32_t i = begin; i < end; ++i) own[(a.columns[i] >> shift) + 1] = i + 1;
        for (int64_t tile = 0; tile < tiles; ++tile) own[tile + 1] = std::max(own[tile], own[tile + 1]);
      }
      std::vector<uint8_t> places;  // of the next row that has so many entries fewer than the most
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const auto size = [&](int64_t r) {
          const int32_t* own = from.data() + (first + r) * (tiles + 1) + tile;
          return own[1] - own[0];
        };
        int32_t most = 0;
        for (int64_t r = 0; r < count; ++r) most = std::max(most, size(r));
        places.assign(static_cast<size_t>(most) + 2, 0);
        for (int64_t r = 0; r < count; ++r) ++places[static_cast<size_t>(most - size(r)) + 1];
        for (size_t i = 1; i < places.size(); ++i) places[i] += places[i - 1];
        uint8_t* own = order.data() + tile * rows + first;
        for (int64_t r = 0; r < count; ++r)
          own[places[static_cast<size_t>(most - size(r))]++] = static_cast<uint8_t>(r);
        int64_t& length = begins[static_cast<size_t>(tile * tasks() + task) + 1];
        for (int64_t i = 0; i < count; i += kTogether) length += kHead + size(own[i]) * kTogether;
      }
    });
    if (is_wrong) refuse_column(a, columns);
    for (size_t i = 1; i < begins.size(); ++i) begins[i] += begins[i - 1];
    magnitude = std::abs(a.values[0]);
    const bool with_values = is_mixed || !std::isfinite(magnitude);
    stream.resize(static_cast<size_t>(begins.back() + kHead));
    values.assign(with_values ? stream.size() : 0, 0.0f);
    vi number;
    for (int lane = 0; lane < kLanes; ++lane) number[lane] = lane;
    core::parallel_for(tasks(), [&](int64_t task) {
      const int64_t first = task * kRowsTask, count = std::min(kRowsTask, rows - first);
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t begin = begins[static_cast<size_t>(tile * tasks() + task)];
        uint16_t* to = stream.data() + begin;
        float* value_to = with_values ? values.data() + begin : nullptr;
        const uint8_t* own = order.data() + tile * rows + first;
        for (int64_t i = 0; i < count; i += kTogether) {
          int32_t at[kTogether], left[kTogether];
          for (int r = 0; r < kTogether; ++r) {
            const int32_t* row = from.data() + (first + own[i + r]) * (tiles + 1) + tile;
            at[r] = row[0];
            left[r] = row[1] - row[0];
            *to++ = own[i + r];
          }
          // Equal columns may be more than a tile has.
          *to++ = static_cast<uint16_t>(left[0]);
          *to++ = static_cast<uint16_t>(left[0] >> 16);
          if (with_values) value_to += kHead;
          while (left[0] > 0) {
            float value[kTogether][kLanes];
            int32_t entry[kTogether][kLanes];
            const int32_t most = std::min(left[0], kLanes);
            for (int r = 0; r < kTogether; ++r) {
              const int32_t some = std::clamp(left[r], 0, kLanes);
              __builtin_prefetch(a.values + at[r] + kSoon);
              __builtin_prefetch(a.columns + at[r] + kSoon);
              const vf found = vload_part(a.values + at[r], some);
              const vi column = (vi)vload_part(reinterpret_cast<const float*>(a.columns) + at[r], some);
              const vi minus = (vi)found >> 31 & (with_values ? 0 : kMinus);
              vstore(value[r], found);
              vstore(entry[r], vselect(number < some, (column - static_cast<int32_t>(tile * width)) | minus,
                                       vset(static_cast<int32_t>(width))));
              at[r] += some;
              left[r] -= kLanes;
            }
            for (int32_t e = 0; e < most; ++e)
              for (int r = 0; r < kTogether; ++r) *to++ = static_cast<uint16_t>(entry[r][e]);
            for (int32_t e = 0; with_values && e < most; ++e)
              for (int r = 0; r < kTogether; ++r) *value_to++ = value[r][e];
          }
        }
      }
    });
  }
};

/// One square of turn. Where it is inlined GCC keeps a pointer for every row in memory.
template <bool kFull>
__attribute__((noinline)) void turn_square(const float* x, int64_t stride, int64_t rows, int64_t columns, float* to) {
  transpose_block(
      kFull ? kLanes : rows, kFull ? kLanes : columns,
      [&](int64_t i) {
        return kFull || columns >= kLanes ? vload(x + i * stride) : vload_part(x + i * stride, columns);
      },
      [&](int64_t j, vf lanes) { vstore(to + j * kGroup, lanes); });
}

/// `columns` of `count` rows of x, `stride` apart, as [column][kGroup]; zeros for rows that are not.
void turn(const float* x, int64_t stride, int64_t count, int64_t columns, float* to) {
  for (int64_t row = 0; row < kGroup; row += kLanes)
    for (int64_t column = 0; column < columns; column += kLanes) {
      const bool full = row + kLanes <= count && column + kLanes <= columns;
      const auto square = full ? turn_square<true> : turn_square<false>;
      square(x + row * stride + column, stride, count - row, columns - column, to + column * kGroup + row);
    }
}

/// Adds the entries of a tile and of a task's rows, times the tile's lines, to sums [row][kGroup].
template <bool kValues>
void add_rows(const Packed& a, int64_t tile, int64_t task, const float* lines, float* sums) {
  const float signed_magnitude[2] = {a.magnitude, -a.magnitude};
  const int64_t* begin = a.begins.data() + tile * a.tasks() + task;
  const uint16_t *at = a.stream.data() + begin[0], *end = a.stream.data() + begin[1];
  const float* values = kValues ? a.values.data() + begin[0] : nullptr;
  while (at < end) {
    const int64_t count = at[kTogether] | static_cast<int64_t>(at[kTogether + 1]) << 16;
    const uint16_t *rows = at, *last = at + kHead + count * kTogether;
    for (const uint16_t* p = at; p < last; p += 32) __builtin_prefetch(p + kAhead);
    for (int r = 0; r < kTogether; ++r)
      for (int v = 0; v < kVectors; ++v) __builtin_prefetch(sums + last[r] * kGroup + v * kLanes, 1);
    vf sum[kTogether][kVectors];
#pragma GCC unroll 8
    for (int r = 0; r < kTogether; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[r][v] = vload(sums + rows[r] * kGroup + v * kLanes);
    if (kValues) values += kHead;
    for (at += kHead; at < last; at += kTogether) {
#pragma GCC unroll 8
      for (int r = 0; r < kTogether; ++r) {
        const vf value = vspread(kValues ? values[r] : signed_magnitude[at[r] / kMinus]);
        const float* line = lines + at[r] % kMinus * kGroup;
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) sum[r][v] = vfma(value, vload(line + v * kLanes), sum[r][v]);
      }
      if (kValues) values += kTogether;
    }
#pragma GCC unroll 8
    for (int r = 0; r < kTogether; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) vstore(sums + rows[r] * kGroup + v * kLanes, sum[r][v]);
  }
}

/// kGroup rows of x at a time, in the lanes.
void project(core::Context& ctx, const Packed& a, const float* x, int64_t n, int64_t d, float* y, int64_t k) {
  float *lines = ctx.scratch<float>((a.width + 1) * kGroup), *sums = ctx.scratch<float>(a.rows * kGroup);
  std::fill_n(lines + a.width * kGroup, kGroup, 0.0f);
  const auto add = a.values.empty() ? add_rows<false> : add_rows<true>;
  for (int64_t first = 0; first < n && !ctx.stop(); first += kGroup) {
    const int64_t count = std::min(kGroup, n - first);
    std::fill_n(sums, a.rows * kGroup, 0.0f);
    for (int64_t tile = 0; tile < a.tiles; ++tile) {
      const int64_t begin = tile * a.width, width = std::min(a.width, d - begin);
      core::parallel_for((width + kTurned - 1) / kTurned, [&](int64_t task) {
        const int64_t column = task * kTurned;
        turn(x + first * d + begin + column, d, count, std::min(kTurned, width - column), lines + column * kGroup);
      });
      core::parallel_for(a.tasks(), [&](int64_t task) { add(a, tile, task, lines, sums + task * kRowsTask * kGroup); });
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
  // Matrices stay from call to call, one for each of several layers: they are looked at once.
  static thread_local core::Memo<Packed, 5, 16> known;
  const Packed& matrix =
      known.of({in[1].content, in[2].content, in[3].content, static_cast<uint64_t>(entries), static_cast<uint64_t>(d)},
               [&](Packed& found) { found.pack(a, entries, d); });
  project(ctx, matrix, in[0].as<float>(), n, d, out[0].as<float>(), a.rows);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
