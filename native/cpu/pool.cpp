// max_pool, max_pool_grad: ops/pool.h. The rows of a window are folded first, column by column and so vector by vector;
// the short step along the row follows. NaN wins over every number.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/parallel.h"
#include "cpu/kernels.h"
#include "cpu/simd/begin.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// True where `later` replaces `earlier`: it is greater, or the first NaN.
STRIATE_INLINE bool replaces(float later, float earlier) { return !(later <= earlier) && earlier == earlier; }
STRIATE_INLINE vi replaces(vf later, vf earlier) { return ~(later <= earlier) & (earlier == earlier); }

/// Rows of `lines` floats, a slot for each of up to threads() tasks, are too much trouble for so cheap an op: a task's
/// scratch row lives on its stack, in strips of this many columns.
constexpr int64_t kStrip = 1024;

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

/// Calls f(first output, outputs) over a row of outputs, in strips whose windows fit kStrip columns, or one output at a
/// time.
template <class F>
STRIATE_INLINE void strips(int64_t outputs, const op::MaxPool::Options& o, F&& f) {
  const int64_t fit = o.size > kStrip ? 0 : (kStrip - o.size) / o.stride + 1;
  for (int64_t q = 0; q < outputs; q += std::max<int64_t>(fit, 1))
    f(q, std::min(std::max<int64_t>(fit, 1), outputs - q));
}

}  // namespace

void max_pool(core::Context&, const core::View* in, core::View* out, const op::MaxPool::Options& o) {
  const int64_t height = in[0].shape[2], width = in[0].shape[3], P = out[0].shape[2], Q = out[0].shape[3];
  const float* x = in[0].as<float>();
  float* y = out[0].as<float>();
  core::parallel_for(in[0].shape[0] * in[0].shape[1], [=](int64_t plane) {
    float best[kStrip];
    for (int64_t p = 0; p < P; ++p)
      strips(Q, o, [&](int64_t first, int64_t count) {
        const float* from = x + plane * height * width + p * o.stride * width + first * o.stride;
        float* to = y + (plane * P + p) * Q + first;
        const int64_t columns = (count - 1) * o.stride + o.size;
        if (columns > kStrip) {  // one window wider than a strip
          to[0] = from[0];
          for (int64_t begin = 0; begin < columns; begin += kStrip) {
            const int64_t some = std::min(kStrip, columns - begin);
            fold_rows(from + begin, width, o.size, some, best, nullptr);
            for (int64_t i = 0; i < some; ++i)
              if (replaces(best[i], to[0])) to[0] = best[i];
          }
          return;
        }
        fold_rows(from, width, o.size, columns, best, nullptr);
        for (int64_t q = 0; q < count; ++q) to[q] = best[q * o.stride];
        for (int64_t s = 1; s < o.size; ++s)
          for (int64_t q = 0; q < count; ++q)
            to[q] = replaces(best[q * o.stride + s], to[q]) ? best[q * o.stride + s] : to[q];
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
    float* to = gx + plane * height * width;
    std::fill(to, to + height * width, 0.0f);
    for (int64_t p = 0; p < P; ++p)
      strips(Q, o, [&](int64_t first, int64_t count) {
        const int64_t corner = p * o.stride * width + first * o.stride, columns = (count - 1) * o.stride + o.size;
        const float* from = x + plane * height * width + corner;
        const float* g = gy + (plane * P + p) * Q + first;
        // The first position row by row: the greatest value, then the lowest row, then the lowest column.
        struct Place {
          float value;
          int64_t row, column;
        };
        const auto scan = [&](Place& place, int64_t begin, int64_t some, int64_t column) {
          for (int64_t i = 0; i < some; ++i) {
            const float value = best[begin + i];
            const bool equal = value == place.value || (value != value && place.value != place.value);
            if (replaces(value, place.value) || (equal && row[begin + i] < place.row))
              place = {value, row[begin + i], column + i};
          }
        };
        if (columns > kStrip) {
          Place place{from[0], 0, 0};
          for (int64_t begin = 0; begin < columns; begin += kStrip) {
            const int64_t some = std::min(kStrip, columns - begin);
            fold_rows(from + begin, width, o.size, some, best, row);
            scan(place, 0, some, begin);
          }
          to[corner + place.row * width + place.column] += g[0];
          return;
        }
        fold_rows(from, width, o.size, columns, best, row);
        for (int64_t q = 0; q < count; ++q) {
          const int64_t begin = q * o.stride;
          Place place{best[begin], row[begin], begin};
          scan(place, begin + 1, o.size - 1, begin + 1);
          to[corner + place.row * width + place.column] += g[q];
        }
      });
  });
}

void avg_pool(core::Context&, const core::View*, core::View*, const op::AvgPool::Options&) {
  throw core::Error(core::ErrorKind::option, "avg_pool", "device", "not written yet", "a kernel");
}

void avg_pool_grad(core::Context&, const core::View*, core::View*, const op::AvgPoolGrad::Options&) {
  throw core::Error(core::ErrorKind::option, "avg_pool_grad", "device", "not written yet", "a kernel");
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
