// competition, competitive_step: ops/competition.h. One warp per row, three short passes over it (maximum, sum of
// exponentials, result), the last two from the L1 cache. Bytes: 4 in and 4 out an element. competitive_step: one warp
// per patch for zeros and winners; one block per 32 units for the sums over patches, in float64 by 32 rows of threads
// joined in order; g^T patches by cuBLAS or the own product (gemm.cuh); one warp per row for the change. Not yet timed
// on a GPU.
#include <cstdint>

#include "cuda/device.cuh"
#include "cuda/gemm.cuh"
#include "cuda/softmax.cuh"
#include "ops/competition.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    competition_kernel(const float* __restrict__ u, float* __restrict__ g, int64_t b, int64_t k, int kind, float rate) {
  const int64_t row = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  if (row >= b) return;  // whole warps leave
  const float* from = u + row * k;
  float* to = g + row * k;
  const int lane = threadIdx.x % 32;
  float maximum;
  const int top = warp_argmax(k, [=](int64_t i) { return from[i]; }, &maximum);
  if (kind == op::Competition::hard) {
    for (int64_t i = lane; i < k; i += 32) to[i] = i == top ? 1.0f : 0.0f;
    return;
  }
  float sum = 0;
  for (int64_t i = lane; i < k; i += 32) sum += expf((from[i] - maximum) * rate);
  const float share = 1 / warp_sum(sum);
  for (int64_t i = lane; i < k; i += 32) {
    const float p = expf((from[i] - maximum) * rate) * share;
    to[i] = kind == op::Competition::softhebb && i != top ? -p : p;
  }
}

/// top[b]: the first maximum of a row of u, -1 for a patch of zeros.
__global__ void __launch_bounds__(kThreads)
    winners_kernel(const float* __restrict__ patches, const float* __restrict__ u, int64_t b, int64_t d, int64_t k,
                   int* top) {
  const int64_t row = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  if (row >= b) return;  // whole warps leave
  int some = 0;
  for (int64_t i = threadIdx.x % 32; i < d; i += 32) some |= !(patches[row * d + i] == 0);
  const bool zero = __ballot_sync(0xffffffffu, some) == 0;
  const int first = warp_argmax(k, [=](int64_t i) { return u[row * k + i]; });
  if (threadIdx.x % 32 == 0) top[row] = zero ? -1 : first;
}

struct UnitSums {
  double *n, *s;  // [K]
  int* wins;      // [K]
};

__global__ void __launch_bounds__(1024)
    unit_sums_kernel(const float* __restrict__ u, const float* __restrict__ g, const int* __restrict__ top, int64_t b,
                     int64_t k, UnitSums sums) {
  __shared__ double count[32][33], gain[32][33];
  __shared__ int won[32][33];
  const int64_t unit = static_cast<int64_t>(blockIdx.x) * 32 + threadIdx.x;
  double n = 0, s = 0;
  int wins = 0;
  if (unit < k)
    for (int64_t row = threadIdx.y; row < b; row += 32) {
      const int winner = top[row];
      if (winner < 0) continue;
      const double share = g[row * k + unit];
      n += fabs(share);
      s += share * static_cast<double>(u[row * k + unit]);
      wins += winner == unit;
    }
  count[threadIdx.y][threadIdx.x] = n;
  gain[threadIdx.y][threadIdx.x] = s;
  won[threadIdx.y][threadIdx.x] = wins;
  __syncthreads();
  if (threadIdx.y != 0 || unit >= k) return;
  for (int i = 1; i < 32; ++i) {
    n += count[i][threadIdx.x];
    s += gain[i][threadIdx.x];
    wins += won[i][threadIdx.x];
  }
  sums.n[unit] = n;
  sums.s[unit] = s;
  sums.wins[unit] = wins;
}

/// change -= s w; with step 'count' the row moves at once. energy[k] = s / |w| of the row as it was.
__global__ void __launch_bounds__(kThreads)
    change_rows_kernel(float* __restrict__ w, float* __restrict__ change, UnitSums sums, int64_t k, int64_t d,
                       bool by_max, double rate, double* energy, unsigned* largest) {
  const int64_t unit = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  if (unit >= k) return;  // whole warps leave
  const double n = sums.n[unit];
  const bool learns = !(n < op::CompetitiveStep::kLeastShares);  // a NaN shows in the row
  const float gain = static_cast<float>(sums.s[unit]), factor = learns ? static_cast<float>(rate / n) : 0.0f;
  double square = 0;
  float most = 0;
  for (int64_t at = unit * d + threadIdx.x % 32; at < (unit + 1) * d; at += 32) {
    const float x = w[at], dw = change[at] - gain * x;
    square += static_cast<double>(x) * static_cast<double>(x);
    if (by_max) {
      change[at] = dw;
      most = fmaxf(most, fabsf(dw));
    } else if (learns) {
      w[at] = x + factor * dw;
    }
  }
  square = warp_sum(square);
  const unsigned bits = __reduce_max_sync(0xffffffffu, __float_as_uint(most));
  if (threadIdx.x % 32 != 0) return;
  energy[unit] = square > 0 ? sums.s[unit] / sqrt(square) : 0.0;
  if (by_max) atomicMax(largest, bits);
}

__global__ void __launch_bounds__(kThreads) apply_change_kernel(float* __restrict__ w, const float* __restrict__ change,
                                                                int64_t count, double rate, const unsigned* largest) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const float most = fmaxf(__uint_as_float(*largest), 1e-30f);
  w[i] += static_cast<float>(rate / static_cast<double>(most)) * change[i];
}

/// One warp: the order of the sums depends on K alone.
__global__ void unit_tally_kernel(UnitSums sums, const double* __restrict__ energies, int64_t k, int* wins,
                                  float* gains, float* energy) {
  double sum = 0;
  unsigned long long patches = 0;
  for (int64_t unit = threadIdx.x; unit < k; unit += 32) {
    if (wins) wins[unit] = sums.wins[unit];
    if (gains) gains[unit] = static_cast<float>(sums.s[unit]);
    sum += energies[unit];
    patches += sums.wins[unit];
  }
  sum = warp_sum(sum);
  patches = warp_sum(patches);
  if (energy && threadIdx.x == 0) *energy = patches ? static_cast<float>(-sum / static_cast<double>(patches)) : 0.0f;
}

}  // namespace

void competition(core::Context& ctx, const core::View* in, core::View* out, const op::Competition::Options& o) {
  const int64_t b = in[0].shape[0], k = in[0].shape[1];
  STRIATE_LAUNCH(competition_kernel, blocks_for(b, kThreads / 32), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 out[0].as<float>(), b, k, o.kind, static_cast<float>(1 / o.temperature));
}

void competitive_step(core::Context& ctx, const core::View* in, core::View* out,
                      const op::CompetitiveStep::Options& o) {
  const int64_t b = in[0].shape[0], d = in[0].shape[1], k = in[3].shape[0];
  const float *patches = in[0].as<float>(), *u = in[1].as<float>(), *g = in[2].as<float>();
  float* w = in[3].as<float>();
  const cudaStream_t stream = stream_of(ctx);
  int* top = ctx.scratch<int>(static_cast<size_t>(b));
  const UnitSums sums = {ctx.scratch<double>(static_cast<size_t>(k)), ctx.scratch<double>(static_cast<size_t>(k)),
                         ctx.scratch<int>(static_cast<size_t>(k))};
  double* energies = ctx.scratch<double>(static_cast<size_t>(k));
  float* change = ctx.scratch<float>(static_cast<size_t>(k * d));
  unsigned* largest = ctx.scratch<unsigned>(1);
  const bool by_max = o.step == op::CompetitiveStep::max;
  STRIATE_LAUNCH(winners_kernel, blocks_for(b, kThreads / 32), kThreads, 0, stream, patches, u, b, d, k, top);
  STRIATE_LAUNCH(unit_sums_kernel, blocks_for(k, 32), dim3(32, 32), 0, stream, u, g, top, b, k, sums);
  if (k * d * b < (int64_t(1) << 24) || !cublas_product(ctx, k, d, b, g, true, patches, false, change))
    gemm::multiply<false, false>(ctx, gemm::Operand<float>{g, k, nullptr}, gemm::Operand<float>{patches, d, nullptr}, k,
                                 d, b, nullptr, change, device_of(ctx).processors);
  if (by_max) check(cudaMemsetAsync(largest, 0, sizeof(unsigned), stream), "cudaMemsetAsync");
  STRIATE_LAUNCH(change_rows_kernel, blocks_for(k, kThreads / 32), kThreads, 0, stream, w, change, sums, k, d, by_max,
                 o.learning_rate, energies, largest);
  if (by_max)
    STRIATE_LAUNCH(apply_change_kernel, blocks_for(k * d, kThreads), kThreads, 0, stream, w, change, k * d,
                   o.learning_rate, largest);
  if (out[0].data || out[1].data || out[2].data)
    STRIATE_LAUNCH(unit_tally_kernel, 1, 32, 0, stream, sums, energies, k, out[0].data ? out[0].as<int>() : nullptr,
                   out[1].data ? out[1].as<float>() : nullptr, out[2].data ? out[2].as<float>() : nullptr);
}

}  // namespace striate::cuda
