// hebbian_step, hebbian_learn: ops/hebbian.h; gathering and ranking are in hebbian_rank.cuh, the update
// in hebbian_update.cuh.
// One cooperative launch runs many minibatches; its blocks meet at a grid barrier between the two halves of each (three
// with step 'max'), so that a minibatch costs two barriers and no launch:
//   rank    one block per 2, 8 or 16 patches at a time against all units. A lane holds 2 units x the tile's patches in
//           registers; units and patches come through shared memory by asynchronous copies in chunks of 32 features.
//           The tile's currents stay in shared memory (where K is too large for it, in this block's slice of scratch),
//           and one warp per patch finds ranks 1 and m there: B x K is never stored.
//   update  a unit belongs to one block. Each of its warps scans an eighth of the batch's winners and losers once,
//           gathers the hits of all the block's units, and adds those patches, in the order of the batch, to sums of its
//           own in shared memory; the eight are added up in turn. There is no atomic sum and no sort, the bits repeat,
//           and a unit that wins most of a batch costs an eighth of the wait.
// Patches of step t+1 are gathered (from u8, exact integer sums for mean and norm, and whitened if that is asked for) before the barrier that ends step t.
// Numerics: float32 products (FFMA) and sums; totals over the call in float64.
// Flops 2 B K D, bytes through L2 4 K D a block and step: at B = 1000 the barriers dominate.
#include <algorithm>
#include <cstdint>

#include "cuda/device.cuh"
#include "cuda/grid.cuh"
#include "cuda/hebbian_rank.cuh"
#include "cuda/hebbian_update.cuh"
#include "ops/hebbian.h"

namespace striate::cuda {
namespace {

// A launch stays within an epoch, an iteration of k-means and some 20 to 40 ms, by its products (a multiprocessor makes
// about 10^11 a second), so that a display's watchdog is never met; so much, or so many launches, are queued between two
// looks at the cancel flag.
#if defined(STRIATE_CUDA_SIM)
constexpr double kProductsALaunch = 1 << 14;  // of a multiprocessor; small, so that tests cross the seams
#else
constexpr double kProductsALaunch = 3e9;
#endif
constexpr int64_t kStepsALaunch = 1024;
constexpr int kLaunchesAhead = 64;

__global__ void __launch_bounds__(kThreads)
    signed_power_kernel(const float* __restrict__ w, float* __restrict__ ranking, int64_t count, Power n) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) ranking[i] = signed_power(w[i], n);
}

/// to [columns][rows] = from [rows][columns]
__global__ void __launch_bounds__(kThreads)
    transpose_kernel(const float* __restrict__ from, float* __restrict__ to, int64_t rows, int64_t columns) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < rows * columns) to[i % columns * rows + i / columns] = from[i];
}

template <int kPatches>
__global__ void __launch_bounds__(kThreads, kPatches <= 8 ? 1 : 2) hebbian_kernel(Hebbian h, core::Permutation order) {
  STRIATE_DYNAMIC_SHARED(float, shared);
  gather<kPatches>(h, order, h.step);
  __syncthreads();
  for (int64_t step = h.step; step < h.step + h.steps; ++step) {
    const float rate = static_cast<float>(op::HebbianLearn::rate(h.rate, h.final_rate, step, h.total_steps));
    rank_batch<kPatches>(h, step, shared);
    grid_sync();
    update_rows(h, step, rate, shared, kStages<kPatches> * kStageFloats<kPatches>);
    if (step + 1 < h.step + h.steps) gather<kPatches>(h, order, step + 1);
    if (h.by_max) {
      grid_sync();
      apply_changes(h, step, rate);
    }
    grid_sync();
  }
}

/// The end of an iteration of k-means: a row is the work of a warp.
__global__ void __launch_bounds__(kThreads) hebbian_average_kernel(Hebbian h) {
  const int64_t k = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32, end = (k + 1) * h.features;
  if (k >= h.units) return;  // whole warps leave
  double square = 0;
  for (int64_t d = end - h.features + threadIdx.x % 32; d < end; d += 32)
    square += static_cast<double>(h.sums[d]) * h.sums[d];
  square = warp_sum(square);
  const float length = static_cast<float>(sqrt(square));
  for (int64_t d = end - h.features + threadIdx.x % 32; d < end; d += 32) {
    if (square > 0) h.w[d] = h.sums[d] / length;
    h.sums[d] = 0;
  }
}

/// One block: the order of the sum depends on K alone.
__global__ void __launch_bounds__(kThreads) hebbian_totals_kernel(Hebbian h, float* gains, float* energy) {
  __shared__ double sums[kWarps];
  __shared__ unsigned long long counts[kWarps];
  double sum = 0;
  unsigned long long patches = 0;
  for (int64_t k = threadIdx.x; k < h.units; k += kThreads) {
    gains[k] = static_cast<float>(h.gains[k]);
    sum += h.energies[k];
    patches += h.wins[k];
  }
  sum = warp_sum(sum);
  patches = warp_sum(patches);
  if ((threadIdx.x & 31) == 0) {
    sums[threadIdx.x >> 5] = sum;
    counts[threadIdx.x >> 5] = patches;
  }
  __syncthreads();
  if (threadIdx.x) return;
  for (int i = 1; i < kWarps; ++i) {
    sum += sums[i];
    patches += counts[i];
  }
  energy[0] = static_cast<float>(patches ? -sum / static_cast<double>(patches) : 0.0);
}

__global__ void __launch_bounds__(kThreads) hebbian_clear_kernel(Hebbian h) {
  const int64_t k = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (k < 2) h.largest[k] = 0;
  if (k >= h.units) return;
  h.gains[k] = h.energies[k] = 0;
  h.wins[k] = h.losses[k] = 0;
}

template <int kPatches>
size_t shared_bytes(int64_t units, bool spill) {
  return sizeof(float) * (kStages<kPatches> * kStageFloats<kPatches> + (spill ? 0 : kPatches * units));
}

/// Dynamic shared memory that a block may have, bytes: the device's limit less 4 KiB, for the static part.
size_t shared_limit() {
  int device = 0, limit = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "cudaDeviceGetAttribute");
  return static_cast<size_t>(limit) - 4096;
}

/// Fills in the scratch memory, runs the steps of every epoch in turn, and converts the totals.
template <int kPatches>
void run(core::Context& ctx, Hebbian h, uint64_t patch_count, uint64_t seed, int64_t steps, core::View* out) {
  const cudaStream_t stream = stream_of(ctx);
  const bool spill = shared_bytes<kPatches>(h.units, false) > shared_limit();
  const size_t shared = shared_bytes<kPatches>(h.units, spill);
  // no more blocks than have work: each one more makes the barrier slower
  const int64_t busy = std::max((h.batch + kPatches - 1) / kPatches, h.units);
  const int blocks = static_cast<int>(
      std::min<int64_t>(resident_blocks(hebbian_kernel<kPatches>, kThreads, shared, device_of(ctx).processors), busy));
  if (h.windows.images) h.gathered = ctx.scratch<float>(2 * h.batch * h.features);
  if (h.z) h.raw = ctx.scratch<float>(h.batch * h.inputs);
  h.ranked = ctx.scratch<int2>(2 * h.batch);
  h.currents = ctx.scratch<float2>(h.batch);
  if (spill) h.spill = ctx.scratch<float>(static_cast<int64_t>(blocks) * kPatches * h.units);
  if (h.by_max) h.change = ctx.scratch<float>(h.units * h.features);
  if (!h.ranking) {
    h.ranking = ctx.scratch<float>(h.units * h.features);
    STRIATE_LAUNCH(signed_power_kernel, blocks_for(h.units * h.features, kThreads), kThreads, 0, stream, h.w, h.ranking,
                   h.units * h.features, h.power);
  }
  const int64_t totals = 2 * h.units + 1;  // and two floats
  h.gains = ctx.scratch<double>(totals);
  h.energies = h.gains + h.units;
  h.largest = reinterpret_cast<unsigned*>(h.energies + h.units);
  // what was not asked for is counted all the same, in scratch memory
  const auto asked = [&](int i, auto kind) {
    using T = decltype(kind);
    return out[i].data ? out[i].as<T>() : ctx.scratch<T>(static_cast<size_t>(h.units));
  };
  h.wins = asked(0, int{});
  h.losses = asked(1, int{});
  STRIATE_LAUNCH((hebbian_clear_kernel), blocks_for(h.units, kThreads), kThreads, 0, stream, h);

  const int64_t an_epoch = static_cast<int64_t>(patch_count) / h.batch, end = h.step + steps;
  const double products = static_cast<double>(h.batch) * static_cast<double>(h.units * h.features);
  const int64_t most = std::clamp<int64_t>(
      static_cast<int64_t>(kProductsALaunch * device_of(ctx).processors / products), 1, kStepsALaunch);
  int64_t queued_steps = 0;
  int queued = 0;
  while (h.step < end) {
    const int64_t epoch = h.step / an_epoch;
    h.first_batch = h.step % an_epoch;
    h.steps = std::min({end - h.step, an_epoch - h.first_batch, most});
    if (h.sums) h.steps = std::min(h.steps, h.iteration - h.step % h.iteration);
    STRIATE_LAUNCH_COOPERATIVE((hebbian_kernel<kPatches>), blocks, kThreads, shared, stream, h,
                               core::Permutation(patch_count, seed, static_cast<uint32_t>(epoch)));
    h.step += h.steps;
    if (h.sums && h.step % h.iteration == 0)
      STRIATE_LAUNCH(hebbian_average_kernel, blocks_for(h.units, kWarps), kThreads, 0, stream, h);
    queued_steps += h.steps;
    if (queued_steps < most && ++queued < kLaunchesAhead) continue;
    queued_steps = queued = 0;
    check(cudaStreamSynchronize(stream), "hebbian_learn");
    if (ctx.stop()) return;
  }
  STRIATE_LAUNCH((hebbian_totals_kernel), 1, kThreads, 0, stream, h, asked(2, float{}), asked(3, float{}));
}

/// The smallest tile with which one a multiprocessor is enough (and its two stages fit): a batch of 100 is ranked by 50
/// multiprocessors, not by 13. Else tiles of 16 patches: half the reads of w.
void run(core::Context& ctx, const Hebbian& h, uint64_t patch_count, uint64_t seed, int64_t steps, core::View* out) {
  const int64_t each = (h.batch + device_of(ctx).processors - 1) / device_of(ctx).processors;
  if (each > 8 || shared_bytes<8>(h.units, true) > shared_limit())
    run<16>(ctx, h, patch_count, seed, steps, out);
  else if (each > 2)
    run<8>(ctx, h, patch_count, seed, steps, out);
  else
    run<2>(ctx, h, patch_count, seed, steps, out);
}

}  // namespace

void hebbian_step(core::Context& ctx, const core::View* in, core::View* out, const op::HebbianStep::Options& o) {
  Hebbian h = {};
  h.patches = in[0].as<float>();
  h.w = in[1].as<float>();
  h.ranking = o.p == 2 ? h.w : nullptr;
  h.root = static_cast<float>((o.p - 1) / o.p);
  h.power = Power(o.p - 1);
  h.batch = in[0].shape[0];
  h.features = in[0].shape[1];
  h.units = in[1].shape[0];
  h.rank = o.rank;
  h.anti = static_cast<float>(o.anti_hebbian);
  h.by_max = o.step == op::HebbianStep::max;
  h.total_steps = 1;
  h.rate = h.final_rate = o.learning_rate;
  run(ctx, h, h.batch, 0, 1, out);
}

void hebbian_learn(core::Context& ctx, const core::View* in, core::View* out, const op::HebbianLearn::Options& o) {
  Hebbian h = {};
  h.windows = {in[0].as<uint8_t>(),
               in[0].shape[1],
               in[0].shape[2],
               in[0].shape[3],
               o.window,
               o.centre,
               o.normalise == op::HebbianLearn::patch};
  h.w = in[1].as<float>();
  h.ranking = o.p == 2 ? h.w : nullptr;
  h.root = static_cast<float>((o.p - 1) / o.p);
  h.power = Power(o.p - 1);
  h.batch = o.batch;
  h.units = in[1].shape[0];
  h.features = in[1].shape[1];
  h.inputs = in[0].shape[1] * o.window * o.window;
  if (in[2].rank >= 0) {
    float* z = ctx.scratch<float>(h.inputs * h.features);
    STRIATE_LAUNCH(transpose_kernel, blocks_for(h.inputs * h.features, kThreads), kThreads, 0, stream_of(ctx),
                   in[2].as<float>(), z, h.features, h.inputs);
    h.z = z;
    h.offset = in[3].as<float>();
  }
  h.rank = o.rank;
  h.anti = static_cast<float>(o.anti_hebbian);
  h.sums = in[4].as<float>();
  h.iteration = o.iteration;
  h.by_max = !h.sums && o.step == op::HebbianStep::max;
  h.step = o.first_step;
  h.total_steps = o.total_steps;
  h.tally_from = op::HebbianLearn::tally_from(o);
  h.rate = o.learning_rate;
  h.final_rate = o.final_learning_rate;
  run(ctx, h, op::HebbianLearn::patches(in[0].shape[0], in[0].shape[2], in[0].shape[3], o.window), o.seed, o.steps,
      out);
}

}  // namespace striate::cuda
