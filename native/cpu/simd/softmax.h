// One row of softmax regression, shared by softmax_cross_entropy and readout_*. Included after simd/vmath.h.
// Float32 about the row's maximum; the sum of exponentials in float32 lanes joined in a fixed tree; the logarithm in
// float64.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "core/check.h"

#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// Index of the first maximum of n > 0 numbers; a NaN counts as the maximum.
inline int64_t first_maximum(const float* x, int64_t n) {
  int64_t i = 0, best = 0;
  if (n >= 4 * kLanes) {
    vf top = vload(x);
    for (i = kLanes; i + kLanes <= n; i += kLanes) {
      const vf y = vload(x + i);
      top = vselect((y > top) | (y != y), y, top);  // once NaN, nothing is greater
    }
    float value = top[0];
    for (int lane = 1; lane < kLanes; ++lane)
      if (!(top[lane] <= value) && value == value) value = top[lane];
    for (; i < n; ++i)
      if (!(x[i] <= value) && value == value) value = x[i];
    for (i = 0; i < n; ++i)
      if (x[i] == value || (value != value && x[i] != x[i])) return i;
  }
  for (i = 1; i < n; ++i)
    if (!(x[i] <= x[best]) && x[best] == x[best]) best = i;
  return best;
}

/// The row's maximum and the sum of exp(x - maximum); with `e`, those exponentials too.
struct RowSum {
  int64_t top;
  float maximum, sum;

  RowSum(const float* x, int64_t n, float* e = nullptr) : top(first_maximum(x, n)), maximum(x[top]) {
    const vf shift = vspread(maximum);
    vf total{};
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      const vf y = vexp(vload(x + i) - shift);
      if (e) vstore(e + i, y);
      total = total + y;
    }
    if (i < n) {
      float edge[kLanes];
      std::fill(edge, edge + kLanes, -__builtin_inff());
      std::memcpy(edge, x + i, static_cast<size_t>(n - i) * sizeof(float));
      const vf y = vexp(vload(edge) - shift);
      vstore(edge, y);
      if (e) std::memcpy(e + i, edge, static_cast<size_t>(n - i) * sizeof(float));
      total = total + y;
    }
    sum = vsum(total);
  }
  /// In nats, when the label's logit is `own`.
  double loss(float own) const {
    return static_cast<double>(maximum) - static_cast<double>(own) + std::log(static_cast<double>(sum));
  }
};

/// g = (softmax(x) - onehot(label)) * scale; g may be x.
inline RowSum row_gradient(const float* x, int64_t n, int32_t label, float scale, float* g) {
  const RowSum row(x, n, g);
  const float factor = scale / row.sum;
  for (int64_t t = 0; t < n; ++t) g[t] *= factor;
  g[label] -= scale;
  return row;
}

[[noreturn]] inline void refuse_label(const char* op, int32_t label, int64_t row, int64_t targets) {
  throw core::Error(core::ErrorKind::data, op, "labels", std::to_string(label) + " at row " + std::to_string(row),
                    "0 to " + std::to_string(targets - 1));
}
inline void check_labels(const char* op, const int32_t* labels, int64_t n, int64_t targets) {
  for (int64_t i = 0; i < n; ++i)
    if (labels[i] < 0 || labels[i] >= targets) refuse_label(op, labels[i], i, targets);
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
