// covariance, covariance_merge: ops/covariance.h.
// sums    one block per 32 columns and stretch of rows, 8 rows at a time in float64. Whoever needs a column's mean adds
//         its stretches in order; one block of each column brings the state's mean up to date
// products  one block per square of the moments that reaches the diagonal or lies above, and stretch of rows; 256
//         threads, each with 8 x 8 of 128 x 128 or 4 x 4 of 64 x 64. Float32 over kRun = 64 rows; the runs are added in
//         pairs of float32 that keep the rounding of each addition (Sum2 of Ogita, Rump, Oishi 2005), and the mean is
//         subtracted as such a pair: GPUs for graphics have a 64th of their rate in float64. Tiles of 8 or 16 rows come
//         through registers into one half of shared memory while the other half is being multiplied.
// finish  one block per 32 x 32 above the diagonal: the stretches in order, the move of the mean, both halves stored
// Where float64 is fast, wide chunks are written less their mean in float64, kPiece rows at a time, and cuBLAS adds the
// products to the state. No atomics: the bits repeat.
#include <algorithm>
#include <cstdint>

#include "cuda/device.cuh"
#include "cuda/gemm.cuh"
#include "ops/covariance.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256, kRun = 64, kCentreRows = 128;
// Narrower products leave cuBLAS too few tiles; smaller ones do not repay its overhead (as in linear.cu).
constexpr int64_t kWide = 512, kLarge = int64_t(1) << 24;
#if defined(STRIATE_CUDA_SIM)
constexpr int64_t kPiece = 16;  // so that a small case has several
#else
constexpr int64_t kPiece = 4096;
#endif

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

/// The means of a chunk's columns, and what they do to the state's: mean (kept, or written anew) moves towards them by
/// `share` of the difference, which goes to delta.
struct Mean {
  const double* sums;  // of the stretches; null in a merge
  int64_t stretches;
  bool keep;
  double share;
  double *mean, *delta;

  __device__ __forceinline__ double of(int64_t g, int64_t column, int64_t n, int64_t d) const {
    const double* from = sums + g * stretches * d + column;
    double sum = 0;
    for (int64_t s = 0; s < stretches; ++s) sum += __ldg(from + s * d);
    return sum / static_cast<double>(n);
  }
  __device__ __forceinline__ void move(int64_t i, double to) const {
    delta[i] = keep ? to - mean[i] : 0;
    mean[i] = keep ? mean[i] + share * delta[i] : to;
  }
};

__global__ void __launch_bounds__(kThreads) covariance_move_kernel(Mean mean, const double* other, int64_t count) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) mean.move(i, other[i]);
}

/// What a float32 sum or difference lost to rounding, exactly (Knuth).
__device__ __forceinline__ float lost(float a, float b, float sum) {
  const float b_part = __fsub_rn(sum, a);
  return __fadd_rn(__fsub_rn(a, __fsub_rn(sum, b_part)), __fsub_rn(b, b_part));
}

/// kSide columns of kDepth rows, less the mean, as [kDepth][kPitch]: four numbers a thread.
template <int kSide>
struct Loader {
  static constexpr int kPitch = kSide + 4, kAcross = kSide / 4, kDepth = kThreads / kAcross;
  const int64_t d;
  const int columns;  // of the thread's four, those that x has
  const float* from;
  float4 held;

  __device__ __forceinline__ Loader(const float* rows, int64_t d, int64_t first)
      : d(d),
        columns(static_cast<int>(max(int64_t(0), min(int64_t(4), d - first - threadIdx.x % kAcross * 4)))),
        from(rows + threadIdx.x / kAcross * d + first + threadIdx.x % kAcross * 4),
        held(make_float4(0, 0, 0, 0)) {}
  /// The next rows, of which there are `left`.
  __device__ __forceinline__ void fetch(int64_t left) {
    if (threadIdx.x / kAcross < left) held = gemm::load_four(from, 0, columns, d % 4 == 0);
    from += kDepth * d;
  }
  /// mean: its float32 and what that lacks.
  __device__ __forceinline__ void put(float* to, const float (&mean)[2][kSide], int64_t left) const {
    const int row = threadIdx.x / kAcross, column = threadIdx.x % kAcross * 4;
    float v[4] = {held.x, held.y, held.z, held.w}, middle[4], lacking[4];
    gemm::read_piece<4, 4, 1>(middle, mean[0] + column, 0);
    gemm::read_piece<4, 4, 1>(lacking, mean[1] + column, 0);
    STRIATE_UNROLL
    for (int k = 0; k < 4; ++k) {
      const float difference = __fsub_rn(v[k], middle[k]);
      v[k] = __fadd_rn(difference, __fsub_rn(lost(v[k], -middle[k], difference), lacking[k]));
    }
    *reinterpret_cast<float4*>(to + row * kPitch + column) =
        row < left ? make_float4(v[0], v[1], v[2], v[3]) : make_float4(0, 0, 0, 0);
  }
};

template <int kSide>
__global__ void __launch_bounds__(kThreads, kSide == 128 ? 1 : 2)
    covariance_products_kernel(const float* __restrict__ x, Mean mean, int64_t n, int64_t d, int64_t stretches,
                               int64_t length, double* __restrict__ parts) {
  using Load = Loader<kSide>;
  constexpr int kDepth = Load::kDepth, kEach = kSide / 16;  // rows and columns of a thread, in fours
  __shared__ __align__(16) float tile_a[2][kDepth * Load::kPitch], tile_b[2][kDepth * Load::kPitch];
  __shared__ __align__(16) float means[2][2][kSide];
  const int64_t sides = (d + kSide - 1) / kSide, tile = blockIdx.x % (sides * sides);
  const int64_t top = tile / sides * kSide, left = tile % sides * kSide;
  if (left < top) return;
  const int64_t place = blockIdx.x / (sides * sides), g = place / stretches;
  const int64_t begin = place % stretches * length, end = min(n, begin + length);
  if (threadIdx.x < 2 * kSide) {
    const int side = threadIdx.x / kSide, at = threadIdx.x % kSide;
    const int64_t column = (side == 0 ? top : left) + at;
    const double centre = column < d ? mean.of(g, column, n, d) : 0;
    means[side][0][at] = static_cast<float>(centre);
    means[side][1][at] = static_cast<float>(centre - static_cast<double>(means[side][0][at]));
    if (side == 0 && top == left && begin == 0 && column < d) mean.move(g * d + column, centre);
  }
  __syncthreads();
  const int at_m = threadIdx.x / 16, at_n = threadIdx.x % 16;
  const float* rows = x + (g * n + begin) * d;
  Load load_a(rows, d, top), load_b(rows, d, left);
  float total[kEach][kEach] = {}, rest[kEach][kEach] = {}, sum[kEach][kEach] = {};
  load_a.fetch(end - begin);
  load_b.fetch(end - begin);
  load_a.put(tile_a[0], means[0], end - begin);
  load_b.put(tile_b[0], means[1], end - begin);
  __syncthreads();
  int half = 0, run = 0;
  for (int64_t to_come = end - begin - kDepth;; to_come -= kDepth) {
    const bool more = to_come > 0;
    if (more) {
      load_a.fetch(to_come);
      load_b.fetch(to_come);
    }
    STRIATE_UNROLL
    for (int i = 0; i < kDepth; ++i) {
      float u[kEach], v[kEach];
      gemm::read_piece<kEach, 4, 16>(u, tile_a[half] + i * Load::kPitch, at_m);
      gemm::read_piece<kEach, 4, 16>(v, tile_b[half] + i * Load::kPitch, at_n);
      STRIATE_UNROLL
      for (int r = 0; r < kEach; ++r) {
        STRIATE_UNROLL
        for (int q = 0; q < kEach; ++q) sum[r][q] = __fmaf_rn(u[r], v[q], sum[r][q]);
      }
    }
    run += kDepth;
    if (run == kRun || !more) {
      STRIATE_UNROLL
      for (int r = 0; r < kEach; ++r) {
        STRIATE_UNROLL
        for (int q = 0; q < kEach; ++q) {
          const float before = total[r][q];
          total[r][q] = __fadd_rn(before, sum[r][q]);
          rest[r][q] = __fadd_rn(rest[r][q], lost(before, sum[r][q], total[r][q]));
          sum[r][q] = 0;
        }
      }
      run = 0;
    }
    if (!more) break;
    load_a.put(tile_a[half ^ 1], means[0], to_come);
    load_b.put(tile_b[half ^ 1], means[1], to_come);
    __syncthreads();
    half ^= 1;
  }
  STRIATE_UNROLL
  for (int r = 0; r < kEach; ++r) {
    STRIATE_UNROLL
    for (int q = 0; q < kEach; ++q) {
      const int64_t i = top + r / 4 * 64 + at_m * 4 + r % 4, j = left + q / 4 * 64 + at_n * 4 + q % 4;
      if (i < d && j < d)
        parts[(place * d + i) * d + j] = static_cast<double>(total[r][q]) + static_cast<double>(rest[r][q]);
    }
  }
}

/// centred [rows,d] = rows from `first` on of group g, less the mean. One block per 32 columns and kCentreRows rows.
__global__ void __launch_bounds__(kThreads)
    covariance_centre_kernel(const float* __restrict__ x, Mean mean, int64_t g, int64_t n, int64_t d, int64_t first,
                             int64_t rows, double* __restrict__ centred) {
  __shared__ double means[32];
  const int64_t strips = (d + 31) / 32, column = blockIdx.x % strips * 32 + threadIdx.x;
  const int64_t begin = blockIdx.x / strips * kCentreRows, end = min(rows, begin + kCentreRows);
  if (threadIdx.y == 0 && column < d) {
    means[threadIdx.x] = mean.of(g, column, n, d);
    if (first + begin == 0) mean.move(g * d + column, means[threadIdx.x]);
  }
  __syncthreads();
  if (column >= d) return;
  for (int64_t row = begin + threadIdx.y; row < end; row += 8)
    centred[row * d + column] = static_cast<double>(__ldg(x + (g * n + first + row) * d + column)) - means[threadIdx.x];
}

/// moments (kept, or written anew) + the stretches of parts + weight delta delta^T, of what is above the diagonal.
__global__ void __launch_bounds__(kThreads)
    covariance_finish_kernel(const double* __restrict__ parts, int64_t d, int64_t stretches, bool keep, double weight,
                             const double* __restrict__ delta, double* __restrict__ moments) {
  __shared__ double held[32][33];
  const int64_t sides = (d + 31) / 32, g = blockIdx.x / (sides * sides), tile = blockIdx.x % (sides * sides);
  const int64_t top = tile / sides * 32, left = tile % sides * 32;
  if (left < top) return;
  for (int r = threadIdx.y; r < 32; r += 8) {
    const int64_t i = top + r, j = left + threadIdx.x, at = (g * d + i) * d + j;
    if (j < i || j >= d) continue;
    double sum = keep ? moments[at] : 0;
    for (int64_t s = 0; s < stretches; ++s) sum += parts[((g * stretches + s) * d + i) * d + j];
    if (weight > 0) sum += weight * (delta[g * d + i] * delta[g * d + j]);
    moments[at] = held[r][threadIdx.x] = sum;
  }
  __syncthreads();
  for (int r = threadIdx.y; r < 32; r += 8) {
    const int64_t i = left + r, j = top + threadIdx.x;
    if (j < i && i < d) moments[(g * d + i) * d + j] = held[threadIdx.x][r];
  }
}

void finish(core::Context& ctx, int64_t groups, int64_t d, int64_t stretches, const double* parts, bool keep,
            double weight, const double* delta, double* moments) {
  const int64_t sides = (d + 31) / 32;
  STRIATE_LAUNCH(covariance_finish_kernel, blocks_for(groups * sides * sides, 1), dim3(32, 8), 0, stream_of(ctx), parts,
                 d, stretches, keep, weight, delta, moments);
}

/// How rows are cut for a GPU that has `room` for blocks at a time: at most 32 stretches of at least 256 rows, and no
/// more than fill the room four times, so that the waves of blocks take the least time. Adding a room full of blocks to
/// the others takes about as long as 128 rows.
struct Cut {
  int64_t length = 0, stretches = 0;
  Cut(int64_t blocks, int64_t n, int64_t room) {
    double least = 0;
    const int64_t most = std::min<int64_t>({n / 256, 4 * room / blocks, 32});
    for (int64_t wanted = 1; wanted <= std::max<int64_t>(1, most); ++wanted) {
      const int64_t rows = ((n + wanted - 1) / wanted + kRun - 1) / kRun * kRun, cut = (n + rows - 1) / rows;
      const int64_t waves = (blocks * cut + room - 1) / room;
      const double cost =
          static_cast<double>(waves * rows) + 128 * static_cast<double>(blocks * cut) / static_cast<double>(room);
      if (stretches > 0 && cost >= least) continue;
      least = cost;
      length = rows;
      stretches = cut;
    }
  }
};

template <int kSide>
void add_products(core::Context& ctx, const float* x, const Mean& mean, int64_t groups, int64_t n, int64_t d,
                  int64_t room, double weight, double* moments) {
  const int64_t sides = (d + kSide - 1) / kSide;
  const Cut cut(groups * sides * (sides + 1) / 2, n, room);
  double* parts = ctx.scratch<double>(static_cast<size_t>(groups * cut.stretches * d * d));
  STRIATE_LAUNCH(covariance_products_kernel<kSide>, blocks_for(groups * cut.stretches * sides * sides, 1), kThreads, 0,
                 stream_of(ctx), x, mean, n, d, cut.stretches, cut.length, parts);
  finish(ctx, groups, d, cut.stretches, parts, mean.keep, weight, mean.delta, moments);
}

/// The same by cuBLAS, in float64.
void add_products_f64(core::Context& ctx, const float* x, const Mean& mean, int64_t groups, int64_t n, int64_t d,
                      double weight, double* moments) {
  double* centred = ctx.scratch<double>(static_cast<size_t>(std::min(n, kPiece) * d));
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t first = 0; first < n; first += kPiece) {
      const int64_t rows = std::min(kPiece, n - first), strips = (d + 31) / 32;
      STRIATE_LAUNCH(covariance_centre_kernel, blocks_for((rows + kCentreRows - 1) / kCentreRows * strips, 1),
                     dim3(32, 8), 0, stream_of(ctx), x, mean, g, n, d, first, rows, centred);
      cublas_squares(ctx, rows, d, centred, mean.keep || first > 0, moments + g * d * d);
    }
  finish(ctx, groups, d, 0, nullptr, true, weight, mean.delta, moments);
}

}  // namespace

void covariance(core::Context& ctx, const core::View* in, core::View*, const op::Covariance::Options& o) {
  const int64_t groups = in[0].shape[0], n = in[0].shape[1], d = in[0].shape[2], strips = (d + 31) / 32;
  const float* x = in[0].as<float>();
  double* moments = in[2].as<double>();
  const Device& device = device_of(ctx);
  const Cut rows(groups * strips, n, 2 * device.processors);
  double* sums = ctx.scratch<double>(static_cast<size_t>(groups * rows.stretches * d));
  STRIATE_LAUNCH(covariance_sums_kernel, blocks_for(groups * rows.stretches * strips, 1), dim3(32, 8), 0,
                 stream_of(ctx), x, n, d, strips, rows.stretches, rows.length, sums);
  const double share = static_cast<double>(n) / static_cast<double>(o.count + n);
  const double weight = static_cast<double>(o.count) * share;
  const Mean mean{sums,  rows.stretches,     o.count > 0,
                  share, in[1].as<double>(), ctx.scratch<double>(static_cast<size_t>(groups * d))};
  const int64_t squares = (d + 127) / 128;
  if (device.fast_f64 && d >= kWide && d <= INT32_MAX && n >= kLarge / (d * d) && cublas())
    add_products_f64(ctx, x, mean, groups, n, d, weight, moments);
  else if (d > 192 && groups * squares * (squares + 1) / 2 * std::max<int64_t>(1, n / 256) >= device.processors)
    add_products<128>(ctx, x, mean, groups, n, d, device.processors, weight, moments);
  else
    add_products<64>(ctx, x, mean, groups, n, d, 2 * device.processors, weight, moments);
}

void covariance_merge(core::Context& ctx, const core::View* in, core::View*, const op::CovarianceMerge::Options& o) {
  if (o.others == 0) return;
  const int64_t groups = in[0].shape[0], d = in[0].shape[1];
  const double share = static_cast<double>(o.others) / static_cast<double>(o.count + o.others);
  const Mean mean{
      nullptr, 0, o.count > 0, share, in[0].as<double>(), ctx.scratch<double>(static_cast<size_t>(groups * d))};
  STRIATE_LAUNCH(covariance_move_kernel, blocks_for(groups * d, kThreads), kThreads, 0, stream_of(ctx), mean,
                 in[2].as<double>(), groups * d);
  finish(ctx, groups, d, 1, in[3].as<double>(), mean.keep, static_cast<double>(o.count) * share, mean.delta,
         in[1].as<double>());
}

}  // namespace striate::cuda
