// eigh: ops/eigh.h, in float64 whatever the type. One matrix of more than kLibrary goes to cuSOLVER where it is there.
// Small matrices, batches of middling ones (which cuSOLVER would take one after the other) and all matrices where there
// is no cuSOLVER: cyclic Jacobi, whose rounds turn D / 2 disjoint pairs of rows and columns at once (the order of a
// tournament; Brent and Luk 1985). Two launches a round for the whole batch: one thread finds a pair's rotation, then
// one thread turns the 2 x 2 elements where two pairs meet, or one element of two eigenvectors. About 16 D^3 operations
// a sweep, 6 to 10 sweeps; latency binds. A matrix stops when its off-diagonal part is below rounding, so its bits do
// not depend on the others. Not yet timed on a GPU.
#include <cstdint>

#include "cuda/cusolver.h"
#include "cuda/device.cuh"
#include "ops/eigh.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256, kSweeps = 60;
constexpr int64_t kLibrary = 32, kBatched = 256, kFew = 4;

/// Largest magnitude of each matrix: as the bits of a double, which are in order, and of these the complement, so that
/// the largest is the least and starts as all ones. What is not finite is a fault.
template <class T>
__global__ void __launch_bounds__(kThreads)
    eigh_scale_kernel(const T* __restrict__ a, int64_t matrices, int64_t d, unsigned long long* complements,
                      unsigned long long* fault) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x, count = d * d;
  if (i >= matrices * count) return;
  const double x = fabs(static_cast<double>(a[i]));
  if (!(x <= 1.7976931348623157e308))
    report_fault(fault, i / count * 2 * count + i % count);
  else if (x > 0)
    atomicMin(complements + i / count, ~static_cast<unsigned long long>(__double_as_longlong(x)));
}

/// e of a largest magnitude of about 2^e: divided by that, no square overflows or vanishes that matters.
__device__ __forceinline__ int64_t exponent_of(unsigned long long complement) {
  const int64_t e = static_cast<int64_t>(~complement >> 52) - 1023;
  return ~complement == 0 ? 0 : max(static_cast<int64_t>(-1000), min(static_cast<int64_t>(1000), e));
}
__device__ __forceinline__ double power_of_two(int64_t e) { return __longlong_as_double((1023 + e) << 52); }

/// The scaled matrix, both triangles from the upper one, and the unit matrix; what is not symmetric is a fault.
template <class T>
__global__ void __launch_bounds__(kThreads)
    eigh_start_kernel(const T* __restrict__ a, int64_t matrices, int64_t d, double share,
                      const unsigned long long* __restrict__ complements, double* __restrict__ work,
                      double* __restrict__ vectors, unsigned long long* fault) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x, count = d * d;
  if (i >= matrices * count) return;
  const int64_t g = i / count, row = i % count / d, column = i % d;
  const double upper = static_cast<double>(a[g * count + min(row, column) * d + max(row, column)]);
  const double lower = static_cast<double>(a[g * count + max(row, column) * d + min(row, column)]);
  const unsigned long long complement = complements[g];
  if (row < column && fabs(upper - lower) > share * __longlong_as_double(static_cast<long long>(~complement)))
    report_fault(fault, (g * 2 + 1) * count + row * d + column);
  work[i] = upper * power_of_two(-exponent_of(complement));
  if (vectors) vectors[i] = row == column ? 1 : 0;
}

/// The pair p of a round, i < j; j = d, which is none, where d is odd and a row sits out.
struct Pair {
  int64_t i, j;
  __device__ __forceinline__ Pair(int64_t d, int64_t round, int64_t p) {
    const int64_t last = (d + 1) / 2 * 2 - 1;
    const int64_t x = p == 0 ? last : (round + p) % last, y = p == 0 ? round : (round - p + last) % last;
    i = min(x, y);
    j = max(x, y);
  }
};

/// turn[g,p] = s and s / (1 + c) of the rotation that makes element (i, j) of the pair zero.
__global__ void __launch_bounds__(kThreads)
    eigh_rotations_kernel(const double* __restrict__ a, int64_t matrices, int64_t d, int64_t round,
                          const int32_t* __restrict__ done, double2* __restrict__ turn) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x, half = (d + 1) / 2;
  if (index >= matrices * half) return;
  const int64_t g = index / half;
  if (done[g]) return;
  const Pair pair(d, round, index % half);
  double s = 0, tau = 0;
  const double* m = a + g * d * d;
  const double off = pair.j < d ? m[pair.i * d + pair.j] : 0;
  if (off != 0) {
    const double theta = (m[pair.j * d + pair.j] - m[pair.i * d + pair.i]) / (2 * off);
    const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(__fma_rn(theta, theta, 1)));
    const double c = 1 / sqrt(__fma_rn(t, t, 1));
    s = t * c;
    tau = s / (1 + c);
  }
  turn[index] = make_double2(s, tau);
}

/// (x, y) becomes (c x - s y, s x + c y), as changes of x and y: what a small turn rounds is small (Rutishauser 1966).
__device__ __forceinline__ void rotate(double& x, double& y, double2 by) {
  const double was = x;
  x = __fma_rn(-by.x, __fma_rn(by.y, was, y), was);
  y = __fma_rn(by.x, __fma_rn(-by.y, y, was), y);
}

__global__ void __launch_bounds__(kThreads)
    eigh_turn_kernel(double* a, double* vectors, int64_t matrices, int64_t d, int64_t round,
                     const int32_t* __restrict__ done, const double2* __restrict__ turn) {
  const int64_t half = (d + 1) / 2, each = half * half + (vectors ? half * d : 0);
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x, g = index / each;
  if (g >= matrices || done[g]) return;
  const int64_t at = index % each, p = at < half * half ? at / half : (at - half * half) / d;
  const Pair rows(d, round, p);
  const double2 by = turn[g * half + p];
  if (at >= half * half) {
    if (rows.j == d) return;
    double *x = vectors + (g * d + rows.i) * d + (at - half * half) % d, *y = x + (rows.j - rows.i) * d;
    double one = *x, two = *y;
    rotate(one, two, by);
    *x = one;
    *y = two;
    return;
  }
  const int64_t q = at % half;
  if (q < p) return;
  const Pair columns(d, round, q);
  const double2 across = turn[g * half + q];
  double* m = a + g * d * d;
  const bool second_row = rows.j < d, second_column = columns.j < d;
  double e[2][2] = {};
  e[0][0] = m[rows.i * d + columns.i];
  if (second_column) e[0][1] = m[rows.i * d + columns.j];
  if (second_row) e[1][0] = m[rows.j * d + columns.i];
  if (second_row && second_column) e[1][1] = m[rows.j * d + columns.j];
  if (p == q) {
    const double change = by.x / __fma_rn(-by.x, by.y, 1) * e[0][1];  // tangent times what becomes zero
    e[0][0] -= change;
    e[1][1] += change;
    e[0][1] = e[1][0] = 0;
  } else {
    rotate(e[0][0], e[1][0], by);
    rotate(e[0][1], e[1][1], by);
    rotate(e[0][0], e[0][1], across);
    rotate(e[1][0], e[1][1], across);
  }
  m[rows.i * d + columns.i] = m[columns.i * d + rows.i] = e[0][0];
  if (second_column) m[rows.i * d + columns.j] = m[columns.j * d + rows.i] = e[0][1];
  if (second_row) m[rows.j * d + columns.i] = m[columns.i * d + rows.j] = e[1][0];
  if (second_row && second_column) m[rows.j * d + columns.j] = m[columns.j * d + rows.j] = e[1][1];
}

/// A block's sum in a fixed tree, in thread 0.
__device__ __forceinline__ double block_sum(double x, double (&shared)[kThreads / 32]) {
  x = warp_sum(x);
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
  __syncthreads();
  x = 0;
  if (threadIdx.x == 0)
    for (int i = 0; i < kThreads / 32; ++i) x += shared[i];
  __syncthreads();
  return x;
}

/// One block a matrix: done when the off-diagonal part is below rounding; the first that is not is a fault.
__global__ void __launch_bounds__(kThreads)
    eigh_converged_kernel(const double* __restrict__ a, int64_t d, int32_t* done, unsigned long long* fault) {
  __shared__ double shared[kThreads / 32];
  const double* m = a + static_cast<int64_t>(blockIdx.x) * d * d;
  double off = 0, all = 0;
  for (int64_t i = threadIdx.x; i < d * d; i += kThreads) {
    const double square = m[i] * m[i];
    all += square;
    if (i / d != i % d) off += square;
  }
  off = block_sum(off, shared);
  all = block_sum(all, shared);
  if (threadIdx.x > 0) return;
  if (off <= 0x1p-106 * all)
    done[blockIdx.x] = 1;
  else
    report_fault(fault, blockIdx.x);
}

/// One block for each of the D pairs of a value (value_step apart) and a row: its rank in descending order is its
/// place, and its entry of largest magnitude, the first of them, becomes positive.
template <class T>
__global__ void __launch_bounds__(kThreads)
    eigh_finish_kernel(const double* __restrict__ from, int64_t matrix_step, int64_t value_step,
                       const double* __restrict__ rows, int64_t d, int64_t top,
                       const unsigned long long* __restrict__ complements, T* __restrict__ values,
                       T* __restrict__ vectors) {
  __shared__ int32_t count[kThreads / 32];
  __shared__ double peaks[kThreads / 32];
  __shared__ int64_t places[kThreads / 32];
  const int64_t g = blockIdx.x / d, k = blockIdx.x % d;
  const double* all = from + g * matrix_step;
  const double own = all[k * value_step];
  int32_t before = 0;
  for (int64_t i = threadIdx.x; i < d; i += kThreads) {
    const double other = all[i * value_step];
    before += other > own || (other == own && i < k);
  }
  before = warp_sum(before);
  if (threadIdx.x % 32 == 0) count[threadIdx.x / 32] = before;
  __syncthreads();
  int64_t rank = 0;
  for (int i = 0; i < kThreads / 32; ++i) rank += count[i];
  if (rank >= top) return;
  if (threadIdx.x == 0) values[g * top + rank] = static_cast<T>(own * power_of_two(exponent_of(complements[g])));
  if (!vectors) return;
  const double* row = rows + (g * d + k) * d;
  double peak = -1;
  int64_t place = 0;
  for (int64_t i = threadIdx.x; i < d; i += kThreads)
    if (fabs(row[i]) > peak) {
      peak = fabs(row[i]);
      place = i;
    }
  for (int bits = 16; bits; bits >>= 1) {
    const double other = __shfl_xor_sync(0xffffffffu, peak, bits);
    const int64_t at = __shfl_xor_sync(0xffffffffu, static_cast<long long>(place), bits);
    if (other > peak || (other == peak && at < place)) {
      peak = other;
      place = at;
    }
  }
  if (threadIdx.x % 32 == 0) {
    peaks[threadIdx.x / 32] = peak;
    places[threadIdx.x / 32] = place;
  }
  __syncthreads();
  peak = peaks[0];
  place = places[0];
  for (int i = 1; i < kThreads / 32; ++i)
    if (peaks[i] > peak || (peaks[i] == peak && places[i] < place)) {
      peak = peaks[i];
      place = places[i];
    }
  const double sign = row[place] < 0 ? -1 : 1;
  for (int64_t i = threadIdx.x; i < d; i += kThreads) vectors[(g * top + rank) * d + i] = static_cast<T>(sign * row[i]);
}

void jacobi(core::Context& ctx, int64_t matrices, int64_t d, double* a, double* vectors) {
  const int64_t half = (d + 1) / 2, rounds = half * 2 - 1, each = half * half + (vectors ? half * d : 0);
  int32_t* done = ctx.scratch<int32_t>(static_cast<size_t>(matrices));
  double2* turn = ctx.scratch<double2>(static_cast<size_t>(matrices * half));
  const cudaStream_t stream = stream_of(ctx);
  check(cudaMemsetAsync(done, 0, static_cast<size_t>(matrices) * sizeof *done, stream), "cudaMemsetAsync");
  for (int sweep = 0; !ctx.stop(); ++sweep) {
    STRIATE_LAUNCH(eigh_converged_kernel, blocks_for(matrices, 1), kThreads, 0, stream, a, d, done, clear_flag(ctx));
    const unsigned long long left = read_flag(ctx);
    if (left == kNoFault) return;
    if (sweep == kSweeps) op::Eigh::refuse_divergence(static_cast<int64_t>(left));
    for (int64_t round = 0; round < rounds; ++round) {
      STRIATE_LAUNCH(eigh_rotations_kernel, blocks_for(matrices * half, kThreads), kThreads, 0, stream, a, matrices, d,
                     round, done, turn);
      STRIATE_LAUNCH(eigh_turn_kernel, blocks_for(matrices * each, kThreads), kThreads, 0, stream, a, vectors, matrices,
                     d, round, done, turn);
    }
  }
}

template <class T>
void eigh_of(core::Context& ctx, const core::View& in, core::View* out) {
  const int64_t matrices = in.shape[0], d = in.shape[1], top = out[0].shape[1], count = d * d;
  const T* a = in.as<T>();
  const bool wanted = out[1].rank >= 0;
  const cudaStream_t stream = stream_of(ctx);
  const auto size = static_cast<size_t>(matrices * count);
  auto* complements = ctx.scratch<unsigned long long>(static_cast<size_t>(matrices));
  double *work = ctx.scratch<double>(size), *vectors = wanted ? ctx.scratch<double>(size) : nullptr;
  check(cudaMemsetAsync(complements, 0xff, static_cast<size_t>(matrices) * sizeof *complements, stream),
        "cudaMemsetAsync");
  unsigned long long* flag = clear_flag(ctx);
  const unsigned blocks = blocks_for(matrices * count, kThreads);
  STRIATE_LAUNCH((eigh_scale_kernel<T>), blocks, kThreads, 0, stream, a, matrices, d, complements, flag);
  STRIATE_LAUNCH((eigh_start_kernel<T>), blocks, kThreads, 0, stream, a, matrices, d, op::Eigh::asymmetry(in.dtype, d),
                 complements, work, vectors, flag);
  if (const unsigned long long fault = read_flag(ctx); fault != kNoFault) {
    const auto position = static_cast<int64_t>(fault);
    const int64_t g = position / (2 * count), i = position % count / d, j = position % d;
    const T* matrix = a + g * count;
    const double upper = fetch(ctx, matrix + i * d + j);
    if (position / count % 2 == 0) op::Eigh::refuse_infinite(matrices, g, i, j, upper);
    op::Eigh::refuse_asymmetry(matrices, g, i, j, upper, fetch(ctx, matrix + j * d + i));
  }
  const Cusolver* library = d > kLibrary && (matrices < kFew || d > kBatched) ? cusolver() : nullptr;
  double* w = library ? ctx.scratch<double>(static_cast<size_t>(matrices * d)) : nullptr;
  if (library) {
    for (int64_t g = 0; g < matrices && !ctx.stop(); ++g)
      if (!cusolver_eigh(ctx, *library, d, work + g * count, w + g * d, wanted)) op::Eigh::refuse_divergence(g);
  } else {
    jacobi(ctx, matrices, d, work, vectors);
  }
  STRIATE_LAUNCH((eigh_finish_kernel<T>), blocks_for(matrices * d, 1), kThreads, 0, stream, library ? w : work,
                 library ? d : count, library ? 1 : d + 1, library ? work : vectors, d, top, complements,
                 out[0].as<T>(), wanted ? out[1].as<T>() : nullptr);
}

}  // namespace

void eigh(core::Context& ctx, const core::View* in, core::View* out, const op::Eigh::Options&) {
  if (in[0].dtype == core::Dtype::f64)
    eigh_of<double>(ctx, in[0], out);
  else
    eigh_of<float>(ctx, in[0], out);
}

}  // namespace striate::cuda
