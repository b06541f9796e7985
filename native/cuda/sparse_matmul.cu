// sparse_matmul: ops/sparse_matmul.h. x is turned, [D, N up to a whole warp], so that an entry is one run of memory for 32
// images; then one warp for a row of the matrix and 32 images, an image a lane, entry after entry. Offsets are checked
// before columns, columns by one warp a row. Not yet timed on a GPU.
#include <cstdint>

#include "cuda/device.cuh"
#include "ops/sparse_matmul.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;

__global__ void __launch_bounds__(kThreads) sparse_offsets_kernel(const int32_t* __restrict__ offsets, int64_t rows,
                                                                  int64_t entries, unsigned long long* fault) {
  const int64_t k = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (k > rows) return;
  const int32_t offset = offsets[k], before = k == 0 ? 0 : offsets[k - 1];
  if (offset < before || offset > entries || (k == 0 && offset != 0)) report_fault(fault, k);
}

__global__ void __launch_bounds__(kThreads)
    sparse_columns_kernel(const int32_t* __restrict__ columns, const int32_t* __restrict__ offsets, int64_t rows,
                          int64_t d, unsigned long long* fault) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (row >= rows) return;
  const int64_t first = offsets[row], last = offsets[row + 1];
  for (int64_t i = first + threadIdx.x % 32; i < last; i += 32)
    if (columns[i] < (i == first ? 0 : columns[i - 1]) || columns[i] >= d || columns[i] < 0) report_fault(fault, i);
}

/// to [d,pitch] = x [n,d] turned, zeros from n on. 32 x 32 by 32 x 8 threads.
__global__ void __launch_bounds__(kThreads)
    sparse_turn_kernel(const float* __restrict__ x, int64_t n, int64_t d, int64_t pitch, float* __restrict__ to) {
  __shared__ float tile[32][33];
  const int64_t strips = pitch / 32, row = blockIdx.x % strips * 32, column = blockIdx.x / strips * 32;
  for (int i = threadIdx.y; i < 32; i += 8)
    tile[i][threadIdx.x] =
        row + i < n && column + threadIdx.x < d ? __ldg(x + (row + i) * d + column + threadIdx.x) : 0.0f;
  __syncthreads();
  for (int i = threadIdx.y; i < 32; i += 8)
    if (column + i < d) to[(column + i) * pitch + row + threadIdx.x] = tile[threadIdx.x][i];
}

__global__ void __launch_bounds__(kThreads)
    sparse_matmul_kernel(const float* __restrict__ turned, int64_t n, int64_t pitch, const float* __restrict__ values,
                         const int32_t* __restrict__ columns, const int32_t* __restrict__ offsets, int64_t rows,
                         float* __restrict__ y) {
  const int64_t warp = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32, strips = pitch / 32;
  const int64_t row = warp / strips, image = warp % strips * 32 + threadIdx.x % 32;
  if (row >= rows || image >= n) return;
  float sum = 0;
  for (int64_t i = __ldg(offsets + row), last = __ldg(offsets + row + 1); i < last; ++i)
    sum = __fmaf_rn(__ldg(values + i), __ldg(turned + __ldg(columns + i) * pitch + image), sum);
  y[image * rows + row] = sum;
}

}  // namespace

void sparse_matmul(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t n = in[0].shape[0], d = in[0].shape[1], entries = in[1].shape[0], rows = out[0].shape[1];
  const int32_t *columns = in[2].as<int32_t>(), *offsets = in[3].as<int32_t>();
  const cudaStream_t stream = stream_of(ctx);
  STRIATE_LAUNCH(sparse_offsets_kernel, blocks_for(rows + 1, kThreads), kThreads, 0, stream, offsets, rows, entries,
                 clear_flag(ctx));
  if (const unsigned long long fault = read_flag(ctx); fault != kNoFault) {
    const auto k = static_cast<int64_t>(fault);
    op::SparseMatmul::refuse_offset(k, fetch(ctx, offsets + k), k == 0 ? 0 : fetch(ctx, offsets + k - 1), entries);
  }
  STRIATE_LAUNCH(sparse_columns_kernel, blocks_for(rows, kWarps), kThreads, 0, stream, columns, offsets, rows, d,
                 clear_flag(ctx));
  if (const unsigned long long fault = read_flag(ctx); fault != kNoFault) {
    const auto entry = static_cast<int64_t>(fault);
    op::SparseMatmul::refuse_column(entry, fetch(ctx, columns + entry), d);
  }
  const int64_t strips = (n + 31) / 32, pitch = strips * 32;
  float* turned = ctx.scratch<float>(static_cast<size_t>(d * pitch));
  STRIATE_LAUNCH(sparse_turn_kernel, blocks_for((d + 31) / 32 * strips, 1), dim3(32, 8), 0, stream, in[0].as<float>(),
                 n, d, pitch, turned);
  STRIATE_LAUNCH(sparse_matmul_kernel, blocks_for(rows * strips, kWarps), kThreads, 0, stream, turned, n, pitch,
                 in[1].as<float>(), columns, offsets, rows, out[0].as<float>());
}

}  // namespace striate::cuda
