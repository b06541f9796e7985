// softmax_cross_entropy, softmax_cross_entropy_grad: ops/loss.h. Row by row, see simd/softmax.h.
// Rows are cut into blocks of a fixed size; the blocks' float64 sums are added in order.
#include <algorithm>
#include <cstdint>

#include "core/parallel.h"
#include "cpu/kernels.h"
#include "cpu/simd/begin.h"
#include "cpu/simd/softmax.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// Rows a task, so that it holds some 16 k numbers.
int64_t rows_a_task(int64_t targets) { return std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(1, targets)); }

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

void mse(core::Context&, const core::View*, core::View*, const op::Mse::Options&) {
  throw core::Error(core::ErrorKind::option, "mse", "device", "not written yet", "a kernel");
}

void mse_grad(core::Context&, const core::View*, core::View*, const op::MseGrad::Options&) {
  throw core::Error(core::ErrorKind::option, "mse_grad", "device", "not written yet", "a kernel");
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
