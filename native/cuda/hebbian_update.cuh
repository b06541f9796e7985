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

constexpr int kScan = 4;  // times 32 patches that a warp fetches at once
/// Patches that win or lose for a unit of the group, in the order of the batch: patch (from the warp's first), unit of
/// the group (4 bits), and in the lowest bit whether it loses; and their currents.
struct Hits {
  static constexpr int kFull = 32;  // so many are added up at once
  unsigned of[kFull + 63];
  float current[kFull + 63];
};
__device__ __forceinline__ int patch_of(unsigned hit) { return static_cast<int>(hit >> 5); }
__device__ __forceinline__ int member_of(unsigned hit) { return static_cast<int>(hit >> 1 & (kGroup - 1)); }
static_assert(kGroup == 16);

/// `v`, `scales`: of the warp's first patch.
__device__ __forceinline__ void add_hits(const Hebbian& h, const float* v, const float* scales, Hits& hits, int count,
                                         int group, int width, Part& part) {
  constexpr int kAhead = 4;  // rows on their way at once; the additions stay in order
  const int lane = threadIdx.x & 31;
  __syncwarp();
  for (int e0 = 0; e0 < count; e0 += 32) {
    const unsigned* of = hits.of + e0;
    float* current = hits.current + e0;
    const unsigned mine = e0 + lane < count ? of[lane] : kAll;
    if (e0 + lane < count) current[lane] *= scales[patch_of(mine)];
    __syncwarp();
    for (int j = 0; j < group; ++j) {
      const unsigned mask = __ballot_sync(kAll, mine != kAll && member_of(mine) == j);
      if (mask == 0) continue;
      double drive = 0;
      int lost = 0;
      for (unsigned left = mask; left; left &= left - 1) {
        const int e = __ffs(left) - 1;
        lost += of[e] & 1;
        drive += static_cast<double>(of[e] & 1 ? -h.anti : 1.0f) * current[e];
      }
      if (lane == j) {
        part.drive += drive;
        part.losses += lost;
        part.wins += __popc(mask) - lost;
      }
      for (int d = lane; d - lane < width; d += kSlice) {
        float *sums = part.sums + j * width + d, sum[kSlice / 32];
        STRIATE_UNROLL
        for (int r = 0; r < kSlice / 32; ++r) sum[r] = d + 32 * r < width ? sums[32 * r] : 0.0f;
        for (unsigned left = mask; left;) {
          float row[kAhead][kSlice / 32], g[kAhead];
          int taken = 0;
          STRIATE_UNROLL
          for (; taken < kAhead; ++taken) {
            if (left == 0) break;
            const unsigned hit = of[__ffs(left) - 1];
            left &= left - 1;
            g[taken] = hit & 1 ? -h.anti : 1.0f;
            const float* from = v + static_cast<int64_t>(patch_of(hit)) * h.features + d;
            STRIATE_UNROLL
            for (int r = 0; r < kSlice / 32; ++r) row[taken][r] = d + 32 * r < width ? from[32 * r] : 0.0f;
          }
          STRIATE_UNROLL
          for (int i = 0; i < kAhead; ++i) {
            if (i >= taken) break;
            STRIATE_UNROLL
            for (int r = 0; r < kSlice / 32; ++r) sum[r] = fmaf(g[i], row[i][r], sum[r]);
          }
        }
        STRIATE_UNROLL
        for (int r = 0; r < kSlice / 32; ++r)
          if (d + 32 * r < width) sums[32 * r] = sum[r];
      }
    }
    __syncwarp();  // the hits may be written over
  }
}

/// The pair of a patch, of those of all shares of the units: ranks 1 and 2 alone have several.
__device__ __forceinline__ Pair pair_of(const Hebbian& h, const Pair* ranked) {
  Pair pair = *ranked;
  for (int share = 1; share < h.shares; ++share) {
    const Pair other = *(ranked += h.batch);
    pair.second = h.rank == 1 ? 0 : max(min(pair.first, other.first), max(pair.second, other.second));
    pair.first = max(pair.first, other.first);
  }
  return pair;
}

/// Adds up the calling warp's part of the batch on the units first ... first + group - 1.
__device__ void sum_part(const Hebbian& h, int64_t step, unsigned first, unsigned group, int d0, int width, Hits& hits,
                         Part& part) {
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const int share = (h.batch + 32 * kWarps - 1) / (32 * kWarps) * 32, begin = warp * share;  // of a warp
  const int count = min(h.batch - begin, share);
  const int64_t row = (step & 1) * h.batch + begin;
  const float* v =
      (h.windows.images ? h.gathered + row * h.features : h.patches + static_cast<int64_t>(begin) * h.features) + d0;
  const Pair* ranked = h.ranked + (step & 1) * h.shares * h.batch + begin;
  for (int i = lane; i < static_cast<int>(group) * width; i += 32) part.sums[i] = 0;
  int found = 0;
  for (int b0 = 0; b0 < count; b0 += 32 * kScan) {
    Pair pairs[kScan];
    STRIATE_UNROLL
    for (int i = 0; i < kScan; ++i) {
      const int b = b0 + 32 * i + lane;
      pairs[i] = b < count ? pair_of(h, ranked + b) : Pair{0, 0};
    }
    STRIATE_UNROLL
    for (int i = 0; i < kScan; ++i) {
      const unsigned members[2] = {static_cast<unsigned>(unit_of(pairs[i].first)) - first,
                                   static_cast<unsigned>(unit_of(pairs[i].second)) - first};
      if (!__any_sync(kAll, min(members[0], members[1]) < group)) continue;
      STRIATE_UNROLL
      for (unsigned loses = 0; loses < 2; ++loses) {
        const bool mine = members[loses] < group;
        const unsigned mask = __ballot_sync(kAll, mine);
        if (mine) {
          const int at = found + __popc(mask & ((1u << lane) - 1));
          hits.of[at] = static_cast<unsigned>(b0 + 32 * i + lane) << 5 | members[loses] << 1 | loses;
          hits.current[at] = current_of(loses ? pairs[i].second : pairs[i].first);
        }
        found += __popc(mask);
      }
      if (found >= Hits::kFull) {
        add_hits(h, v, h.patch_scales + row, hits, found, static_cast<int>(group), width, part);
        found = 0;
      }
    }
  }
  add_hits(h, v, h.patch_scales + row, hits, found, static_cast<int>(group), width, part);
}

__device__ __forceinline__ float signed_power(float x, const Power& n) {
  return x < 0 ? -rectified_power(-x, n) : rectified_power(x, n);
}

/// What a row needs to be ranked by, by the calling warp, which may have just moved it.
__device__ void prepare_row(const Hebbian& h, int64_t k) {
  float* ranking = h.ranking + k * h.features;
  if (h.ranking != h.w) {
    __syncwarp();
    for (int64_t d = threadIdx.x & 31; d < h.features; d += 32)
      ranking[d] = signed_power(h.w[k * h.features + d], h.power);
  }
  split_row(h, ranking, h.unit_parts + k * kParts * h.padded, h.unit_scales + k);
}

/// What the parts of all warps come to, for the row of one unit: by the calling warp.
__device__ void move_row(const Hebbian& h, int64_t step, float rate, int64_t k, int d0, int width, const float* sums,
                         int pitch, double drive, int wins, int losses, float& largest) {
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
      row[d0 + d] = fmaf(rate, change / static_cast<float>(count), row[d0 + d]);
    }
  }
  if (!h.sums && !h.by_max && d0 + width == h.features) prepare_row(h, k);
}

/// `room`: floats of shared memory.
__device__ void update_rows(const Hebbian& h, int64_t step, float rate, float* shared, int room) {
  __shared__ Hits hits[kWarps];
  __shared__ double drives[kWarps][kGroup];
  __shared__ int wins[kWarps][kGroup], losses[kWarps][kGroup];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const auto owned_from = [&](unsigned block) {
    return static_cast<int>(static_cast<uint64_t>(h.units) * block / gridDim.x);
  };
  const int end = owned_from(blockIdx.x + 1);
  float largest = 0;
  for (int first = owned_from(blockIdx.x); first < end; first += kGroup) {
    const int group = min(end - first, kGroup);
    const int most = room / (kWarps * group);
    for (int d0 = 0; d0 < h.features; d0 += most) {
      const int width = min(h.features - d0, most), pitch = group * width;
      Part part{shared + warp * pitch};
      __syncthreads();
      sum_part(h, step, static_cast<unsigned>(first), group, d0, width, hits[warp], part);
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
        move_row(h, step, rate, first + j, d0, width, shared + j * width, pitch, drive, won, lost, largest);
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
       k += static_cast<int64_t>(gridDim.x) * kWarps) {
    for (int64_t d = k * h.features + lane; d < (k + 1) * h.features; d += 32)
      h.w[d] = fmaf(rate, h.change[d] / largest, h.w[d]);
    prepare_row(h, k);
  }
}

}  // namespace
}  // namespace striate::cuda
