// softmax_cross_entropy, softmax_cross_entropy_grad, mse, mse_grad: ops/loss.h. Softmax: one warp per row, three short
// passes over it (maximum, sum of exponentials, result), the last two from the L1 cache; then one block adds the rows'
// losses in float64 in a fixed order. Labels are looked at first, by a kernel of their own, and the op waits for its
// verdict. Not yet timed on a GPU.
#include <cstdint>

#include "cuda/device.cuh"
#include "cuda/softmax.cuh"
#include "ops/loss.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    check_labels_kernel(const int32_t* __restrict__ labels, const int32_t* __restrict__ rows, int64_t count,
                        int64_t all, int64_t targets, unsigned long long* flag) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const int64_t row = rows ? rows[i] : i;
  if (row < 0 || row >= all || labels[row] < 0 || labels[row] >= targets) report_fault(flag, i);
}

__global__ void __launch_bounds__(kThreads)
    row_loss_kernel(const float* __restrict__ logits, const int32_t* __restrict__ labels, int64_t n, int64_t targets,
                    double* losses, uint8_t* wrong) {
  const int64_t row = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  if (row >= n) return;  // whole warps leave
  const float* x = logits + row * targets;
  const RowSum sum = row_sum(targets, [=](int64_t t) { return x[t]; });
  if (threadIdx.x % 32 == 0) {
    losses[row] = sum.loss(x[labels[row]]);
    wrong[row] = sum.top != labels[row];
  }
}

__global__ void __launch_bounds__(kThreads)
    mean_loss_kernel(const double* losses, const uint8_t* wrong, int64_t n, float* loss, int32_t* errors) {
  double sum;
  int64_t count;
  block_tally<kThreads>(losses, wrong, n, sum, count);
  if (threadIdx.x != 0) return;
  *loss = static_cast<float>(sum / static_cast<double>(n));
  if (errors) *errors = static_cast<int32_t>(count);
}

__global__ void __launch_bounds__(kThreads)
    row_gradient_kernel(const float* __restrict__ logits, const int32_t* __restrict__ labels, int64_t n,
                        int64_t targets, float scale, float* __restrict__ g) {
  const int64_t row = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  if (row >= n) return;  // whole warps leave
  const float* x = logits + row * targets;
  const auto at = [=](int64_t t) { return x[t]; };
  const RowSum sum = row_sum(targets, at);
  row_gradient(sum, targets, labels[row], scale, at, [=](int64_t t, float value) { g[row * targets + t] = value; });
}

constexpr int64_t kPiece = 1 << 14;  // elements that a block of mse sums

/// Sum of x over the block, in thread 0; a fixed order.
__device__ __forceinline__ double block_sum(double x) {
  __shared__ double part[kThreads / 32];
  x = warp_sum(x);
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = x;
  __syncthreads();
  if (threadIdx.x == 0)
    for (int i = 1; i < kThreads / 32; ++i) x += part[i];
  return x;
}

__global__ void __launch_bounds__(kThreads)
    squared_error_kernel(const float* __restrict__ y, const float* __restrict__ target, int64_t count, double* parts) {
  const int64_t end = min(count, (static_cast<int64_t>(blockIdx.x) + 1) * kPiece);
  double sum = 0;
  for (int64_t i = blockIdx.x * kPiece + threadIdx.x; i < end; i += kThreads) {
    const double d = static_cast<double>(y[i]) - static_cast<double>(target[i]);
    sum += d * d;
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kThreads)
    mean_error_kernel(const double* parts, int64_t pieces, int64_t count, float* loss) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < pieces; i += kThreads) sum += parts[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *loss = static_cast<float>(sum / static_cast<double>(count));
}

__global__ void __launch_bounds__(kThreads)
    error_gradient_kernel(const float* __restrict__ y, const float* __restrict__ target, int64_t count, float factor,
                          float* __restrict__ g) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) g[i] = factor * (y[i] - target[i]);
}

}  // namespace

void check_labels(const core::Context& ctx, const char* op, const core::View& view, const int32_t* rows, int64_t count,
                  int64_t all, int64_t targets) {
  const int32_t* labels = view.as<int32_t>();
  Device& device = device_of(ctx);
  if (!rows && view.content && view.content == device.labels && targets >= device.targets) return;
  unsigned long long* flag = clear_flag(ctx);
  STRIATE_LAUNCH(check_labels_kernel, blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), labels, rows, count,
                 all, targets, flag);
  const unsigned long long first = read_flag(ctx);
  if (first == kNoFault) {
    if (!rows) device.labels = view.content, device.targets = targets;
    return;
  }
  const int64_t row = rows ? fetch(ctx, rows + first) : static_cast<int64_t>(first);
  if (row < 0 || row >= all)
    throw core::Error(core::ErrorKind::data, op, "rows", std::to_string(row) + " at index " + std::to_string(first),
                      "0 to " + std::to_string(all - 1));
  throw core::Error(core::ErrorKind::data, op, "labels",
                    std::to_string(fetch(ctx, labels + row)) + " at row " + std::to_string(row),
                    "0 to " + std::to_string(targets - 1));
}

void softmax_cross_entropy(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t n = in[0].shape[0], targets = in[0].shape[1];
  const float* logits = in[0].as<float>();
  const int32_t* labels = in[1].as<int32_t>();
  check_labels(ctx, "softmax_cross_entropy", in[1], nullptr, n, n, targets);
  double* losses = ctx.scratch<double>(static_cast<size_t>(n));
  uint8_t* wrong = ctx.scratch<uint8_t>(static_cast<size_t>(n));
  STRIATE_LAUNCH(row_loss_kernel, blocks_for(n, kThreads / 32), kThreads, 0, stream_of(ctx), logits, labels, n, targets,
                 losses, wrong);
  int32_t* errors = out[1].rank >= 0 ? out[1].as<int32_t>() : nullptr;
  STRIATE_LAUNCH(mean_loss_kernel, 1, kThreads, 0, stream_of(ctx), losses, wrong, n, out[0].as<float>(), errors);
}

void softmax_cross_entropy_grad(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t n = in[0].shape[0], targets = in[0].shape[1];
  const int32_t* labels = in[1].as<int32_t>();
  check_labels(ctx, "softmax_cross_entropy_grad", in[1], nullptr, n, n, targets);
  STRIATE_LAUNCH(row_gradient_kernel, blocks_for(n, kThreads / 32), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 labels, n, targets, static_cast<float>(1 / static_cast<double>(n)), out[0].as<float>());
}

void mse(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t count = in[0].count(), pieces = (count + kPiece - 1) / kPiece;
  double* parts = ctx.scratch<double>(static_cast<size_t>(pieces));
  STRIATE_LAUNCH(squared_error_kernel, blocks_for(pieces, 1), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 in[1].as<float>(), count, parts);
  STRIATE_LAUNCH(mean_error_kernel, 1, kThreads, 0, stream_of(ctx), parts, pieces, count, out[0].as<float>());
}

void mse_grad(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t count = in[0].count();
  STRIATE_LAUNCH(error_gradient_kernel, blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 in[1].as<float>(), count, static_cast<float>(2 / static_cast<double>(count)), out[0].as<float>());
}

}  // namespace striate::cuda
