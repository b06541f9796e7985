// matmul, linear, linear_grad: ops/linear.h. Products of both operands in float32 (or both in float64) go to cuBLAS when
// they are large and it is there (no TF32); everything else, and bf16 features, to the own products (gemm.cuh,
// gemm_f64.cuh). gb: one block per 32 targets, float32 by 8 rows of threads, joined in order.
#include <cstdint>

#include "cuda/device.cuh"
#include "cuda/gemm.cuh"
#include "cuda/gemm_f64.cuh"
#include "ops/linear.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256;
// Below this cuBLAS has nothing to gain that its own overhead does not eat; with a side of 16 or fewer a tile of ours
// fits better.
constexpr int64_t kLarge = int64_t(1) << 24;

bool large(int64_t m, int64_t n, int64_t depth) {
  return m > 16 && n > 16 && m * n >= kLarge / std::max<int64_t>(1, depth);
}

__global__ void __launch_bounds__(kThreads)
    add_bias_kernel(float* __restrict__ y, const float* __restrict__ bias, int64_t count, int64_t targets) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) y[i] += bias[i % targets];
}

__global__ void __launch_bounds__(kThreads)
    sum_rows_kernel(const float* __restrict__ g, int64_t n, int64_t targets, float* __restrict__ sum) {
  __shared__ float part[8][33];
  const int64_t t = static_cast<int64_t>(blockIdx.x) * 32 + threadIdx.x;
  float total = 0;
  if (t < targets)
    for (int64_t i = threadIdx.y; i < n; i += 8) total += g[i * targets + t];
  part[threadIdx.y][threadIdx.x] = total;
  __syncthreads();
  if (threadIdx.y == 0 && t < targets) {
    for (int i = 1; i < 8; ++i) total += part[i][threadIdx.x];
    sum[t] = total;
  }
}

template <class T>
void linear_as(core::Context& ctx, const core::View* in, core::View* out) {
  const int64_t n = in[0].shape[0], d = in[0].shape[1], targets = in[1].shape[0];
  const float* bias = in[2].rank >= 0 ? in[2].as<float>() : nullptr;
  gemm::multiply<true, true>(ctx, gemm::Operand<T>{in[0].as<T>(), d, nullptr},
                             gemm::Operand<float>{in[1].as<float>(), d, nullptr}, n, targets, d, bias,
                             out[0].as<float>(), device_of(ctx).processors);
}

template <class T>
void weight_gradient(core::Context& ctx, const core::View& x, const core::View& gy, core::View& gw) {
  const int64_t n = x.shape[0], d = x.shape[1], targets = gy.shape[1];
  gemm::multiply<false, false>(ctx, gemm::Operand<float>{gy.as<float>(), targets, nullptr},
                               gemm::Operand<T>{x.as<T>(), d, nullptr}, targets, d, n, nullptr, gw.as<float>(),
                               device_of(ctx).processors);
}

void multiply_f64(core::Context& ctx, const core::View* in, core::View* out, const op::Matmul::Options& o) {
  const int64_t m = out[0].shape[0], n = out[0].shape[1], depth = in[0].shape[o.transpose_a ? 0 : 1];
  const double *a = in[0].as<double>(), *b = in[1].as<double>();
  double* c = out[0].as<double>();
  if (large(m, n, depth) && cublas_product(ctx, m, n, depth, a, o.transpose_a, b, o.transpose_b, c)) return;
  const gemm_f64::Operand left{a, in[0].shape[1]}, right{b, in[1].shape[1]};
  if (!o.transpose_a && !o.transpose_b) gemm_f64::multiply<true, false>(ctx, left, right, m, n, depth, c);
  if (!o.transpose_a && o.transpose_b) gemm_f64::multiply<true, true>(ctx, left, right, m, n, depth, c);
  if (o.transpose_a && !o.transpose_b) gemm_f64::multiply<false, false>(ctx, left, right, m, n, depth, c);
  if (o.transpose_a && o.transpose_b) gemm_f64::multiply<false, true>(ctx, left, right, m, n, depth, c);
}

}  // namespace

void matmul(core::Context& ctx, const core::View* in, core::View* out, const op::Matmul::Options& o) {
  if (in[0].dtype == core::Dtype::f64) return multiply_f64(ctx, in, out, o);
  const int64_t m = out[0].shape[0], n = out[0].shape[1], depth = in[0].shape[o.transpose_a ? 0 : 1];
  const float *a = in[0].as<float>(), *b = in[1].as<float>();
  float* c = out[0].as<float>();
  if (large(m, n, depth) && cublas_product(ctx, m, n, depth, a, o.transpose_a, b, o.transpose_b, c)) return;
  const gemm::Operand<float> left{a, in[0].shape[1], nullptr}, right{b, in[1].shape[1], nullptr};
  const int processors = device_of(ctx).processors;
  if (!o.transpose_a && !o.transpose_b)
    gemm::multiply<true, false>(ctx, left, right, m, n, depth, nullptr, c, processors);
  if (!o.transpose_a && o.transpose_b)
    gemm::multiply<true, true>(ctx, left, right, m, n, depth, nullptr, c, processors);
  if (o.transpose_a && !o.transpose_b)
    gemm::multiply<false, false>(ctx, left, right, m, n, depth, nullptr, c, processors);
  if (o.transpose_a && o.transpose_b)
    gemm::multiply<false, true>(ctx, left, right, m, n, depth, nullptr, c, processors);
}

void linear(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  if (in[0].dtype == core::Dtype::bf16) return linear_as<uint16_t>(ctx, in, out);
  const int64_t n = in[0].shape[0], d = in[0].shape[1], targets = in[1].shape[0];
  if (!large(n, targets, d) ||
      !cublas_product(ctx, n, targets, d, in[0].as<float>(), false, in[1].as<float>(), true, out[0].as<float>()))
    return linear_as<float>(ctx, in, out);
  if (in[2].rank >= 0)
    STRIATE_LAUNCH(add_bias_kernel, blocks_for(n * targets, kThreads), kThreads, 0, stream_of(ctx), out[0].as<float>(),
                   in[2].as<float>(), n * targets, targets);
}

void linear_grad(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const core::View &x = in[0], &w = in[1], &gy = in[2];
  const int64_t n = x.shape[0], d = x.shape[1], targets = w.shape[0];
  const float* g = gy.as<float>();
  const int processors = device_of(ctx).processors;
  if (out[0].rank >= 0 &&
      !(large(n, d, targets) && cublas_product(ctx, n, d, targets, g, false, w.as<float>(), false, out[0].as<float>())))
    gemm::multiply<true, false>(ctx, gemm::Operand<float>{g, targets, nullptr},
                                gemm::Operand<float>{w.as<float>(), d, nullptr}, n, d, targets, nullptr,
                                out[0].as<float>(), processors);
  if (out[1].rank >= 0) {
    if (x.dtype == core::Dtype::bf16)
      weight_gradient<uint16_t>(ctx, x, gy, out[1]);
    else if (!(large(targets, d, n) &&
               cublas_product(ctx, targets, d, n, g, true, x.as<float>(), false, out[1].as<float>())))
      weight_gradient<float>(ctx, x, gy, out[1]);
  }
  if (out[2].rank >= 0)
    STRIATE_LAUNCH(sum_rows_kernel, blocks_for(targets, 32), dim3(32, 8), 0, stream_of(ctx), g, n, targets,
                   out[2].as<float>());
}

}  // namespace striate::cuda
