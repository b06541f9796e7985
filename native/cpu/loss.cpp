// softmax_cross_entropy, softmax_cross_entropy_grad, mse, mse_grad: ops/loss.h. Softmax row by row, see simd/softmax.h.
// Rows (mse: elements) are cut into blocks of a fixed size; the blocks' float64 sums are added in order.
#include "ops/loss.h"

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/softmax.h"
#include "cpu/simd/wide.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// Rows a task, so that it holds some 16 k numbers.
int64_t rows_a_task(int64_t targets) { return std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(1, targets)); }

constexpr int64_t kChunk = 1 << 14;  // elements a task of mse

/// Sum of (y - target)^2.
double squared_error(const float* y, const float* target, int64_t count) {
  vd sum[2] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int j = 0; j < 2; ++j) {
      const int64_t at = i + j * kLanes / 2;
      const vd d = vload_wide(y + at) - vload_wide(target + at);
      sum[j] = sum[j] + d * d;
    }
  double lane[kLanes / 2], total = 0;
  vstore(lane, sum[0] + sum[1]);
  for (double part : lane) total += part;
  for (; i < count; ++i) {
    const double d = static_cast<double>(y[i]) - static_cast<double>(target[i]);
    total += d * d;
  }
  return total;
}

}  // namespace

void softmax_cross_entropy(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t n = in[0].shape[0], targets = in[0].shape[1];
  const float* logits = in[0].as<float>();
  const int32_t* labels = in[1].as<int32_t>();
  check_labels("softmax_cross_entropy", labels, n, targets);
  const int64_t rows = rows_a_task(targets), tasks = (n + rows - 1) / rows;
  double* losses = ctx.scratch<double>(tasks);
  int64_t* wrong = ctx.scratch<int64_t>(tasks);
  core::parallel_for(tasks, [&](int64_t task) {
    double loss = 0;
    int64_t errors = 0;
    for (int64_t i = task * rows; i < std::min(n, (task + 1) * rows); ++i) {
      const float* x = logits + i * targets;
      const RowSum row(x, targets);
      loss += row.loss(x[labels[i]]);
      errors += row.top != labels[i];
    }
    losses[task] = loss;
    wrong[task] = errors;
  });
  double loss = 0;
  int64_t errors = 0;
  for (int64_t task = 0; task < tasks; ++task) {
    loss += losses[task];
    errors += wrong[task];
  }
  *out[0].as<float>() = static_cast<float>(loss / static_cast<double>(n));
  if (out[1].rank >= 0) *out[1].as<int32_t>() = static_cast<int32_t>(errors);
}

void softmax_cross_entropy_grad(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t n = in[0].shape[0], targets = in[0].shape[1];
  const float* logits = in[0].as<float>();
  const int32_t* labels = in[1].as<int32_t>();
  float* g = out[0].as<float>();
  check_labels("softmax_cross_entropy_grad", labels, n, targets);
  const int64_t rows = rows_a_task(targets);
  const float scale = static_cast<float>(1 / static_cast<double>(n));
  core::parallel_for((n + rows - 1) / rows, [=](int64_t task) {
    for (int64_t i = task * rows; i < std::min(n, (task + 1) * rows); ++i)
      row_gradient(logits + i * targets, targets, labels[i], scale, g + i * targets);
  });
}

void mse(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t count = in[0].count(), tasks = (count + kChunk - 1) / kChunk;
  const float *y = in[0].as<float>(), *target = in[1].as<float>();
  double* parts = ctx.scratch<double>(static_cast<size_t>(tasks));
  core::parallel_for(tasks, [=](int64_t task) {
    const int64_t first = task * kChunk;
    parts[task] = squared_error(y + first, target + first, std::min(kChunk, count - first));
  });
  double total = 0;
  for (int64_t task = 0; task < tasks; ++task) total += parts[task];
  *out[0].as<float>() = static_cast<float>(total / static_cast<double>(count));
}

void mse_grad(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t count = in[0].count();
  const float *y = in[0].as<float>(), *target = in[1].as<float>();
  float* g = out[0].as<float>();
  const float factor = static_cast<float>(2 / static_cast<double>(count));
  core::parallel_for((count + kChunk - 1) / kChunk, [=](int64_t task) {
    for (int64_t i = task * kChunk; i < std::min(count, (task + 1) * kChunk); ++i) g[i] = factor * (y[i] - target[i]);
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
