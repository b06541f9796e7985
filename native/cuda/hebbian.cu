// hebbian_step, hebbian_learn: ops/hebbian.h.
// One cooperative launch runs many minibatches; its blocks meet at a grid barrier between the two halves of each (three with step
// 'max'), so that a minibatch costs two barriers and no launch:
//   rank    one block per 8 or 16 patches at a time against all units: a lane holds 2 units x the tile's patches in registers, units
//           and patches come through shared memory by asynchronous copies in chunks of 32 features. The tile's currents stay in shared
//           memory (where K is too large for it, in this block's slice of scratch), and one warp per patch finds ranks 1 and m there:
//           B x K is never stored.
//   update  one warp per unit scans the batch's winners and losers in order, gathers its own hits, and adds those patches in the
//           order of the batch in registers: a row has one owner, so there is no atomic sum and no sort, and the bits repeat.
// Patches of step t+1 are gathered (from u8, exact integer sums for mean and norm) before the barrier that ends step t.
// Numerics: float32 products (FFMA) and sums; totals over the call in float64.
// Flops 2 B K D, bytes through L2 4 K D a block and step: at B = 1000 the barriers dominate. Not yet timed on a GPU.
#include <algorithm>
#include <cstdint>

#include "core/random.h"
#include "cuda/kernels.cuh"
#include "cuda/launch.cuh"

namespace striate::cuda {
namespace {

constexpr int kWarps = 8, kThreads = 32 * kWarps;
constexpr int kUnits = 64 * kWarps;      // units of one pass of `rank`
constexpr int kChunk = 32;               // features of one pass through shared memory
constexpr int kStride = kChunk + 4;      // of a row there: an odd number of 16-byte words, so that lanes meet no bank twice
constexpr int kSlice = 128;              // features that `update` keeps in registers
constexpr int kExtract = 16;             // ranks up to here are found by repeated maxima, later ones by bisection
constexpr int64_t kStepsALaunch = 1024;  // a launch stays within an epoch; so many steps, or
constexpr int kLaunchesAhead = 64;       // launches, are queued between two looks at the cancel flag
constexpr unsigned kAll = 0xffffffffu;

struct Hebbian {
  // hebbian_step: patches [B,D]. hebbian_learn: images [N,C,H,W], patches is null.
  const float* patches;
  const uint8_t* images;
  int64_t channels, height, width, window, first_batch;
  bool centre, unit;
  float* w;
  int64_t units, features, batch, rank;
  float anti;
  bool by_max;
  int64_t step, steps, total_steps, tally_from;  // of this launch: first, how many; numbered within the schedule
  double rate, final_rate;
  float* gathered;    // [2][B][D]
  int2* ranked;       // [2][B] units of rank 1 and m; x is -1 at a zero patch
  float2* currents;   // [B] their currents
  float* spill;       // [blocks][patches of a tile][K], or null: in shared memory
  float* change;      // [K][D], step 'max'
  unsigned* largest;  // [2] max |dw| as bits, by parity of the step
  int *wins, *losses;
  double *gains, *energies;
};

__device__ __forceinline__ unsigned long long warp_max(unsigned long long x) {
  for (int i = 16; i; i >>= 1) {
    const unsigned long long y = __shfl_xor_sync(kAll, x, i);
    if (y > x) x = y;
  }
  return x;
}

/// Orders like the float, -0 equal to 0.
__device__ __forceinline__ unsigned ordered(float x) {
  const unsigned bits = __float_as_uint(x + 0.0f);
  return bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
}
/// The total order of the ranking: the greater current first, then the lower unit.
__device__ __forceinline__ unsigned long long key_of(float current, int64_t unit) {
  return static_cast<unsigned long long>(ordered(current)) << 32 | ~static_cast<unsigned>(unit);
}

/// Prepares this block's patches of the minibatch: marks the zero ones; with images, writes the patches as floats.
template <int kPatches>
__device__ void gather(const Hebbian& h, const core::Permutation& order, int64_t step) {
  __shared__ int64_t origin[kPatches];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  int2* ranked = h.ranked + (step & 1) * h.batch;
  float* gathered = h.gathered + (step & 1) * h.batch * h.features;
  for (int64_t b0 = static_cast<int64_t>(blockIdx.x) * kPatches; b0 < h.batch; b0 += static_cast<int64_t>(gridDim.x) * kPatches) {
    if (h.images) {
      __syncthreads();
      if (threadIdx.x < kPatches && b0 + threadIdx.x < h.batch) {
        const uint64_t rows = h.height - h.window + 1, columns = h.width - h.window + 1;
        const uint64_t i = order((h.first_batch + step - h.step) * h.batch + b0 + threadIdx.x);
        const uint64_t n = i / (rows * columns), y = i / columns % rows, x = i % columns;
        origin[threadIdx.x] = (n * h.channels * h.height + y) * h.width + x;
      }
      __syncthreads();
    }
    for (int p = warp; p < kPatches && b0 + p < h.batch; p += kWarps) {
      const int64_t b = b0 + p;
      bool zero;
      if (h.images) {
        const uint8_t* image = h.images + origin[p];
        const unsigned window = static_cast<unsigned>(h.window);
        const auto pixel = [&](unsigned d) {
          const unsigned s = d % window, r = d / window % window, c = d / window / window;
          return image[(c * h.height + r) * h.width + s];
        };
        unsigned long long sum = 0, square = 0;
        for (int64_t d = lane; d < h.features; d += 32) {
          const unsigned u = pixel(static_cast<unsigned>(d));
          sum += u;
          square += u * u;
        }
        const double total = static_cast<double>(warp_sum(sum)), count = static_cast<double>(h.features);
        const double norm2 = static_cast<double>(warp_sum(square)) - (h.centre ? total * total / count : 0.0);
        zero = norm2 <= 1e-12 * 65025;
        const float mean = h.centre ? static_cast<float>(total / count) : 0.0f;
        const float scale = h.unit ? (zero ? 0.0f : static_cast<float>(rsqrt(norm2))) : 1.0f / 255.0f;
        for (int64_t d = lane; d < h.features; d += 32)
          gathered[b * h.features + d] = (static_cast<float>(pixel(static_cast<unsigned>(d))) - mean) * scale;
      } else {
        float square = 0;
        for (int64_t d = lane; d < h.features; d += 32) {
          const float v = h.patches[b * h.features + d];
          square = fmaf(v, v, square);
        }
        zero = warp_sum(square) <= 1e-12f;
      }
      if (lane == 0) ranked[b] = make_int2(zero ? -1 : 0, -1);
    }
  }
}

/// Starts to copy rows x kChunk floats from rows of `features` floats, of which `rows_left` rows and `left` features exist; zeros
/// elsewhere.
__device__ __forceinline__ void start_chunk(float* to, int stride, const float* from, int64_t features, int rows, int64_t rows_left,
                                            int64_t left) {
  if (left >= kChunk && features % 4 == 0) {
    for (int i = threadIdx.x; i < rows * (kChunk / 4); i += kThreads) {
      const int row = i / (kChunk / 4), d = 4 * (i % (kChunk / 4));
      const bool there = row < rows_left;
      copy_async<16>(to + row * stride + d, there ? from + row * features + d : from, there);
    }
  } else {
    for (int i = threadIdx.x; i < rows * kChunk; i += kThreads) {
      const int row = i / kChunk, d = i % kChunk;
      const bool there = row < rows_left && d < left;
      copy_async<4>(to + row * stride + d, there ? from + row * features + d : from, there);
    }
  }
}

/// Units of rank 1 and `rank` among the currents of one patch, by the calling warp.
__device__ int2 rank_units(const float* current, int64_t units, int64_t rank) {
  const int lane = threadIdx.x & 31;
  unsigned long long first = 0, below = ~0ull;
  for (int64_t r = 0; r < (rank <= kExtract ? rank : 1); ++r) {
    unsigned long long best = 0;
    for (int64_t u = lane; u < units; u += 32) {
      const unsigned long long key = key_of(current[u], u);
      if (key < below && key > best) best = key;
    }
    below = warp_max(best);
    if (r == 0) first = below;
  }
  const int winner = static_cast<int>(~static_cast<unsigned>(first));
  if (rank <= kExtract) return make_int2(winner, static_cast<int>(~static_cast<unsigned>(below)));
  // the greatest value that at least `rank` units reach, bit by bit
  unsigned value = 0;
  for (int bit = 31; bit >= 0; --bit) {
    const unsigned guess = value | 1u << bit;
    unsigned reach = 0;
    for (int64_t u = lane; u < units; u += 32) reach += ordered(current[u]) >= guess;
    if (static_cast<int64_t>(__reduce_add_sync(kAll, reach)) >= rank) value = guess;
  }
  unsigned above = 0;
  for (int64_t u = lane; u < units; u += 32) above += ordered(current[u]) > value;
  int64_t left = rank - static_cast<int64_t>(__reduce_add_sync(kAll, above));  // which of the units that tie at it, from 1
  for (int64_t u0 = 0; u0 < units; u0 += 32) {
    const unsigned ties = __ballot_sync(kAll, u0 + lane < units && ordered(current[u0 + lane]) == value);
    const int count = __popc(ties);
    if (count >= left) {
      const bool it = (ties >> lane & 1) && __popc(ties & ((1u << lane) - 1)) == left - 1;
      return make_int2(winner, static_cast<int>(u0) + __ffs(__ballot_sync(kAll, it)) - 1);
    }
    left -= count;
  }
  return make_int2(winner, winner);  // not reached: units >= rank
}

/// Chunks on their way through shared memory. A small batch is bound by latency and has a multiprocessor's memory to itself; with a
/// large one, the second block of the multiprocessor computes meanwhile.
template <int kPatches>
constexpr int kStages = kPatches == 8 ? 2 : 1;
template <int kPatches>
constexpr int kStageFloats = kUnits * kStride + kPatches * kChunk;

template <int kPatches>
__device__ void rank_batch(const Hebbian& h, int64_t step, float* shared) {
  constexpr int kDeep = kStages<kPatches>;
  float* current = h.spill ? h.spill + static_cast<int64_t>(blockIdx.x) * kPatches * h.units : shared + kDeep * kStageFloats<kPatches>;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const float* v = h.images ? h.gathered + (step & 1) * h.batch * h.features : h.patches;
  int2* ranked = h.ranked + (step & 1) * h.batch;
  const int64_t feature_chunks = (h.features + kChunk - 1) / kChunk, chunks = (h.units + kUnits - 1) / kUnits * feature_chunks;
  for (int64_t b0 = static_cast<int64_t>(blockIdx.x) * kPatches; b0 < h.batch; b0 += static_cast<int64_t>(gridDim.x) * kPatches) {
    const auto start = [&](int64_t chunk) {
      if (chunk < chunks) {
        float* to = shared + chunk % kDeep * kStageFloats<kPatches>;
        const int64_t u0 = chunk / feature_chunks * kUnits, d0 = chunk % feature_chunks * kChunk;
        const int rows = static_cast<int>(min((h.units - u0 + 63) / 64 * 64, static_cast<int64_t>(kUnits)));
        start_chunk(to, kStride, h.w + u0 * h.features + d0, h.features, rows, h.units - u0, h.features - d0);
        start_chunk(to + kUnits * kStride, kChunk, v + b0 * h.features + d0, h.features, kPatches, h.batch - b0, h.features - d0);
      }
      copy_commit();
    };
    float sum[2][kPatches];
    if (kDeep == 2) start(0);
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      start(chunk + kDeep - 1);
      copy_wait<kDeep - 1>();
      __syncthreads();
      const int64_t u0 = chunk / feature_chunks * kUnits, d0 = chunk % feature_chunks * kChunk;
      if (u0 + warp * 64 < h.units) {
        if (d0 == 0) {
          STRIATE_UNROLL
          for (int p = 0; p < kPatches; ++p) sum[0][p] = sum[1][p] = 0;
        }
        const float* units = shared + chunk % kDeep * kStageFloats<kPatches>;
        const float *mine = units + (warp * 64 + lane) * kStride, *patches = units + kUnits * kStride;
        const int width = static_cast<int>(min(h.features - d0, static_cast<int64_t>(kChunk)));  // zeros up to a multiple of 4
        for (int d = 0; d < width; d += 4) {
          const float4 a = *reinterpret_cast<const float4*>(mine + d);
          const float4 b = *reinterpret_cast<const float4*>(mine + 32 * kStride + d);
          STRIATE_UNROLL
          for (int p = 0; p < kPatches; ++p) {
            const float4 x = *reinterpret_cast<const float4*>(patches + p * kChunk + d);
            sum[0][p] = fmaf(a.w, x.w, fmaf(a.z, x.z, fmaf(a.y, x.y, fmaf(a.x, x.x, sum[0][p]))));
            sum[1][p] = fmaf(b.w, x.w, fmaf(b.z, x.z, fmaf(b.y, x.y, fmaf(b.x, x.x, sum[1][p]))));
          }
        }
        if (d0 + kChunk >= h.features) {
          STRIATE_UNROLL
          for (int i = 0; i < 2; ++i) {
            const int64_t u = u0 + warp * 64 + 32 * i + lane;
            if (u >= h.units) continue;
            STRIATE_UNROLL
            for (int p = 0; p < kPatches; ++p) current[p * h.units + u] = sum[i][p];
          }
        }
      }
      __syncthreads();
    }
    for (int p = warp; p < kPatches && b0 + p < h.batch; p += kWarps) {
      if (ranked[b0 + p].x < 0) continue;
      const int2 pair = rank_units(current + p * h.units, h.units, h.rank);
      if (lane == 0) {
        ranked[b0 + p] = pair;
        h.currents[b0 + p] = make_float2(current[p * h.units + pair.x], current[p * h.units + pair.y]);
      }
    }
  }
}

/// What one warp adds up for its unit over the batch, kSlice features at a time.
struct Sums {
  float v[kSlice / 32];
  double drive;  // sum of g * current
  int wins, losses;
};

__device__ __forceinline__ void add_hits(const Hebbian& h, const float* v, const int* hits, int count, int64_t d0, Sums& sums) {
  const int lane = threadIdx.x & 31;
  constexpr int kAhead = 4;  // rows on their way at once; the additions stay in order
  for (int e = 0; e < count; e += kAhead) {
    float row[kAhead][kSlice / 32], g[kAhead], current[kAhead];
STRIATE_UNROLL
    for (int i = 0; i < kAhead; ++i) {
      const bool there = e + i < count;
      const int hit = there ? hits[e + i] : 0;
      const int64_t b = hit >> 1;
      g[i] = there ? (hit & 1 ? -h.anti : 1.0f) : 0.0f;
      current[i] = there ? (hit & 1 ? h.currents[b].y : h.currents[b].x) : 0.0f;
STRIATE_UNROLL
      for (int r = 0; r < kSlice / 32; ++r) {
        const int64_t d = d0 + 32 * r + lane;
        row[i][r] = there && d < h.features ? v[b * h.features + d] : 0.0f;
      }
    }
STRIATE_UNROLL
    for (int i = 0; i < kAhead; ++i) {
      if (e + i >= count) break;
      sums.drive += static_cast<double>(g[i]) * current[i];
STRIATE_UNROLL
      for (int r = 0; r < kSlice / 32; ++r) sums.v[r] = fmaf(g[i], row[i][r], sums.v[r]);
    }
  }
}

__device__ Sums sum_patches(const Hebbian& h, int64_t step, int unit, int64_t d0, int* hits) {
  const int lane = threadIdx.x & 31;
  const float* v = h.images ? h.gathered + (step & 1) * h.batch * h.features : h.patches;
  const int2* ranked = h.ranked + (step & 1) * h.batch;
  Sums sums = {};
  int pending = 0;
  constexpr int kAhead = 8;
  for (int64_t b0 = 0; b0 < h.batch; b0 += 32 * kAhead) {
    int2 pair[kAhead];
STRIATE_UNROLL
    for (int i = 0; i < kAhead; ++i) {
      const int64_t b = b0 + 32 * i + lane;
      pair[i] = b < h.batch ? ranked[b] : make_int2(-1, -1);
    }
STRIATE_UNROLL
    for (int i = 0; i < kAhead; ++i) {
      const bool win = pair[i].x == unit, loss = pair[i].y == unit && pair[i].x >= 0;
      const unsigned mask = __ballot_sync(kAll, win || loss);
      if (mask == 0) continue;
      const unsigned won = __ballot_sync(kAll, win);
      sums.wins += __popc(won);
      sums.losses += __popc(mask & ~won);
      if (win || loss)
        hits[pending + __popc(mask & ((1u << lane) - 1))] = static_cast<int>(b0 + 32 * i + lane) << 1 | (win ? 0 : 1);
      pending += __popc(mask);
      if (pending < 32) continue;
      __syncwarp();
      add_hits(h, v, hits, pending, d0, sums);
      __syncwarp();
      pending = 0;
    }
  }
  __syncwarp();
  add_hits(h, v, hits, pending, d0, sums);
  __syncwarp();
  return sums;
}

__device__ void update_rows(const Hebbian& h, int64_t step, float rate) {
  __shared__ int hit_lists[kWarps][64];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  float largest = 0;
  for (int64_t k = blockIdx.x + static_cast<int64_t>(gridDim.x) * warp; k < h.units; k += static_cast<int64_t>(gridDim.x) * kWarps) {
    float* row = h.w + k * h.features;
    float square = 0;
    for (int64_t d = lane; d < h.features; d += 32) square = fmaf(row[d], row[d], square);
    const float length = sqrtf(warp_sum(square));
    for (int64_t d0 = 0; d0 < h.features; d0 += kSlice) {
      const Sums sums = sum_patches(h, step, static_cast<int>(k), d0, hit_lists[warp]);
      const int count = sums.wins + sums.losses;
      if (d0 == 0 && lane == 0 && step >= h.tally_from) {
        h.wins[k] += sums.wins;
        h.losses[k] += sums.losses;
        h.gains[k] += sums.drive;
        if (length > 0) h.energies[k] += sums.drive / length;
      }
      if (count == 0 && !h.by_max) break;
STRIATE_UNROLL
      for (int r = 0; r < kSlice / 32; ++r) {
        const int64_t d = d0 + 32 * r + lane;
        if (d >= h.features) continue;
        const float change = fmaf(-static_cast<float>(sums.drive), row[d], sums.v[r]);
        if (h.by_max) {
          h.change[k * h.features + d] = change;
          largest = fmaxf(largest, fabsf(change));
        } else {
          row[d] = fmaf(rate, change / static_cast<float>(count), row[d]);
        }
      }
    }
  }
  if (h.by_max) {
    const unsigned bits = __reduce_max_sync(kAll, __float_as_uint(largest));
    if (lane == 0) atomicMax(h.largest + (step & 1), bits);
  }
}

/// Step 'max', once every row's change is known: each warp moves the rows it owns.
__device__ void apply_changes(const Hebbian& h, int64_t step, float rate) {
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const float largest = fmaxf(__uint_as_float(__ldcg(h.largest + (step & 1))), 1e-30f);
  if (blockIdx.x == 0 && threadIdx.x == 0) h.largest[(step + 1) & 1] = 0;  // last read before the barrier that ended step - 1
  for (int64_t k = blockIdx.x + static_cast<int64_t>(gridDim.x) * warp; k < h.units; k += static_cast<int64_t>(gridDim.x) * kWarps)
    for (int64_t d = k * h.features + lane; d < (k + 1) * h.features; d += 32)
      h.w[d] = fmaf(rate, h.change[d] / largest, h.w[d]);
}

template <int kPatches>
__global__ void __launch_bounds__(kThreads, kPatches == 8 ? 1 : 2) hebbian_kernel(Hebbian h, core::Permutation order) {
  STRIATE_DYNAMIC_SHARED(float, shared);
  gather<kPatches>(h, order, h.step);
  __syncthreads();
  for (int64_t step = h.step; step < h.step + h.steps; ++step) {
    const float rate = static_cast<float>(
        h.rate + (h.final_rate - h.rate) * static_cast<double>(step) / static_cast<double>(h.total_steps));
    rank_batch<kPatches>(h, step, shared);
    grid_sync();
    update_rows(h, step, rate);
    if (step + 1 < h.step + h.steps) gather<kPatches>(h, order, step + 1);
    if (h.by_max) {
      grid_sync();
      apply_changes(h, step, rate);
    }
    grid_sync();
  }
}

__global__ void hebbian_totals_kernel(Hebbian h, float* gains, float* energy) {
  double sum = 0;
  long long patches = 0;
  for (int64_t k = 0; k < h.units; ++k) {
    gains[k] = static_cast<float>(h.gains[k]);
    sum += h.energies[k];
    patches += h.wins[k];
  }
  energy[0] = static_cast<float>(patches ? -sum / static_cast<double>(patches) : 0.0);
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
      std::min<int64_t>(resident_blocks(hebbian_kernel<kPatches>, kThreads, shared), busy));
  const auto zeroed = [&](auto*& p, int64_t count) {
    p = ctx.scratch<std::remove_reference_t<decltype(*p)>>(count);
    check(cudaMemsetAsync(p, 0, count * sizeof(*p), stream), "cudaMemsetAsync");
  };
  if (h.images) h.gathered = ctx.scratch<float>(2 * h.batch * h.features);
  h.ranked = ctx.scratch<int2>(2 * h.batch);
  h.currents = ctx.scratch<float2>(h.batch);
  if (spill) h.spill = ctx.scratch<float>(static_cast<int64_t>(blocks) * kPatches * h.units);
  if (h.by_max) h.change = ctx.scratch<float>(h.units * h.features);
  zeroed(h.largest, 2);
  zeroed(h.gains, h.units);
  zeroed(h.energies, h.units);
  h.wins = out[0].as<int>();
  h.losses = out[1].as<int>();
  check(cudaMemsetAsync(h.wins, 0, out[0].bytes(), stream), "cudaMemsetAsync");
  check(cudaMemsetAsync(h.losses, 0, out[1].bytes(), stream), "cudaMemsetAsync");

  const int64_t an_epoch = static_cast<int64_t>(patch_count) / h.batch, end = h.step + steps;
  int queued = 0;
  while (h.step < end) {
    const int64_t epoch = h.step / an_epoch;
    h.first_batch = h.step % an_epoch;
    h.steps = std::min({end - h.step, an_epoch - h.first_batch, kStepsALaunch});
    STRIATE_LAUNCH_COOPERATIVE((hebbian_kernel<kPatches>), blocks, kThreads, shared, stream, h,
                               core::Permutation(patch_count, seed, static_cast<uint32_t>(epoch)));
    h.step += h.steps;
    if (h.steps < kStepsALaunch && ++queued < kLaunchesAhead) continue;
    queued = 0;
    check(cudaStreamSynchronize(stream), "hebbian_learn");
    if (ctx.stop()) return;
  }
  STRIATE_LAUNCH((hebbian_totals_kernel), 1, 1, 0, stream, h, out[2].as<float>(), out[3].as<float>());
}

/// Tiles of 8 patches while one tile a multiprocessor is enough (and its two stages fit), else of 16: half the reads of w.
void run(core::Context& ctx, const Hebbian& h, uint64_t patch_count, uint64_t seed, int64_t steps, core::View* out) {
  if (h.batch <= 8 * static_cast<int64_t>(processors()) && shared_bytes<8>(h.units, true) <= shared_limit())
    run<8>(ctx, h, patch_count, seed, steps, out);
  else
    run<16>(ctx, h, patch_count, seed, steps, out);
}

}  // namespace

void hebbian_step(core::Context& ctx, const core::View* in, core::View* out, const op::HebbianStep::Options& o) {
  Hebbian h = {};
  h.patches = in[0].as<float>();
  h.w = in[1].as<float>();
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
  h.images = in[0].as<uint8_t>();
  h.channels = in[0].shape[1];
  h.height = in[0].shape[2];
  h.width = in[0].shape[3];
  h.window = o.window;
  h.centre = o.centre;
  h.unit = o.normalise == op::HebbianLearn::patch;
  h.w = in[1].as<float>();
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
  run(ctx, h, op::HebbianLearn::patches(in[0].shape[0], h.height, h.width, o.window), o.seed, o.steps, out);
}

}  // namespace striate::cuda
