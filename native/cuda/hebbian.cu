// hebbian_step, hebbian_learn: ops/hebbian.h; gathering and ranking are in hebbian_rank.cuh.
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
// Patches of step t+1 are gathered (from u8, exact integer sums for mean and norm) before the barrier that ends step t.
// Numerics: float32 products (FFMA) and sums; totals over the call in float64.
// Flops 2 B K D, bytes through L2 4 K D a block and step: at B = 1000 the barriers dominate.
#include <algorithm>
#include <cstdint>

#include "cuda/device.cuh"
#include "cuda/grid.cuh"
#include "cuda/hebbian_rank.cuh"
#include "ops/hebbian.h"

namespace striate::cuda {
namespace {

constexpr int kSlice = 128;  // features of a patch that a warp takes at once
constexpr int kGroup = 16;   // units of a block that its update handles at once
// A launch stays within an epoch and within some 20 to 40 ms, by its products (a multiprocessor makes about 10^11 a
// second), so that a display's watchdog is never met; so much, or so many launches, are queued between two looks at the
// cancel flag.
#if defined(STRIATE_CUDA_SIM)
constexpr double kProductsALaunch = 1 << 14;  // of a multiprocessor; small, so that tests cross the seams
#else
constexpr double kProductsALaunch = 3e9;
#endif
constexpr int64_t kStepsALaunch = 1024;
constexpr int kLaunchesAhead = 64;

/// A warp's part of the batch on the units that a block owns, kGroup of them at a time: what its patches add to `width`
/// features of each row lies in shared memory, and lane j counts for unit j.
struct Part {
  float* sums;       // [units of the group][width]
  double drive = 0;  // sum of g * current
  int wins = 0, losses = 0;
};

constexpr int kScan = 4;  // times 32 patches that a warp scans at once
/// Patches that win or lose for a unit of the group, in the order of the batch: patch (from the warp's first), unit of
/// the group (4 bits), and in the lowest bit whether it loses.
struct Hits {
  unsigned of[2 * 32 * kScan];
  float current[32];  // of those that are being counted
};
__device__ __forceinline__ int patch_of(unsigned hit) { return static_cast<int>(hit >> 5); }
__device__ __forceinline__ int unit_of(unsigned hit) { return static_cast<int>(hit >> 1 & (kGroup - 1)); }
static_assert(kGroup == 16);

/// `v`, `currents`: of the warp's first patch.
__device__ __forceinline__ void add_hits(const Hebbian& h, const float* v, const float2* currents, Hits& hits,
                                         int count, int width, Part& part) {
  const int lane = threadIdx.x & 31;
  for (int e0 = 0; e0 < count; e0 += 32) {
    if (e0 + lane < count) {
      const unsigned mine = hits.of[e0 + lane];
      const float2 current = currents[patch_of(mine)];
      hits.current[lane] = mine & 1 ? current.y : current.x;
    }
    __syncwarp();
    for (int e = 0; e < min(32, count - e0); ++e) {
      const unsigned hit = hits.of[e0 + e];
      if (unit_of(hit) != lane) continue;
      part.drive += static_cast<double>(hit & 1 ? -h.anti : 1.0f) * hits.current[e];
      ++(hit & 1 ? part.losses : part.wins);
    }
    __syncwarp();
  }
  constexpr int kAhead = 8;  // rows on their way at once; the additions stay in order
  for (int e0 = 0; e0 < count; e0 += kAhead)
    for (int s0 = 0; s0 < width; s0 += kSlice) {
      float row[kAhead][kSlice / 32];
      STRIATE_UNROLL
      for (int i = 0; i < kAhead; ++i) {
        const float* from = v + (e0 + i < count ? patch_of(hits.of[e0 + i]) : 0) * h.features;
        STRIATE_UNROLL
        for (int r = 0; r < kSlice / 32; ++r) {
          const int d = s0 + 32 * r + lane;
          row[i][r] = e0 + i < count && d < width ? from[d] : 0.0f;
        }
      }
      STRIATE_UNROLL
      for (int i = 0; i < kAhead; ++i) {
        if (e0 + i >= count) break;
        const unsigned hit = hits.of[e0 + i];
        float* to = part.sums + unit_of(hit) * width;
        const float g = hit & 1 ? -h.anti : 1.0f;
        STRIATE_UNROLL
        for (int r = 0; r < kSlice / 32; ++r) {
          const int d = s0 + 32 * r + lane;
          if (d < width) to[d] = fmaf(g, row[i][r], to[d]);
        }
      }
    }
}

/// Adds up the calling warp's part of the batch on the block's units first ... first + group - 1 (numbered by blocks:
/// unit j of block b is b + j * gridDim.x).
__device__ void sum_part(const Hebbian& h, int64_t step, int64_t first, int group, int64_t d0, int width, Hits& hits,
                         Part& part) {
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const int64_t share = (h.batch + 32 * kWarps - 1) / (32 * kWarps) * 32, begin = warp * share;  // of a warp
  const int64_t count = min(h.batch - begin, share);
  const float* v =
      (h.windows.images ? h.gathered + (step & 1) * h.batch * h.features : h.patches) + begin * h.features + d0;
  const int2* ranked = h.ranked + (step & 1) * h.batch + begin;
  const auto own = [&](int unit) {  // its number in the group, or -1
    const int64_t j = static_cast<unsigned>(unit) / gridDim.x;
    const bool mine = unit >= 0 && static_cast<unsigned>(unit) - j * gridDim.x == blockIdx.x;
    return mine && j >= first && j < first + group ? static_cast<int>(j - first) : -1;
  };
  for (int i = lane; i < group * width; i += 32) part.sums[i] = 0;
  for (int64_t b0 = 0; b0 < count; b0 += 32 * kScan) {
    int2 pair[kScan];
    STRIATE_UNROLL
    for (int i = 0; i < kScan; ++i) {
      const int64_t b = b0 + 32 * i + lane;
      pair[i] = b < count ? ranked[b] : make_int2(-1, -1);
    }
    int found = 0;
    STRIATE_UNROLL
    for (int i = 0; i < 2 * kScan; ++i) {
      const int2 of = pair[i / 2];
      const int unit = i & 1 ? (of.x >= 0 ? own(of.y) : -1) : own(of.x);
      const unsigned mask = __ballot_sync(kAll, unit >= 0);
      if (unit >= 0)
        hits.of[found + __popc(mask & ((1u << lane) - 1))] =
            static_cast<unsigned>(b0 + i / 2 * 32 + lane) << 5 | static_cast<unsigned>(unit) << 1 | (i & 1u);
      found += __popc(mask);
    }
    __syncwarp();
    add_hits(h, v, h.currents + begin, hits, found, width, part);
    __syncwarp();
  }
}

__device__ __forceinline__ float signed_power(float x, const Power& n) {
  return x < 0 ? -rectified_power(-x, n) : rectified_power(x, n);
}

__device__ __forceinline__ void set_weight(const Hebbian& h, int64_t at, float x) {
  h.w[at] = x;
  if (h.ranking != h.w) h.ranking[at] = signed_power(x, h.power);
}

__global__ void __launch_bounds__(kThreads)
    signed_power_kernel(const float* __restrict__ w, float* __restrict__ ranking, int64_t count, Power n) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) ranking[i] = signed_power(w[i], n);
}

/// What the parts of all warps come to, for the row of one unit: by the calling warp.
__device__ void move_row(const Hebbian& h, int64_t step, float rate, int64_t k, int64_t d0, int width,
                         const float* sums, int pitch, double drive, int wins, int losses, float& largest) {
  const int lane = threadIdx.x & 31;
  float* row = h.w + k * h.features;
  if (d0 == 0 && step >= h.tally_from) {
    float sum = 0;  // of |w|^p
    for (int64_t d = lane; d < h.features; d += 32) sum = fmaf(row[d], h.ranking[k * h.features + d], sum);
    sum = warp_sum(sum);
    const float length = h.ranking == h.w ? sqrtf(sum) : powf(sum, h.root);  // |w|_p^(p-1)
    if (lane == 0) {
      h.wins[k] += wins;
      h.losses[k] += losses;
      h.gains[k] += drive;
      if (length > 0) h.energies[k] += drive / length;
    }
    __syncwarp();  // the row is read before it moves
  }
  const int count = wins + losses;
  if (count == 0 && !h.by_max) return;
  for (int d = lane; d < width; d += 32) {
    float sum = sums[d];
    STRIATE_UNROLL
    for (int i = 1; i < kWarps; ++i) sum += sums[i * pitch + d];
    const float change = fmaf(-static_cast<float>(drive), row[d0 + d], sum);
    if (h.by_max) {
      h.change[k * h.features + d0 + d] = change;
      largest = fmaxf(largest, fabsf(change));
    } else {
      set_weight(h, k * h.features + d0 + d, fmaf(rate, change / static_cast<float>(count), row[d0 + d]));
    }
  }
}

/// `room`: floats of shared memory.
__device__ void update_rows(const Hebbian& h, int64_t step, float rate, float* shared, int room) {
  __shared__ Hits hits[kWarps];
  __shared__ double drives[kWarps][kGroup];
  __shared__ int wins[kWarps][kGroup], losses[kWarps][kGroup];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const int64_t owned = (h.units - blockIdx.x + gridDim.x - 1) / gridDim.x;
  float largest = 0;
  for (int64_t first = 0; first < owned; first += kGroup) {
    const int group = static_cast<int>(min(owned - first, static_cast<int64_t>(kGroup)));
    const int most = room / (kWarps * group);
    for (int64_t d0 = 0; d0 < h.features; d0 += most) {
      const int width = static_cast<int>(min(h.features - d0, static_cast<int64_t>(most))), pitch = group * width;
      Part part{shared + warp * pitch};
      __syncthreads();
      sum_part(h, step, first, group, d0, width, hits[warp], part);
      if (lane < group) {
        drives[warp][lane] = part.drive;
        wins[warp][lane] = part.wins;
        losses[warp][lane] = part.losses;
      }
      __syncthreads();
      for (int j = warp; j < group; j += kWarps) {
        double drive = 0;
        int won = 0, lost = 0;
        for (int i = 0; i < kWarps; ++i) {
          drive += drives[i][j];
          won += wins[i][j];
          lost += losses[i][j];
        }
        move_row(h, step, rate, blockIdx.x + (first + j) * gridDim.x, d0, width, shared + j * width, pitch, drive, won,
                 lost, largest);
      }
    }
  }
  if (h.by_max) {
    const unsigned bits = __reduce_max_sync(kAll, __float_as_uint(largest));
    if (lane == 0 && bits) atomicMax(h.largest + (step & 1), bits);
  }
}

/// Step 'max', once every row's change is known: each warp moves the rows it owns.
__device__ void apply_changes(const Hebbian& h, int64_t step, float rate) {
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const float largest = fmaxf(__uint_as_float(__ldcg(h.largest + (step & 1))), 1e-30f);
  if (blockIdx.x == 0 && threadIdx.x == 0)
    h.largest[(step + 1) & 1] = 0;  // last read before the barrier that ended step - 1
  for (int64_t k = blockIdx.x + static_cast<int64_t>(gridDim.x) * warp; k < h.units;
       k += static_cast<int64_t>(gridDim.x) * kWarps)
    for (int64_t d = k * h.features + lane; d < (k + 1) * h.features; d += 32)
      set_weight(h, d, fmaf(rate, h.change[d] / largest, h.w[d]));
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
    STRIATE_LAUNCH_COOPERATIVE((hebbian_kernel<kPatches>), blocks, kThreads, shared, stream, h,
                               core::Permutation(patch_count, seed, static_cast<uint32_t>(epoch)));
    h.step += h.steps;
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
  h.rank = o.rank;
  h.anti = static_cast<float>(o.anti_hebbian);
  h.by_max = o.step == op::HebbianStep::max;
  h.step = o.first_step;
  h.total_steps = o.total_steps;
  h.tally_from = o.tally ? std::max(o.first_step, o.first_step + o.steps - o.tally) : o.first_step;
  h.rate = o.learning_rate;
  h.final_rate = o.final_learning_rate;
  run(ctx, h, op::HebbianLearn::patches(in[0].shape[0], in[0].shape[2], in[0].shape[3], o.window), o.seed, o.steps,
      out);
}

}  // namespace striate::cuda
