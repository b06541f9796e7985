// hebbian_step, hebbian_learn: ops/hebbian.h; gathering is in hebbian_patches.cuh, ranking in hebbian_rank.cuh, the
// update in hebbian_update.cuh.
// One cooperative launch runs many minibatches; its blocks meet at a grid barrier between the two halves of each (three
// with step 'max'), so that a minibatch costs two barriers and no launch:
//   rank    on the tensor cores, and yet with float32 products. Units are held over a power of two of their own, each
//           number as three bf16 ones; a window of bytes, less a whole number near its mean, is exact in one bf16 number,
//           so that three products make one, and what is left of the mean is taken off each current by the unit's sum.
//           Other patches are held as units are; of the nine products of parts the six largest are added up. One block
//           per 32 patches (80 in large minibatches) and share of the units (all of them where there are enough
//           patches); a warp multiplies 16 units at a time, which come straight from L2, each once a block, by the
//           patches in shared memory. The currents stay there (where they are too large for it, in this block's slice
//           of scratch), and one warp per patch finds ranks 1 and m: B x K is never stored.
//   update  a unit belongs to one block. Each of its warps scans a part of the batch's winners and losers once, gathers
//           the hits of all the block's units, and adds those patches, in the order of the batch, to sums of its own in
//           shared memory; these are added up in turn. There is no atomic sum and no sort, the bits repeat, and a unit
//           that wins most of a batch costs a fraction of the wait.
// Patches of step t+1 are gathered (from u8, exact integer sums for mean and norm, and whitened if that is asked for)
// during step t: by the blocks that have nothing to rank, else by the warps that have no row to move. A row is split where
// it moves, a patch of floats where it is gathered.
// Numerics: float32 products (bf16 parts) and sums; totals over the call in float64.
// Flops 6 B K D in bf16, 12 of patches of floats; bytes through L2 6 K D per 32 patches and step (4 K D per 80): at
// B = 1000 the barriers dominate.
#include <algorithm>
#include <cstdint>

#include "cuda/device.cuh"
#include "cuda/grid.cuh"
#include "cuda/hebbian_patches.cuh"
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

constexpr int kThreads = 256, kWarps = kThreads / 32;  // of the kernels beside the main one

/// to [columns][rows] = from [rows][columns]
__global__ void __launch_bounds__(kThreads)
    transpose_kernel(const float* __restrict__ from, float* __restrict__ to, int64_t rows, int64_t columns) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < rows * columns) to[i % columns * rows + i / columns] = from[i];
}

/// What a call begins with; a row and its totals are the work of a warp.
template <int kWarps>
__device__ void begin(const Hebbian& h) {
  const int lane = threadIdx.x & 31, first = static_cast<int>(blockIdx.x) * kWarps + threadIdx.x / 32;
  for (int k = first; k < h.units; k += static_cast<int>(gridDim.x) * kWarps) {
    if (lane == 0) {
      h.gains[k] = h.energies[k] = 0;
      h.wins[k] = h.losses[k] = 0;
    }
    prepare_row(h, k);
  }
  if (blockIdx.x == 0 && threadIdx.x < 2) h.largest[threadIdx.x] = 0;
  if (h.inputs == 0) return;
  for (int d = 32 * first + lane; d < h.inputs; d += 32 * static_cast<int>(gridDim.x) * kWarps)
    h.taps[d] = window_tap(h.windows, d);
  grid_sync();
}

template <class F>
__global__ void __launch_bounds__(F::kThreads, 1) hebbian_kernel(Hebbian h, core::Permutation order, int room) {
  STRIATE_DYNAMIC_SHARED(float, shared);
  const int block = static_cast<int>(blockIdx.x), blocks = static_cast<int>(gridDim.x), ranking = rank_items<F>(h);
  // A small minibatch is ranked by a part of the blocks, while the others gather the next one.
  const bool early = (blocks - ranking) * F::kWarps >= h.batch;
  // Else by the warps that have no row to move, where there are enough of them.
  const int rows = (h.units + blocks - 1) / blocks, free_from = 2 * rows <= F::kWarps ? rows : 0;
  if (h.first) begin<F::kWarps>(h);
  gather<F>(h, order, h.step, block, blocks, 0);
  grid_sync();  // a tile's patches are of several blocks
  for (int64_t step = h.step; step < h.step + h.steps; ++step) {
    const float rate = static_cast<float>(op::HebbianLearn::rate(h.rate, h.final_rate, step, h.total_steps));
    const bool more = step + 1 < h.step + h.steps;
    if (more && early && block >= ranking) gather<F>(h, order, step + 1, block - ranking, blocks - ranking, 0);
    rank_batch<F>(h, step, reinterpret_cast<unsigned*>(shared));
    grid_sync();
    update_rows<F>(h, step, rate, shared, room);
    if (more && !early) gather<F>(h, order, step + 1, block, blocks, free_from);
    if (h.by_max) {
      grid_sync();
      apply_changes<F::kWarps>(h, step, rate);
    }
    if (more) grid_sync();
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
  if (square > 0) prepare_row(h, k);
}

/// One block: the order of the sum depends on K alone.
__global__ void __launch_bounds__(kThreads) hebbian_totals_kernel(Hebbian h, float* gains, float* energy) {
  __shared__ double sums[kWarps];
  __shared__ unsigned long long counts[kWarps];
  double sum = 0;
  unsigned long long patches = 0;
  for (int k = threadIdx.x; k < h.units; k += kThreads) {
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

/// Dynamic shared memory that a block may have, floats: the device's limit less 20 KiB, for the static part.
int shared_limit() {
  int device = 0, limit = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "cudaDeviceGetAttribute");
  return (limit - (20 << 10)) / static_cast<int>(sizeof(float));
}

/// Cuts the units into shares, where ranks allow for it, so that no block is idle (a batch of 100 is ranked by 32
/// multiprocessors, not by 4) and currents, `limit` numbers, fit into shared memory.
void cut_units(Hebbian& h, int tile, int blocks, int limit) {
  const int tiles = (h.units + kUnits - 1) / kUnits, batch_tiles = (h.batch + tile - 1) / tile;
  const int most = h.rank <= 2 ? std::min(kShares, tiles) : 1;
  const auto share = [&] { return (tiles + h.shares - 1) / h.shares; };
  h.shares = std::clamp(blocks / batch_tiles, 1, most);
  while (h.shares < most && tile * key_pitch(share()) > limit) ++h.shares;
  h.share = share();
  h.shares = (tiles + h.share - 1) / h.share;
}

/// Fills in the scratch memory, runs the steps of every epoch in turn, and converts the totals.
template <class F>
void run(core::Context& ctx, Hebbian h, uint64_t patch_count, uint64_t seed, int64_t steps, core::View* out) {
  const cudaStream_t stream = stream_of(ctx);
  const int processors = device_of(ctx).processors, limit = shared_limit();
  h.padded = (h.features + kStep - 1) / kStep * kStep;
  const int patches = F::kTile * F::kPitch / 2;
  cut_units(h, F::kTile, processors, limit - patches);
  // no more blocks than have work: each one more makes the barrier slower
  const int busy = std::min(processors, std::max((h.batch + F::kTile - 1) / F::kTile * h.shares, h.units));
  const int keys = F::kTile * key_pitch(h.share), group = std::min(kGroup, (h.units + busy - 1) / busy);
  const bool spill = keys > limit - patches;
  const int room = std::max(std::min(h.features, limit / (F::kWarps * group)) * F::kWarps * group,  // of the sums' rows
                            patches + (spill ? 0 : keys));
  const size_t shared = sizeof(float) * room;
  const int blocks = std::min(resident_blocks(hebbian_kernel<F>, F::kThreads, shared, processors), busy);
  const int64_t batch = h.batch, units = h.units, numbers = units * h.features;
  if (h.windows.images) h.taps = ctx.scratch<int>(h.inputs);
  if (h.z) {
    h.gathered = ctx.scratch<float>(2 * batch * h.features);
    h.raw = ctx.scratch<float>(batch * h.inputs);
  }
  if constexpr (F::kLarge)
    h.unit_rows = ctx.scratch<float>(units * h.padded);
  else
    h.unit_parts = ctx.scratch<uint16_t>(units * 3 * h.padded);
  h.unit_scales = ctx.scratch<float>(2 * units);
  h.unit_sums = h.unit_scales + units;
  h.patch_parts = ctx.scratch<uint16_t>(2 * batch * F::kParts * h.padded);
  h.patch_scales = ctx.scratch<float>(4 * batch);
  h.patch_offsets = h.patch_scales + 2 * batch;
  h.marks = ctx.scratch<unsigned>(2 * h.shares * batch);
  h.ranked = ctx.scratch<Pair>(2 * h.shares * batch);
  if (spill) h.spill = ctx.scratch<unsigned>(static_cast<int64_t>(blocks) * keys);
  if (h.by_max) h.change = ctx.scratch<float>(numbers);
  if (!h.ranking) h.ranking = ctx.scratch<float>(numbers);
  const int64_t totals = 2 * units + 1;  // and two floats
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
  h.first = true;

  const int64_t an_epoch = static_cast<int64_t>(patch_count) / h.batch, end = h.step + steps;
  const double products = static_cast<double>(batch) * static_cast<double>(numbers);
  const int64_t most = std::clamp<int64_t>(
      static_cast<int64_t>(kProductsALaunch * device_of(ctx).processors / products), 1, kStepsALaunch);
  int64_t queued_steps = 0;
  int queued = 0;
  while (h.step < end) {
    const int64_t epoch = h.step / an_epoch;
    h.first_batch = h.step % an_epoch;
    h.steps = std::min({end - h.step, an_epoch - h.first_batch, most});
    if (h.sums) h.steps = std::min(h.steps, h.iteration - h.step % h.iteration);
    STRIATE_LAUNCH_COOPERATIVE(hebbian_kernel<F>, blocks, F::kThreads, shared, stream, h,
                               core::Permutation(patch_count, seed, static_cast<uint32_t>(epoch)), room);
    h.first = false;
    h.step += h.steps;
    if (h.sums && h.step % h.iteration == 0)
      STRIATE_LAUNCH(hebbian_average_kernel, blocks_for(h.units, kWarps), kThreads, 0, stream, h);
    queued_steps += h.steps;
    if (queued_steps < most && ++queued < kLaunchesAhead) continue;
    queued_steps = queued = 0;
    check(cudaStreamSynchronize(stream), "hebbian_learn");
    if (ctx.stop()) return;
  }
  if (out[2].data || out[3].data)
    STRIATE_LAUNCH((hebbian_totals_kernel), 1, kThreads, 0, stream, h, asked(2, float{}), asked(3, float{}));
}

/// Large minibatches are ranked in tiles that read the units from L2 less often.
void run(core::Context& ctx, const Hebbian& h, uint64_t patch_count, uint64_t seed, int64_t steps, core::View* out) {
  if (h.patches || h.z)
    run<Form<4, 3, 8>>(ctx, h, patch_count, seed, steps, out);
  else if (h.batch <= 32 * device_of(ctx).processors)
    run<Form<4, 1, 8>>(ctx, h, patch_count, seed, steps, out);
  else
    run<Form<10, 1, 12>>(ctx, h, patch_count, seed, steps, out);
}

}  // namespace

void hebbian_step(core::Context& ctx, const core::View* in, core::View* out, const op::HebbianStep::Options& o) {
  Hebbian h = {};
  h.patches = in[0].as<float>();
  h.w = in[1].as<float>();
  h.ranking = o.p == 2 ? h.w : nullptr;
  h.root = static_cast<float>((o.p - 1) / o.p);
  h.power = Power(o.p - 1);
  h.batch = static_cast<int>(in[0].shape[0]);
  h.features = static_cast<int>(in[0].shape[1]);
  h.units = static_cast<int>(in[1].shape[0]);
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
  h.batch = static_cast<int>(o.batch);
  h.units = static_cast<int>(in[1].shape[0]);
  h.features = static_cast<int>(in[1].shape[1]);
  h.inputs = static_cast<int>(in[0].shape[1] * o.window * o.window);
  if (in[2].rank >= 0) {
    const int64_t inputs = h.inputs, numbers = inputs * h.features;
    float* z = ctx.scratch<float>(numbers);
    STRIATE_LAUNCH(transpose_kernel, blocks_for(numbers, kThreads), kThreads, 0, stream_of(ctx), in[2].as<float>(), z,
                   h.features, inputs);
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
