// centred_products: ops/products.h. One warp a row: its mean over the columns, by the lanes in order and a tree; then one
// thread an element. Not yet timed on a GPU.
#include <cstdint>

#include "cuda/device.cuh"
#include "ops/products.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;

/// Rows come before columns.
__global__ void __launch_bounds__(kThreads)
    index_kernel(const int32_t* __restrict__ rows, int64_t a, const int32_t* __restrict__ columns, int64_t b, int64_t n,
                 unsigned long long* fault) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= a + b) return;
  const int32_t index = i < a ? rows[i] : columns[i - a];
  if (index < 0 || index >= n) report_fault(fault, i);
}

/// Means over `columns` of rows of k: of `rows` [a], then of the columns' own.
__global__ void __launch_bounds__(kThreads)
    row_means_kernel(const double* __restrict__ k, const int32_t* __restrict__ rows, int64_t a,
                     const int32_t* __restrict__ columns, int64_t b, int64_t n, double* __restrict__ means) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (i >= a + b) return;
  const double* row = k + (i < a ? rows[i] : columns[i - a]) * n;
  double sum = 0;
  for (int64_t j = threadIdx.x % 32; j < b; j += 32) sum += row[columns[j]];
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) means[i] = sum / static_cast<double>(b);
}

/// The mean of the columns' means, by one warp.
__global__ void mean_kernel(const double* __restrict__ means, int64_t b, double* __restrict__ mean) {
  double sum = 0;
  for (int64_t j = threadIdx.x; j < b; j += 32) sum += means[j];
  sum = warp_sum(sum);
  if (threadIdx.x == 0) *mean = sum / static_cast<double>(b);
}

__global__ void __launch_bounds__(kThreads)
    centred_products_kernel(const double* __restrict__ k, const int32_t* __restrict__ rows, int64_t a,
                            const int32_t* __restrict__ columns, int64_t b, int64_t n, const double* __restrict__ means,
                            const double* __restrict__ mean, double* __restrict__ y) {
  const int64_t e = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (e >= a * b) return;
  const int64_t i = e / b, j = e % b;
  y[e] = k[rows[i] * n + columns[j]] - (means[i] + means[a + j]) + *mean;
}

}  // namespace

void centred_products(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t n = in[0].shape[0], a = in[1].shape[0], b = in[2].shape[0];
  const double* k = in[0].as<double>();
  const int32_t *rows = in[1].as<int32_t>(), *columns = in[2].as<int32_t>();
  const cudaStream_t stream = stream_of(ctx);
  STRIATE_LAUNCH(index_kernel, blocks_for(a + b, kThreads), kThreads, 0, stream, rows, a, columns, b, n,
                 clear_flag(ctx));
  if (const unsigned long long fault = read_flag(ctx); fault != kNoFault) {
    const auto i = static_cast<int64_t>(fault);
    const bool is_row = i < a;
    op::CentredProducts::refuse_index(is_row, is_row ? i : i - a, fetch(ctx, is_row ? rows + i : columns + (i - a)), n);
  }
  double *means = ctx.scratch<double>(static_cast<size_t>(a + b)), *mean = ctx.scratch<double>(1);
  STRIATE_LAUNCH(row_means_kernel, blocks_for(a + b, kWarps), kThreads, 0, stream, k, rows, a, columns, b, n, means);
  STRIATE_LAUNCH(mean_kernel, 1, 32, 0, stream, means + a, b, mean);
  STRIATE_LAUNCH(centred_products_kernel, blocks_for(a * b, kThreads), kThreads, 0, stream, k, rows, a, columns, b, n,
                 means, mean, out[0].as<double>());
}

}  // namespace striate::cuda
