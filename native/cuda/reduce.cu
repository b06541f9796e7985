// reduce, argmax: ops/reduce.h. One pass over x, so the limit is the memory's bandwidth.
//   columns  one warp per row of up to kShort numbers, float64; longer rows, and `all`: one block per row or per kPiece
//            numbers, where a thread adds kRun numbers in float32, the runs in float64, the block's threads in a fixed
//            tree
//   rows     one block per 32 columns and kRows rows (more of them where the grid ends), float64
//   argmax   one warp per row
// Where there are several blocks a result they leave float64 parts, which a second kernel adds in order: no float
// atomics. Not yet timed on a GPU.
#include <algorithm>
#include <cstdint>

#include "cuda/softmax.cuh"
#include "ops/reduce.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256, kRun = 16;
constexpr int64_t kPiece = 1 << 15, kRows = 1024, kShort = 1024, kMostBlocks = 65535;

struct Sum {
  static __device__ double start() { return 0; }
  static __device__ double join(double a, double b) { return a + b; }
  static __device__ float join(float a, float b) { return a + b; }
};
struct Max {
  static __device__ double start() { return -INFINITY; }
  static __device__ double join(double a, double b) { return b > a || b != b ? b : a; }
  static __device__ float join(float a, float b) { return b > a || b != b ? b : a; }
};

/// The threads' values joined in a fixed tree; the result is thread 0's.
template <class Op>
__device__ double block_join(double value) {
  __shared__ double part[kThreads / 32];
  for (int bits = 16; bits; bits >>= 1) value = Op::join(value, __shfl_xor_sync(0xffffffffu, value, bits));
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x == 0)
    for (int i = 1; i < kThreads / 32; ++i) value = Op::join(value, part[i]);
  __syncthreads();
  return value;
}

/// parts[b] for the b-th piece of `length` numbers out of `count`; y[b] = scale * it where y is given.
template <class Op>
__global__ void __launch_bounds__(kThreads)
    reduce_pieces_kernel(const float* __restrict__ x, int64_t count, int64_t length, double* parts, float* y,
                         double scale) {
  const int64_t first = blockIdx.x * length, end = min(count, first + length);
  double total = Op::start();
  for (int64_t i = first + threadIdx.x; i < end; i += kRun * kThreads) {
    float run = x[i];
    for (int j = 1; j < kRun && i + j * kThreads < end; ++j) run = Op::join(run, x[i + j * kThreads]);
    total = Op::join(total, static_cast<double>(run));
  }
  total = block_join<Op>(total);
  if (threadIdx.x == 0) {
    if (y)
      y[blockIdx.x] = static_cast<float>(total * scale);
    else
      parts[blockIdx.x] = total;
  }
}

/// y of short rows: one warp each.
template <class Op>
__global__ void __launch_bounds__(kThreads)
    reduce_short_rows_kernel(const float* __restrict__ x, int64_t n, int64_t d, float* __restrict__ y, double scale) {
  const int64_t row = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  if (row >= n) return;  // whole warps leave
  double total = Op::start();
  for (int64_t i = threadIdx.x % 32; i < d; i += 32) total = Op::join(total, static_cast<double>(x[row * d + i]));
  for (int bits = 16; bits; bits >>= 1) total = Op::join(total, __shfl_xor_sync(0xffffffffu, total, bits));
  if (threadIdx.x % 32 == 0) y[row] = static_cast<float>(total * scale);
}

/// y[0] from the parts, by one block.
template <class Op>
__global__ void __launch_bounds__(kThreads)
    reduce_parts_kernel(const double* parts, int64_t count, float* y, double scale) {
  double total = Op::start();
  for (int64_t i = threadIdx.x; i < count; i += kThreads) total = Op::join(total, parts[i]);
  total = block_join<Op>(total);
  if (threadIdx.x == 0) y[0] = static_cast<float>(total * scale);
}

/// parts[b][j] over rows b * each ...; 8 threads a column.
template <class Op>
__global__ void __launch_bounds__(kThreads)
    reduce_rows_kernel(const float* __restrict__ x, int64_t n, int64_t d, int64_t each, double* parts) {
  __shared__ double part[8][33];
  const int64_t column = static_cast<int64_t>(blockIdx.x) * 32 + threadIdx.x;
  const int64_t first = blockIdx.y * each, end = min(n, first + each);
  double total = Op::start();
  if (column < d)
    for (int64_t i = first + threadIdx.y; i < end; i += 8)
      total = Op::join(total, static_cast<double>(x[i * d + column]));
  part[threadIdx.y][threadIdx.x] = total;
  __syncthreads();
  if (threadIdx.y == 0 && column < d) {
    for (int i = 1; i < 8; ++i) total = Op::join(total, part[i][threadIdx.x]);
    parts[blockIdx.y * d + column] = total;
  }
}

template <class Op>
__global__ void __launch_bounds__(kThreads)
    reduce_row_parts_kernel(const double* parts, int64_t blocks, int64_t d, float* y, double scale) {
  const int64_t column = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (column >= d) return;
  double total = Op::start();
  for (int64_t i = 0; i < blocks; ++i) total = Op::join(total, parts[i * d + column]);
  y[column] = static_cast<float>(total * scale);
}

template <class Op>
void reduce_by(core::Context& ctx, const core::View& x, float* y, int32_t over, bool mean) {
  const float* data = x.as<float>();
  const int64_t n = x.shape[0], d = x.shape[1];
  const int64_t range = over == op::Reduce::rows ? n : over == op::Reduce::columns ? d : n * d;
  const double scale = mean ? 1 / static_cast<double>(range) : 1.0;
  const cudaStream_t stream = stream_of(ctx);
  if (over == op::Reduce::rows) {
    const int64_t each = std::max(kRows, (n + kMostBlocks - 1) / kMostBlocks), blocks = (n + each - 1) / each;
    double* parts = ctx.scratch<double>(static_cast<size_t>(blocks * d));
    STRIATE_LAUNCH((reduce_rows_kernel<Op>), dim3(blocks_for(d, 32), static_cast<unsigned>(blocks)), dim3(32, 8), 0,
                   stream, data, n, d, each, parts);
    STRIATE_LAUNCH((reduce_row_parts_kernel<Op>), blocks_for(d, kThreads), kThreads, 0, stream, parts, blocks, d, y,
                   scale);
  } else if (over == op::Reduce::columns && d <= kShort) {
    STRIATE_LAUNCH((reduce_short_rows_kernel<Op>), blocks_for(n, kThreads / 32), kThreads, 0, stream, data, n, d, y,
                   scale);
  } else if (over == op::Reduce::columns) {
    STRIATE_LAUNCH((reduce_pieces_kernel<Op>), blocks_for(n, 1), kThreads, 0, stream, data, n * d, d, nullptr, y,
                   scale);
  } else {
    const int64_t pieces = (n * d + kPiece - 1) / kPiece;
    double* parts = ctx.scratch<double>(static_cast<size_t>(pieces));
    STRIATE_LAUNCH((reduce_pieces_kernel<Op>), blocks_for(pieces, 1), kThreads, 0, stream, data, n * d, kPiece, parts,
                   nullptr, scale);
    STRIATE_LAUNCH((reduce_parts_kernel<Op>), 1, kThreads, 0, stream, parts, pieces, y, scale);
  }
}

__global__ void __launch_bounds__(kThreads)
    argmax_kernel(const float* __restrict__ x, int64_t n, int64_t d, int32_t* index) {
  const int64_t row = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  if (row >= n) return;  // whole warps leave
  const int top = warp_argmax(d, [&](int64_t i) { return x[row * d + i]; });
  if (threadIdx.x % 32 == 0) index[row] = top;
}

}  // namespace

void reduce(core::Context& ctx, const core::View* in, core::View* out, const op::Reduce::Options& o) {
  float* y = out[0].as<float>();
  if (o.kind == op::Reduce::max)
    reduce_by<Max>(ctx, in[0], y, o.over, false);
  else
    reduce_by<Sum>(ctx, in[0], y, o.over, o.kind == op::Reduce::mean);
}

void argmax(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t n = in[0].shape[0], d = in[0].shape[1];
  STRIATE_LAUNCH(argmax_kernel, blocks_for(n, kThreads / 32), kThreads, 0, stream_of(ctx), in[0].as<float>(), n, d,
                 out[0].as<int32_t>());
}

}  // namespace striate::cuda
