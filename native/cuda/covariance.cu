// covariance, covariance_merge: ops/covariance.h.
// mean    one block per 32 columns and stretch of rows, 8 rows at a time in float64; the stretches are added in order
// products  one block per 64 x 64 of the moments that reaches the diagonal or lies above, and stretch of rows; 256
//         threads, each with 4 x 4 of it: float32 over kRun = 64 rows, float64 from then on. Tiles of 16 rows, less the
//         mean, come through registers into one half of shared memory while the other half is being multiplied.
// finish  one thread an element above the diagonal: the stretches in order, the move of the mean, both halves stored
// No atomics: the bits repeat. Not yet timed on a GPU.
#include <algorithm>
#include <cstdint>

#include "cuda/device.cuh"
#include "ops/covariance.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256, kSide = 64, kDepth = 16, kRun = 64, kPitch = kSide + 4;

/// parts[(g * stretches + s), column] = sum over the rows of stretch s.
__global__ void __launch_bounds__(kThreads)
    covariance_sums_kernel(const float* __restrict__ x, int64_t n, int64_t d, int64_t strips, int64_t stretches,
                           int64_t length, double* __restrict__ parts) {
  __shared__ double part[8][33];
  const int64_t place = blockIdx.x / strips, column = blockIdx.x % strips * 32 + threadIdx.x;
  const int64_t g = place / stretches, begin = place % stretches * length, end = min(n, begin + length);
  double sum = 0;
  if (column < d)
    for (int64_t row = begin + threadIdx.y; row < end; row += 8)
      sum += static_cast<double>(__ldg(x + (g * n + row) * d + column));
  part[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || column >= d) return;
  for (int i = 1; i < 8; ++i) sum += part[i][threadIdx.x];
  parts[place * d + column] = sum;
}

__global__ void __launch_bounds__(kThreads)
    covariance_mean_kernel(const double* __restrict__ parts, int64_t groups, int64_t d, int64_t stretches, int64_t n,
                           double* __restrict__ mean) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= groups * d) return;
  double sum = 0;
  for (int64_t s = 0; s < stretches; ++s) sum += parts[(i / d * stretches + s) * d + i % d];
  mean[i] = sum / static_cast<double>(n);
}

/// 64 columns of kDepth rows, less the mean, as [kDepth][kPitch].
struct Loader {
  static constexpr int kEach = kSide * kDepth / kThreads;
  const float* x;
  const double* mean;
  int64_t first, d, end;
  float held[kEach];

  __device__ __forceinline__ void fetch(int64_t row) {
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int e = threadIdx.x + i * kThreads;
      const int64_t column = first + e % kSide, at = row + e / kSide;
      held[i] = column < d && at < end
                    ? static_cast<float>(static_cast<double>(__ldg(x + at * d + column)) - __ldg(mean + column))
                    : 0.0f;
    }
  }
  __device__ __forceinline__ void put(float* to) const {
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int e = threadIdx.x + i * kThreads;
      to[e / kSide * kPitch + e % kSide] = held[i];
    }
  }
};

__global__ void __launch_bounds__(kThreads)
    covariance_products_kernel(const float* __restrict__ x, const double* __restrict__ mean, int64_t n, int64_t d,
                               int64_t stretches, int64_t length, double* __restrict__ parts) {
  __shared__ float tile_a[2][kDepth * kPitch], tile_b[2][kDepth * kPitch];
  const int64_t sides = (d + kSide - 1) / kSide, tile = blockIdx.x % (sides * sides);
  const int64_t top = tile / sides * kSide, left = tile % sides * kSide;
  if (left < top) return;
  const int64_t place = blockIdx.x / (sides * sides), g = place / stretches;
  const int64_t begin = place % stretches * length, end = min(n, begin + length);
  const int at_m = threadIdx.x / 16, at_n = threadIdx.x % 16;
  Loader load_a{x + g * n * d, mean + g * d, top, d, end, {}}, load_b{x + g * n * d, mean + g * d, left, d, end, {}};
  double total[4][4] = {};
  float sum[4][4] = {};
  load_a.fetch(begin);
  load_b.fetch(begin);
  load_a.put(tile_a[0]);
  load_b.put(tile_b[0]);
  __syncthreads();
  int half = 0, run = 0;
  for (int64_t row = begin; row < end; row += kDepth) {
    const bool more = row + kDepth < end;
    if (more) {
      load_a.fetch(row + kDepth);
      load_b.fetch(row + kDepth);
    }
    STRIATE_UNROLL
    for (int i = 0; i < kDepth; ++i) {
      float u[4], v[4];
      STRIATE_UNROLL
      for (int j = 0; j < 4; ++j) {  // 16 apart, so that neighbouring threads read neighbouring words
        u[j] = tile_a[half][i * kPitch + j * 16 + at_m];
        v[j] = tile_b[half][i * kPitch + j * 16 + at_n];
      }
      STRIATE_UNROLL
      for (int r = 0; r < 4; ++r) {
        STRIATE_UNROLL
        for (int q = 0; q < 4; ++q) sum[r][q] = __fmaf_rn(u[r], v[q], sum[r][q]);
      }
    }
    run += kDepth;
    if (run == kRun || !more) {
      STRIATE_UNROLL
      for (int r = 0; r < 4; ++r) {
        STRIATE_UNROLL
        for (int q = 0; q < 4; ++q) {
          total[r][q] += static_cast<double>(sum[r][q]);
          sum[r][q] = 0;
        }
      }
      run = 0;
    }
    if (more) {
      load_a.put(tile_a[half ^ 1]);
      load_b.put(tile_b[half ^ 1]);
      __syncthreads();
      half ^= 1;
    }
  }
  STRIATE_UNROLL
  for (int r = 0; r < 4; ++r) {
    STRIATE_UNROLL
    for (int q = 0; q < 4; ++q) {
      const int64_t i = top + r * 16 + at_m, j = left + q * 16 + at_n;
      if (i < d && j < d) parts[(place * d + i) * d + j] = total[r][q];
    }
  }
}

/// moments (kept, or written anew) + the stretches of parts + weight delta delta^T, delta = other - mean.
__global__ void __launch_bounds__(kThreads)
    covariance_finish_kernel(const double* __restrict__ parts, int64_t groups, int64_t d, int64_t stretches, bool keep,
                             double weight, const double* __restrict__ mean, const double* __restrict__ other,
                             double* __restrict__ moments) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= groups * d * d) return;
  const int64_t g = at / (d * d), i = at / d % d, j = at % d;
  if (j < i) return;
  double sum = keep ? moments[at] : 0;
  for (int64_t s = 0; s < stretches; ++s) sum += parts[((g * stretches + s) * d + i) * d + j];
  if (keep) sum += weight * ((other[g * d + i] - mean[g * d + i]) * (other[g * d + j] - mean[g * d + j]));
  moments[at] = sum;
  moments[(g * d + j) * d + i] = sum;
}

/// mean += share (other - mean), or other where there was none.
__global__ void __launch_bounds__(kThreads)
    covariance_move_kernel(double* mean, const double* __restrict__ other, int64_t count, bool keep, double share) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) mean[i] = keep ? mean[i] + share * (other[i] - mean[i]) : other[i];
}

void finish(core::Context& ctx, int64_t groups, int64_t d, int64_t stretches, const double* parts, const double* other,
            int64_t count, int64_t n, double* mean, double* moments) {
  const double share = static_cast<double>(n) / static_cast<double>(count + n);
  const bool keep = count > 0;
  STRIATE_LAUNCH(covariance_finish_kernel, blocks_for(groups * d * d, kThreads), kThreads, 0, stream_of(ctx), parts,
                 groups, d, stretches, keep, static_cast<double>(count) * share, mean, other, moments);
  STRIATE_LAUNCH(covariance_move_kernel, blocks_for(groups * d, kThreads), kThreads, 0, stream_of(ctx), mean, other,
                 groups * d, keep, share);
}

/// How rows are cut: enough blocks for two on every processor, stretches of at least 256 rows, at most 32.
struct Cut {
  int64_t length, stretches;
  Cut(int64_t blocks, int64_t n, int processors) {
    const int64_t room = std::max<int64_t>(1, 2 * processors / std::max<int64_t>(1, blocks));
    const int64_t wanted = std::min<int64_t>({room, std::max<int64_t>(1, n / 256), 32});
    length = ((n + wanted - 1) / wanted + kRun - 1) / kRun * kRun;
    stretches = (n + length - 1) / length;
  }
};

}  // namespace

void covariance(core::Context& ctx, const core::View* in, core::View*, const op::Covariance::Options& o) {
  const int64_t groups = in[0].shape[0], n = in[0].shape[1], d = in[0].shape[2];
  const float* x = in[0].as<float>();
  const int64_t strips = (d + 31) / 32, sides = (d + kSide - 1) / kSide;
  const int processors = device_of(ctx).processors;
  const cudaStream_t stream = stream_of(ctx);
  double* centre = ctx.scratch<double>(static_cast<size_t>(groups * d));
  const Cut rows(groups * strips, n, processors);
  double* sums = ctx.scratch<double>(static_cast<size_t>(groups * rows.stretches * d));
  STRIATE_LAUNCH(covariance_sums_kernel, blocks_for(groups * rows.stretches * strips, 1), dim3(32, 8), 0, stream, x, n,
                 d, strips, rows.stretches, rows.length, sums);
  STRIATE_LAUNCH(covariance_mean_kernel, blocks_for(groups * d, kThreads), kThreads, 0, stream, sums, groups, d,
                 rows.stretches, n, centre);
  const Cut cut(groups * sides * (sides + 1) / 2, n, processors);
  double* parts = ctx.scratch<double>(static_cast<size_t>(groups * cut.stretches * d * d));
  STRIATE_LAUNCH(covariance_products_kernel, blocks_for(groups * cut.stretches * sides * sides, 1), kThreads, 0, stream,
                 x, centre, n, d, cut.stretches, cut.length, parts);
  finish(ctx, groups, d, cut.stretches, parts, centre, o.count, n, in[1].as<double>(), in[2].as<double>());
}

void covariance_merge(core::Context& ctx, const core::View* in, core::View*, const op::CovarianceMerge::Options& o) {
  if (o.others > 0)
    finish(ctx, in[0].shape[0], in[0].shape[1], 1, in[3].as<double>(), in[2].as<double>(), o.count, o.others,
           in[0].as<double>(), in[1].as<double>());
}

}  // namespace striate::cuda
