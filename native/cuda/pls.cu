// pls_components: ops/pls.h, by one cooperative launch: every block takes the same way through the components, and the
// grid waits between the phases. Products along rows take a warp a row, those across them a block for 32 columns, whose
// warps share the rows; scalars are summed by each block for itself, in one order. So no bit depends on the grid. An
// iteration's matrix is read from the caches, and its two or three barriers bind. Not yet timed on a GPU.
#include <cstdint>

#include "cuda/device.cuh"
#include "cuda/grid.cuh"
#include "ops/pls.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;

struct Fit {
  op::PlsComponents::Options options;
  const double *x, *y, *image;           // [N,P], [N,T], [N,T]
  int64_t n, p, targets, side;           // side: T, or 0 where there are more targets than images
  double *rest, *moved, *square;         // what is left of y, of its image, and of C [side,side]
  double *b[2], *turned[2], *raw;        // [T]: now and next, C b, and C b before it is scaled
  double *scores, *lengths;              // [K,N], [K]
  double *along, *across, *applied, *v;  // [N], [max(P,N)], [N], [T]
  double *weights, *loadings;
  int32_t* found;
};

__device__ __forceinline__ int64_t first_item() { return static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; }
__device__ __forceinline__ int64_t all_threads() { return static_cast<int64_t>(gridDim.x) * kThreads; }

__device__ __forceinline__ double larger(double x, double y) { return x > y ? x : y; }

/// f(i) summed over [0, n) by the block; every thread gets the sum.
template <class F>
__device__ double block_sum(int64_t n, F f) {
  __shared__ double parts[kWarps];
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) sum += f(i);
  sum = warp_sum(sum);
  __syncthreads();
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = sum;
  __syncthreads();
  sum = 0;
  for (int w = 0; w < kWarps; ++w) sum += parts[w];
  return sum;
}
__device__ double block_dot(const double* x, const double* y, int64_t n) {
  return block_sum(n, [=](int64_t i) { return x[i] * y[i]; });
}
template <class F>
__device__ double block_max(int64_t n, F f) {
  __shared__ double parts[kThreads];
  double most = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) most = larger(most, f(i));
  __syncthreads();
  parts[threadIdx.x] = most;
  __syncthreads();
  for (int t = 0; t < kThreads; ++t) most = larger(most, parts[t]);
  return most;
}

/// to = a v, a [rows,columns].
__device__ void times(const double* a, int64_t rows, int64_t columns, const double* v, double* to) {
  for (int64_t i = first_item() / 32; i < rows; i += all_threads() / 32) {
    double sum = 0;
    for (int64_t j = threadIdx.x % 32; j < columns; j += 32) sum += a[i * columns + j] * v[j];
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) to[i] = sum;
  }
}
/// to = factor a^T v
__device__ void times_transposed(const double* a, int64_t rows, int64_t columns, const double* v, double factor,
                                 double* to) {
  __shared__ double parts[kWarps][32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * 32; first < columns;
       first += static_cast<int64_t>(gridDim.x) * 32) {
    double sum = 0;
    if (first + lane < columns)
      for (int64_t i = warp; i < rows; i += kWarps) sum += a[i * columns + first + lane] * v[i];
    __syncthreads();
    parts[warp][lane] = sum;
    __syncthreads();
    if (warp > 0 || first + lane >= columns) continue;
    for (int w = 1; w < kWarps; ++w) sum += parts[w][lane];
    to[first + lane] = factor * sum;
  }
}
/// a -= v w^T
__device__ void subtract_outer(double* a, int64_t rows, int64_t columns, const double* v, const double* w) {
  for (int64_t i = first_item(); i < rows * columns; i += all_threads()) a[i] -= v[i / columns] * w[i % columns];
}

/// The first target of which more than rounding is left, and of its products with the features; -1 where there is none.
__device__ int64_t first_target(const Fit& f, double least) {
  constexpr double kRounding = op::PlsComponents::kRounding;
  for (int64_t j = 0; j < f.targets; ++j) {
    const auto product = [&](const double* x, const double* y) {
      return block_sum(f.n, [=, &f](int64_t i) { return x[i * f.targets + j] * y[i * f.targets + j]; });
    };
    const double largest = block_max(f.n, [&](int64_t i) { return fabs(f.rest[i * f.targets + j]); });
    const double own = sqrt(product(f.rest, f.rest)) * sqrt(product(f.image, f.image));
    if (largest > 10 * least && product(f.rest, f.moved) > 10 * kRounding * own) return j;
  }
  return -1;
}

/// to = C v, all of it after the barrier.
__device__ void turn(const Fit& f, const double* v, double* to) {
  if (f.side > 0) {
    times(f.square, f.side, f.side, v, to);
  } else {
    times(f.moved, f.n, f.targets, v, f.along);
    grid_sync();
    times_transposed(f.rest, f.n, f.targets, f.along, 1, to);
  }
  grid_sync();
}

/// From the target `start` on; b[at] and turned[at] are what is found. False where the iteration ended at its most.
__device__ bool iterate(const Fit& f, int64_t start, int* at) {
  for (int64_t j = first_item(); j < f.targets; j += all_threads()) f.turned[0][j] = j == start ? 1 : 0;
  grid_sync();
  int now = 0;
  bool is_found = false;
  for (int64_t step = 0; step < (f.targets > 1 ? f.options.iterations : 1) && !is_found; ++step, now ^= 1) {
    const double *b = f.b[now], *turned = f.turned[now];
    turn(f, turned, f.raw);
    const double factor = 1 / sqrt(block_dot(turned, f.raw, f.targets));
    // |w - w before|^2, w being X'Y b
    is_found = step > 0 && block_sum(f.targets, [=, &f](int64_t j) {
                             return (factor * turned[j] - b[j]) * (factor * f.raw[j] - turned[j]);
                           }) < f.options.tolerance;
    for (int64_t j = first_item(); j < f.targets; j += all_threads()) {
      f.b[now ^ 1][j] = factor * turned[j];
      f.turned[now ^ 1][j] = factor * f.raw[j];
    }
    grid_sync();
  }
  *at = now;
  return is_found || f.targets == 1;
}

__global__ void __launch_bounds__(kThreads) pls_kernel(Fit f) {
  constexpr double kRounding = op::PlsComponents::kRounding;
  const int64_t n = f.n, targets = f.targets;
  for (int64_t i = first_item(); i < f.options.components * n; i += all_threads()) f.weights[i] = 0;
  for (int64_t i = first_item(); i < f.options.components * targets; i += all_threads()) f.loadings[i] = 0;
  for (int64_t i = first_item(); i < n * targets; i += all_threads()) {
    f.rest[i] = f.y[i];
    f.moved[i] = f.image[i];
  }
  const double least = kRounding * block_max(n * targets, [&](int64_t i) { return fabs(f.y[i]); });
  grid_sync();
  double largest = 0, renewed = 0;
  int32_t count = 0, unconverged = 0;
  for (; count < f.options.components; ++count) {
    const int64_t start = first_target(f, least);
    if (start < 0) break;
    const auto trace = [&] { return block_sum(f.side, [&](int64_t j) { return f.square[j * (f.side + 1)]; }); };
    if (f.side > 0 && !(renewed > 0 && trace() > op::PlsComponents::kRenewal * renewed)) {
      grid_sync();  // the trace has been taken everywhere
      for (int64_t e = first_item(); e < f.side * f.side; e += all_threads()) {
        double sum = 0;
        for (int64_t i = 0; i < n; ++i) sum += f.rest[i * targets + e / targets] * f.moved[i * targets + e % targets];
        f.square[e] = sum;
      }
      grid_sync();
      renewed = trace();
    }
    int at;
    const bool is_found = iterate(f, start, &at);
    double *t = f.scores + count * n, *a = f.weights + count * n, *q = f.loadings + count * targets;
    times(f.moved, n, targets, f.b[at], t);
    times(f.rest, n, targets, f.b[at], a);
    grid_sync();
    for (int32_t k = 0; k < count; ++k) {
      const double *earlier = f.scores + k * n, *its = f.weights + k * n;
      const double share = block_dot(earlier, t, n) / f.lengths[k];
      grid_sync();  // t has been read everywhere
      for (int64_t i = first_item(); i < n; i += all_threads()) {
        t[i] -= share * earlier[i];
        a[i] -= share * its[i];
      }
      grid_sync();
    }
    const double length = block_dot(t, t, n);
    largest = larger(largest, length);
    // What is left of the features is rounding.
    if (!(length > largest * kRounding * kRounding * static_cast<double>(n))) {
      for (int64_t i = first_item(); i < n; i += all_threads()) a[i] = 0;
      break;
    }
    unconverged += !is_found;
    if (first_item() == 0) f.lengths[count] = length;
    times_transposed(f.rest, n, targets, t, 1 / length, q);
    times_transposed(f.moved, n, targets, t, 1, f.v);
    if (f.options.products) {
      times(f.x, n, n, t, f.applied);
    } else {
      times_transposed(f.x, n, f.p, t, 1, f.across);
      grid_sync();
      times(f.x, n, f.p, f.across, f.applied);
    }
    grid_sync();
    // (Y - t q^T)^T (XX'Y - XX't q^T) = C - v q^T - q v^T, v less its half along q
    const double half = f.side > 0 ? block_dot(t, f.applied, n) / 2 : 0;
    for (int64_t e = first_item(); e < f.side * f.side; e += all_threads()) {
      const int64_t i = e / targets, j = e % targets;
      f.square[e] -= (f.v[i] - half * q[i]) * q[j] + q[i] * (f.v[j] - half * q[j]);
    }
    subtract_outer(f.rest, n, targets, t, q);
    subtract_outer(f.moved, n, targets, f.applied, q);
    grid_sync();
  }
  if (first_item() > 0) return;
  f.found[0] = count;
  f.found[1] = unconverged;
}

}  // namespace

void pls_components(core::Context& ctx, const core::View* in, core::View* out, const op::PlsComponents::Options& o) {
  const int64_t n = in[0].shape[0], p = in[0].shape[1], targets = in[1].shape[1], side = targets <= n ? targets : 0;
  const auto vector = [&](int64_t count) { return ctx.scratch<double>(static_cast<size_t>(count)); };
  const Fit f{o,
              in[0].as<double>(),
              in[1].as<double>(),
              in[2].as<double>(),
              n,
              p,
              targets,
              side,
              vector(n * targets),
              vector(n * targets),
              vector(side * side),
              {vector(targets), vector(targets)},
              {vector(targets), vector(targets)},
              vector(targets),
              vector(o.components * n),
              vector(o.components),
              vector(n),
              vector(p),
              vector(n),
              vector(targets),
              out[0].as<double>(),
              out[1].as<double>(),
              out[2].as<int32_t>()};
  const int64_t wanted = (std::max(n, targets) + kWarps - 1) / kWarps;
  const int64_t most = resident_blocks(pls_kernel, kThreads, 0, device_of(ctx).processors);
  STRIATE_LAUNCH_COOPERATIVE(pls_kernel, static_cast<unsigned>(std::min(wanted, most)), kThreads, 0, stream_of(ctx), f);
}

}  // namespace striate::cuda
