// The second half of a Hebbian minibatch, as hebbian.cu describes it: the batch's sums for the units of a block, and the
// move of their rows.
#pragma once
#include <cstdint>

#include "cuda/hebbian_rank.cuh"

namespace striate::cuda {
namespace {  // one .cu file includes this

constexpr int kSlice = 128;  // features of a patch that a warp takes at once
constexpr int kGroup = 16;   // units of a block that its update handles at once

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
    if (h.sums) {
      h.sums[k * h.features + d0 + d] += sum;
      continue;
    }
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

}  // namespace
}  // namespace striate::cuda
