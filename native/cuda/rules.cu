// competitive_learn, oja_learn: ops/rules.h, by the kernels of their ops (ops/rule_loops.h), some ten launches a
// minibatch, and one more to add up what it counted: a block of its own, sums in float64.
#include <algorithm>
#include <climits>
#include <cstdint>

#include "cuda/device.cuh"
#include "ops/rule_loops.h"

namespace striate::cuda {

#define STRIATE_DECLARE(name, Contract) \
  void name(core::Context&, const core::View* in, core::View* out, const op::Contract::Options& options);
STRIATE_RULE_OPS(STRIATE_DECLARE)
#undef STRIATE_DECLARE

namespace {

constexpr int kThreads = 256;

// No more is queued between two looks at the cancel flag, and no more than some 20 to 40 ms of products (a
// multiprocessor makes about 10^11 a second).
constexpr double kMinibatchesAhead = 64;
#if defined(STRIATE_CUDA_SIM)
constexpr double kProductsAhead = 1 << 14;  // of a multiprocessor; small, so that tests cross the seams
#else
constexpr double kProductsAhead = 3e9;
#endif

struct Sums {
  double *energy, *gains;             // [1], [K]
  unsigned long long *weight, *wins;  // [1], [K]
  int64_t k;
};

__global__ void __launch_bounds__(kThreads)
    add_tally_kernel(Sums sums, const int* __restrict__ wins, const float* __restrict__ gains,
                     const float* __restrict__ energy) {
  __shared__ unsigned long long won[kThreads / 32];
  unsigned long long weight = 0;
  for (int64_t unit = threadIdx.x; unit < sums.k; unit += kThreads) {
    sums.wins[unit] += wins[unit];
    sums.gains[unit] += static_cast<double>(gains[unit]);
    weight += wins[unit];
  }
  weight = warp_sum(weight);
  if ((threadIdx.x & 31) == 0) won[threadIdx.x >> 5] = weight;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int i = 1; i < kThreads / 32; ++i) weight += won[i];
  if (sums.k == 0) weight = 1;
  *sums.energy += static_cast<double>(*energy) * static_cast<double>(weight);
  *sums.weight += weight;
}

__global__ void __launch_bounds__(kThreads)
    write_tally_kernel(Sums sums, int* __restrict__ wins, float* __restrict__ gains, float* __restrict__ energy) {
  const int64_t unit = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (unit == 0) *energy = *sums.weight ? static_cast<float>(*sums.energy / static_cast<double>(*sums.weight)) : 0.0f;
  if (unit >= sums.k) return;
  wins[unit] = static_cast<int>(sums.wins[unit] < INT_MAX ? sums.wins[unit] : INT_MAX);
  gains[unit] = static_cast<float>(sums.gains[unit]);
}

struct Kernels {
#define STRIATE_KERNEL(name, Contract) static constexpr op::Kernel<op::Contract> name = &cuda::name;
  STRIATE_RULE_OPS(STRIATE_KERNEL)
#undef STRIATE_KERNEL

  class Totals {
   public:
    Totals(core::Context& ctx, int64_t k) : stream_(stream_of(ctx)) {
      const size_t count = static_cast<size_t>(k) + 1;
      double* sums = ctx.scratch<double>(2 * count);
      auto* counts = reinterpret_cast<unsigned long long*>(sums + count);
      check(cudaMemsetAsync(sums, 0, 2 * count * sizeof(double), stream_), "cudaMemsetAsync");
      sums_ = {sums, sums + 1, counts, counts + 1, k};
    }
    void add(const core::View& wins, const core::View& gains, const core::View& energy) {
      STRIATE_LAUNCH(add_tally_kernel, 1, kThreads, 0, stream_, sums_, wins.as<int>(), gains.as<float>(),
                     energy.as<float>());
    }
    void write(const core::View& wins, const core::View& gains, const core::View& energy) const {
      STRIATE_LAUNCH(write_tally_kernel, blocks_for(sums_.k + 1, kThreads), kThreads, 0, stream_, sums_, wins.as<int>(),
                     gains.as<float>(), energy.as<float>());
    }

   private:
    cudaStream_t stream_;
    Sums sums_;
  };

  class Pace {
   public:
    Pace(const core::Context& ctx, double products)
        : stream_(stream_of(ctx)),
          most_(static_cast<int64_t>(
              std::clamp(kProductsAhead * device_of(ctx).processors / products, 1.0, kMinibatchesAhead))) {}
    void operator()() {
      if (++queued_ < most_) return;
      queued_ = 0;
      check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
    }

   private:
    cudaStream_t stream_;
    int64_t most_, queued_ = 0;
  };
};

}  // namespace

void competitive_learn(core::Context& ctx, const core::View* in, core::View* out,
                       const op::CompetitiveLearn::Options& o) {
  op::competitive_learn<Kernels>(ctx, in, out, o);
}

void oja_learn(core::Context& ctx, const core::View* in, core::View* out, const op::OjaLearn::Options& o) {
  op::oja_learn<Kernels>(ctx, in, out, o);
}

}  // namespace striate::cuda
