// weigh_rows, left_out_scores: ops/left_out.h. weigh_rows: one thread an element. left_out_scores: one warp a row, in two
// passes over it, sums by the lanes in order and a tree. Not yet timed on a GPU.
#include <cstdint>

#include "cuda/launch.cuh"
#include "ops/left_out.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;

__device__ __forceinline__ double larger(double a, double b) { return a > b ? a : b; }

__global__ void __launch_bounds__(kThreads)
    weigh_rows_kernel(const double* __restrict__ x, const double* __restrict__ shares, double* __restrict__ y,
                      int64_t targets, int64_t k, int64_t count) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const int64_t row = i / k, column = i - row * k, l = row / targets;
  y[i] = shares[l * k + column] * x[(row - l * targets) * k + column];
}

__global__ void __launch_bounds__(kThreads)
    left_out_scores_kernel(const double* __restrict__ residual, const double* __restrict__ measured,
                           const double* __restrict__ inverses, int64_t rows, int64_t targets, int64_t n, double rest,
                           double* __restrict__ r) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  if (row >= rows) return;  // whole warps leave
  const double *e = residual + row * n, *m = measured + row % targets * n, *inverse = inverses + row / targets * n;
  const auto predicted = [=](int64_t i) { return m[i] - (e[i] + rest * m[i]) * inverse[i]; };
  double sum = 0, most = 0;
  for (int64_t i = lane; i < n; i += 32) {
    const double value = predicted(i);
    sum += value;
    most = larger(fabs(value), most);
  }
  const double mean = warp_sum(sum) / static_cast<double>(n);
  double square = 0, own = 0, product = 0;
  for (int64_t i = lane; i < n; i += 32) {
    const double value = predicted(i) - mean;
    square += value * value;
    own += m[i] * m[i];
    product += value * m[i];
  }
  for (int bits = 16; bits; bits >>= 1) most = larger(__shfl_xor_sync(0xffffffffu, most, bits), most);
  square = warp_sum(square);
  own = warp_sum(own);
  product = warp_sum(product);
  if (lane > 0) return;
  const double least = op::LeftOutScores::kConstant * most;
  r[row] = own == 0 || product != product                       ? nan("")
           : !(square > static_cast<double>(n) * least * least) ? 0
                                                                : product / sqrt(square * own);
}

}  // namespace

void weigh_rows(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t count = out[0].count();
  if (count == 0) return;
  STRIATE_LAUNCH(weigh_rows_kernel, blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), in[0].as<double>(),
                 in[1].as<double>(), out[0].as<double>(), in[0].shape[0], in[0].shape[1], count);
}

void left_out_scores(core::Context& ctx, const core::View* in, core::View* out, const op::LeftOutScores::Options& o) {
  const int64_t rows = in[0].shape[0];
  STRIATE_LAUNCH(left_out_scores_kernel, blocks_for(rows, kWarps), kThreads, 0, stream_of(ctx), in[0].as<double>(),
                 in[1].as<double>(), in[2].as<double>(), rows, in[1].shape[0], in[0].shape[1], o.rest ? 1.0 : 0.0,
                 out[0].as<double>());
}

}  // namespace striate::cuda
