// max_pool, max_pool_grad, avg_pool, avg_pool_grad: ops/pool.h. The rows of a window are folded first, column by column
// and so vector by vector; the short step along the row follows. NaN wins over every number.
#include "ops/pool.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// True where `later` replaces `earlier`: it is greater, or the first NaN.
STRIATE_INLINE bool replaces(float later, float earlier) { return !(later <= earlier) & (earlier == earlier); }
STRIATE_INLINE vi replaces(vf later, vf earlier) { return ~(later <= earlier) & (earlier == earlier); }

/// Rows of `lines` floats, a slot for each of up to threads() tasks, are too much trouble for so cheap an op: a task's
/// scratch row lives on its stack, in strips of this many columns.
constexpr int64_t kStrip = 1024;
constexpr int32_t kOutside = INT32_MAX;  // row of what is no maximum: outside the image

/// best[i] = max over the window's rows at column i, and the row of the first of them.
STRIATE_INLINE void fold_rows(const float* x, int64_t width, int64_t size, int64_t columns, float* best, int32_t* row) {
  int64_t i = 0;
  for (; i + kLanes <= columns; i += kLanes) {
    vf value = vload(x + i);
    vi at = {};
    for (int64_t r = 1; r < size; ++r) {
      const vf next = vload(x + r * width + i);
      const vi take = replaces(next, value);
      value = vselect(take, next, value);
      if (row) at = vselect(take, vset(static_cast<int32_t>(r)), at);
    }
    vstore(best + i, value);
    if (row) vstore(row + i, at);
  }
  for (; i < columns; ++i) {
    best[i] = x[i];
    if (row) row[i] = 0;
    for (int64_t r = 1; r < size; ++r)
      if (replaces(x[r * width + i], best[i])) {
        best[i] = x[r * width + i];
        if (row) row[i] = static_cast<int32_t>(r);
      }
  }
}

/// sum[i] = sum over the rows at column i.
STRIATE_INLINE void sum_rows(const float* x, int64_t width, int64_t size, int64_t columns, float* sum) {
  int64_t i = 0;
  for (; i + kLanes <= columns; i += kLanes) {
    vf total = vload(x + i);
    for (int64_t r = 1; r < size; ++r) total = total + vload(x + r * width + i);
    vstore(sum + i, total);
  }
  for (; i < columns; ++i) {
    sum[i] = x[i];
    for (int64_t r = 1; r < size; ++r) sum[i] += x[r * width + i];
  }
}

/// Calls f(first output, outputs) over a row of outputs, in strips whose windows fit kStrip columns, or one output at a
/// time.
template <class F>
STRIATE_INLINE void strips(int64_t outputs, const op::MaxPool::Options& o, F&& f) {
  const int64_t fit = o.size > kStrip ? 0 : (kStrip - o.size) / o.stride + 1;
  for (int64_t q = 0; q < outputs; q += std::max<int64_t>(fit, 1))
    f(q, std::min(std::max<int64_t>(fit, 1), outputs - q));
}

/// The part of [first, first + count) inside [0, size).
struct Span {
  int64_t first, count;
  Span(int64_t from, int64_t many, int64_t size)
      : first(std::max<int64_t>(from, 0)), count(std::min(from + many, size) - first) {}
};

/// Calls f(row of outputs, rows of the image, first output, outputs, their first column, columns) strip by strip over
/// an image. Columns may lie outside the image; rows do not.
template <class F>
STRIATE_INLINE void each_strip(int64_t height, int64_t P, int64_t Q, const op::MaxPool::Options& o, F&& f) {
  for (int64_t p = 0; p < P; ++p) {
    const Span rows(p * o.stride - o.padding, o.size, height);
    strips(Q, o, [&](int64_t q, int64_t count) {
      f(p, rows, q, count, q * o.stride - o.padding, (count - 1) * o.stride + o.size);
    });
  }
}

/// Where the maximum of each of up to kStrip windows lies.
struct Places {
  float value[kStrip];
  int32_t row[kStrip], column[kStrip];
};

/// The first position row by row of each window: the greatest value, then the lowest row, then the lowest column.
/// kStride 0: `stride`. Without branches, so that windows go vector by vector.
template <int kStride>
STRIATE_INLINE void find_places(const float* best, const int32_t* row, int64_t count, int64_t size, int64_t stride,
                                Places& places) {
  if (kStride) stride = kStride;
  float* value = places.value;
  int32_t *rows = places.row, *columns = places.column;
  for (int64_t q = 0; q < count; ++q) {
    value[q] = best[q * stride];
    rows[q] = row[q * stride];
    columns[q] = 0;
  }
  for (int64_t s = 1; s < size; ++s)
    for (int64_t q = 0; q < count; ++q) {
      const float next = best[q * stride + s], now = value[q];
      const int32_t r = row[q * stride + s];
      const bool equal = (next == now) | ((next != next) & (now != now));
      const bool take = replaces(next, now) | (equal & (r < rows[q]));
      value[q] = take ? next : now;
      rows[q] = take ? r : rows[q];
      columns[q] = take ? static_cast<int32_t>(s) : columns[q];
    }
}

/// y[q] = max over s of best[q * stride + s].
template <int kStride>
STRIATE_INLINE void fold_columns(const float* best, int64_t count, int64_t size, int64_t stride, float* y) {
  if (kStride) stride = kStride;
  for (int64_t q = 0; q < count; ++q) y[q] = best[q * stride];
  for (int64_t s = 1; s < size; ++s)
    for (int64_t q = 0; q < count; ++q) y[q] = replaces(best[q * stride + s], y[q]) ? best[q * stride + s] : y[q];
}

}  // namespace

void max_pool(core::Context&, const core::View* in, core::View* out, const op::MaxPool::Options& o) {
  const int64_t height = in[0].shape[2], width = in[0].shape[3], P = out[0].shape[2], Q = out[0].shape[3];
  const float* x = in[0].as<float>();
  float* y = out[0].as<float>();
  core::parallel_for(in[0].shape[0] * in[0].shape[1], [=](int64_t plane) {
    float best[kStrip];
    each_strip(height, P, Q, o, [&](int64_t p, Span rows, int64_t q, int64_t count, int64_t left, int64_t columns) {
      const Span inside(left, columns, width);
      const float* from = x + (plane * height + rows.first) * width + inside.first;
      float* to = y + (plane * P + p) * Q + q;
      if (columns > kStrip) {  // one window wider than a strip
        to[0] = from[0];
        for (int64_t begin = 0; begin < inside.count; begin += kStrip) {
          const int64_t some = std::min(kStrip, inside.count - begin);
          fold_rows(from + begin, width, rows.count, some, best, nullptr);
          for (int64_t i = 0; i < some; ++i)
            if (replaces(best[i], to[0])) to[0] = best[i];
        }
        return;
      }
      const int64_t before = inside.first - left;
      std::fill(best, best + before, -__builtin_inff());
      fold_rows(from, width, rows.count, inside.count, best + before, nullptr);
      std::fill(best + before + inside.count, best + columns, -__builtin_inff());
      if (o.stride == 2)
        fold_columns<2>(best, count, o.size, 2, to);
      else if (o.stride == 1)
        fold_columns<1>(best, count, o.size, 1, to);
      else
        fold_columns<0>(best, count, o.size, o.stride, to);
    });
  });
}

void max_pool_grad(core::Context&, const core::View* in, core::View* out, const op::MaxPool::Options& o) {
  const int64_t height = in[0].shape[2], width = in[0].shape[3], P = in[1].shape[2], Q = in[1].shape[3];
  const float *x = in[0].as<float>(), *gy = in[1].as<float>();
  float* gx = out[0].as<float>();
  core::parallel_for(in[0].shape[0] * in[0].shape[1], [=](int64_t plane) {
    float best[kStrip];
    int32_t row[kStrip];
    Places places;
    float* to = gx + plane * height * width;
    std::fill(to, to + height * width, 0.0f);
    each_strip(height, P, Q, o, [&](int64_t p, Span rows, int64_t q, int64_t count, int64_t left, int64_t columns) {
      const Span inside(left, columns, width);
      const int64_t corner = rows.first * width + inside.first;
      const float* from = x + plane * height * width + corner;
      const float* g = gy + (plane * P + p) * Q + q;
      if (columns > kStrip) {  // one window wider than a strip
        float value = from[0];
        int64_t at_row = 0, at_column = 0;
        for (int64_t begin = 0; begin < inside.count; begin += kStrip) {
          const int64_t some = std::min(kStrip, inside.count - begin);
          fold_rows(from + begin, width, rows.count, some, best, row);
          for (int64_t i = 0; i < some; ++i) {
            const bool equal = best[i] == value || (best[i] != best[i] && value != value);
            if (replaces(best[i], value) || (equal && row[i] < at_row)) {
              value = best[i];
              at_row = row[i];
              at_column = begin + i;
            }
          }
        }
        to[corner + at_row * width + at_column] += g[0];
        return;
      }
      const int64_t before = inside.first - left, after = before + inside.count;
      std::fill(best, best + before, -__builtin_inff());
      std::fill(row, row + before, kOutside);
      fold_rows(from, width, rows.count, inside.count, best + before, row + before);
      std::fill(best + after, best + columns, -__builtin_inff());
      std::fill(row + after, row + columns, kOutside);
      if (o.stride == 2)
        find_places<2>(best, row, count, o.size, 2, places);
      else if (o.stride == 1)
        find_places<1>(best, row, count, o.size, 1, places);
      else
        find_places<0>(best, row, count, o.size, o.stride, places);
      float* first = to + rows.first * width + left;
      for (int64_t i = 0; i < count; ++i) first[places.row[i] * width + i * o.stride + places.column[i]] += g[i];
    });
  });
}

void avg_pool(core::Context&, const core::View* in, core::View* out, const op::AvgPool::Options& o) {
  const int64_t height = in[0].shape[2], width = in[0].shape[3], P = out[0].shape[2], Q = out[0].shape[3];
  const float* x = in[0].as<float>();
  float* y = out[0].as<float>();
  const float area = static_cast<float>(o.size * o.size);
  core::parallel_for(in[0].shape[0] * in[0].shape[1], [=](int64_t plane) {
    float sum[kStrip];
    each_strip(height, P, Q, o, [&](int64_t p, Span rows, int64_t q, int64_t count, int64_t left, int64_t columns) {
      const Span inside(left, columns, width);
      const float* from = x + (plane * height + rows.first) * width + inside.first;
      float* to = y + (plane * P + p) * Q + q;
      if (columns > kStrip) {  // one window wider than a strip
        float total = 0;
        for (int64_t begin = 0; begin < inside.count; begin += kStrip) {
          const int64_t some = std::min(kStrip, inside.count - begin);
          sum_rows(from + begin, width, rows.count, some, sum);
          for (int64_t i = 0; i < some; ++i) total += sum[i];
        }
        to[0] = total / area;
        return;
      }
      const int64_t before = inside.first - left;
      std::fill(sum, sum + before, 0.0f);
      sum_rows(from, width, rows.count, inside.count, sum + before);
      std::fill(sum + before + inside.count, sum + columns, 0.0f);
      for (int64_t i = 0; i < count; ++i) {
        const float* window = sum + i * o.stride;
        float total = window[0];
        for (int64_t s = 1; s < o.size; ++s) total += window[s];
        to[i] = total / area;
      }
    });
  });
}

void avg_pool_grad(core::Context&, const core::View* in, core::View* out, const op::AvgPoolGrad::Options& o) {
  const int64_t height = out[0].shape[2], width = out[0].shape[3], P = in[0].shape[2], Q = in[0].shape[3];
  const float* gy = in[0].as<float>();
  float* gx = out[0].as<float>();
  const float area = static_cast<float>(o.size * o.size);
  core::parallel_for(in[0].shape[0] * in[0].shape[1], [=](int64_t plane) {
    float* to = gx + plane * height * width;
    std::fill(to, to + height * width, 0.0f);
    for (int64_t p = 0; p < P; ++p) {
      const Span rows(p * o.stride - o.padding, o.size, height);
      for (int64_t q = 0; q < Q; ++q) {
        const Span columns(q * o.stride - o.padding, o.size, width);
        const float g = gy[(plane * P + p) * Q + q] / area;
        for (int64_t r = 0; r < rows.count; ++r) {
          float* line = to + (rows.first + r) * width + columns.first;
          for (int64_t i = 0; i < columns.count; ++i) line[i] += g;
        }
      }
    }
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
