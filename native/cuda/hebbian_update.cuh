// The second half of a Hebbian minibatch, as hebbian.cu describes it: the batch's sums for the units of a block, and the
// move of their rows.
#pragma once
#include <cstdint>

#include "cuda/hebbian_rank.cuh"

namespace striate::cuda {
namespace {  // one .cu file includes this

constexpr int kPiece = 128;  // features of a patch that a warp takes at once
constexpr int kGroup = 16;   // units of a block that its update handles at once

/// A warp's part of the batch on the units that a block owns, kGroup of them at a time: what its patches add to `width`
/// features of each row lies in shared memory, and lane j counts for unit j.
struct Part {
  float* sums;       // [units of the group][width]
  double drive = 0;  // sum of g * current
  float offset = 0;  // of what is added, to be taken off each number
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

/// Patches as they are added up: the whole numbers of windows of bytes, else float32.
template <int kParts>
using Number = std::conditional_t<kParts == 1, uint16_t, float>;
__device__ __forceinline__ float float_of(float x) { return x; }
__device__ __forceinline__ float float_of(uint16_t bf16) { return bf16_to_float(bf16); }

/// Of the warp's first patch: its numbers from the first of those summed, and how many lie from one patch to the next.
template <int kParts>
struct Source {
  const Number<kParts>* v;
  int pitch;
  const float *scales, *offsets;
};

template <class F>
__device__ __forceinline__ void add_hits(const Hebbian& h, const Source<F::kParts>& source, Hits& hits, int count,
                                         int group, int width, Part& part) {
  constexpr int kParts = F::kParts, kAhead = 4;  // rows on their way at once; the additions stay in order
  const int lane = threadIdx.x & 31;
  __syncwarp();
  for (int e0 = 0; e0 < count; e0 += 32) {
    const unsigned* of = hits.of + e0;
    const bool valid = e0 + lane < count;
    const unsigned mine = valid ? of[lane] : 0;
    const float scale = valid ? source.scales[patch_of(mine)] : 0.0f, g = mine & 1 ? -h.anti : 1.0f;
    const float weight = kParts == 1 ? g * scale : g;  // of the numbers as they are held
    const float offset = kParts == 1 && valid ? weight * source.offsets[patch_of(mine)] : 0.0f;
    const double current = valid ? static_cast<double>(g) * (hits.current[e0 + lane] * scale) : 0.0;
    float* by_hit = hits.current + e0;
    if (valid) by_hit[lane] = weight;
    __syncwarp();
    const unsigned lost = __ballot_sync(kAll, mine & 1);
    for (int j = 0; j < group; ++j) {
      const bool its = valid && member_of(mine) == j;
      const unsigned mask = __ballot_sync(kAll, its);
      if (mask == 0) continue;
      const double drive = warp_sum(its ? current : 0.0);
      const float taken_off = kParts == 1 ? warp_sum(its ? offset : 0.0f) : 0.0f;
      if (lane == j) {
        part.drive += drive;
        part.offset += taken_off;
        part.losses += __popc(mask & lost);
        part.wins += __popc(mask & ~lost);
      }
      for (int d = lane; d - lane < width; d += kPiece) {
        float *sums = part.sums + j * width + d, sum[kPiece / 32];
        STRIATE_UNROLL
        for (int r = 0; r < kPiece / 32; ++r) sum[r] = d + 32 * r < width ? sums[32 * r] : 0.0f;
        for (unsigned left = mask; left;) {
          float row[kAhead][kPiece / 32], by[kAhead];
          int taken = 0;
          STRIATE_UNROLL
          for (; taken < kAhead; ++taken) {
            if (left == 0) break;
            const int e = __ffs(left) - 1;
            left &= left - 1;
            by[taken] = by_hit[e];
            const Number<kParts>* from = source.v + static_cast<int64_t>(patch_of(of[e])) * source.pitch + d;
            STRIATE_UNROLL
            for (int r = 0; r < kPiece / 32; ++r) row[taken][r] = d + 32 * r < width ? float_of(from[32 * r]) : 0.0f;
          }
          STRIATE_UNROLL
          for (int i = 0; i < kAhead; ++i) {
            if (i >= taken) break;
            STRIATE_UNROLL
            for (int r = 0; r < kPiece / 32; ++r) sum[r] = fmaf(by[i], row[i][r], sum[r]);
          }
        }
        STRIATE_UNROLL
        for (int r = 0; r < kPiece / 32; ++r)
          if (d + 32 * r < width) sums[32 * r] = sum[r];
      }
    }
    __syncwarp();  // the hits may be written over
  }
}

/// The pair of a patch, of those of all shares of the units: ranks 1 and 2 alone have several. They are fetched together.
__device__ __forceinline__ Pair pair_of(const Hebbian& h, const Pair* ranked) {
  Pair pair = *ranked, others[kShares - 1];
  if (h.shares == 1) return pair;
  STRIATE_UNROLL
  for (int i = 0; i < kShares - 1; ++i)
    others[i] = i + 1 < h.shares ? ranked[static_cast<int64_t>(i + 1) * h.batch] : Pair{0, 0};
  STRIATE_UNROLL
  for (const Pair& other : others) {
    pair.second = max(min(pair.first, other.first), max(pair.second, other.second));
    pair.first = max(pair.first, other.first);
  }
  if (h.rank == 1) pair.second = 0;
  return pair;
}

/// Adds up the calling warp's part of the batch on the units first ... first + group - 1.
template <class F>
__device__ void sum_part(const Hebbian& h, int64_t step, unsigned first, unsigned group, int d0, int width, Hits& hits,
                         Part& part) {
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  constexpr int kParts = F::kParts, kWarps = F::kWarps;
  const int share = (h.batch + 32 * kWarps - 1) / (32 * kWarps) * 32, begin = warp * share;  // of a warp
  const int count = min(h.batch - begin, share);
  const int64_t row = (step & 1) * h.batch + begin;
  Source<kParts> source = {nullptr, h.features, h.patch_scales + row, h.patch_offsets + row};
  if constexpr (kParts == 1) {
    source.v = h.patch_parts + row * h.padded + d0;
    source.pitch = h.padded;
  } else {
    source.v = (h.z ? h.gathered + row * h.features : h.patches + static_cast<int64_t>(begin) * h.features) + d0;
  }
  const int64_t of_shares = (step & 1) * h.shares * h.batch + begin;
  const Pair* ranked = h.ranked + of_shares;
  // A patch is the group's by the pair of the share that has the group's units, or of the next one, if of any.
  const int wide = h.share * kUnits, share_of_first = static_cast<int>(first) / wide;
  const bool two = static_cast<int>(first + group - 1) / wide > share_of_first;
  const unsigned* marks = h.marks + of_shares + static_cast<int64_t>(share_of_first) * h.batch;
  const auto near = [&](unsigned mark) {
    return ((mark - first) & 0xffff) < group || (((mark >> 16) - first) & 0xffff) < group;
  };
  int found = 0;
  for (int b0 = 0; b0 < count; b0 += 32 * kScan) {
    Pair pairs[kScan];
    STRIATE_UNROLL
    for (int i = 0; i < kScan; ++i) {
      const int b = b0 + 32 * i + lane;
      const bool its = b < count && (near(marks[b]) || (two && near(marks[h.batch + b])));
      pairs[i] = its ? pair_of(h, ranked + b) : Pair{0, 0};
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
        add_hits<F>(h, source, hits, found, static_cast<int>(group), width, part);
        found = 0;
      }
    }
  }
  add_hits<F>(h, source, hits, found, static_cast<int>(group), width, part);
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
  const unsigned exponent = exponent_of(ranking, h.features);
  const float by = inverse_power(exponent);
  float sum = 0;
  for (int d = threadIdx.x & 31; d < h.padded; d += 32) {
    const float x = d < h.features ? ranking[d] * by : 0.0f;
    sum += x;
    if (h.unit_rows) {
      h.unit_rows[k * h.padded + d] = x;
      continue;
    }
    write_parts(x, h.unit_parts + 3 * k * h.padded, d);
  }
  sum = warp_sum(sum);
  if (threadIdx.x % 32) return;
  h.unit_scales[k] = __uint_as_float(exponent << 23);
  h.unit_sums[k] = sum;
}

/// What the parts of all warps come to, for the row of one unit: by the calling warp.
template <int kWarps>
__device__ void move_row(const Hebbian& h, int64_t step, float rate, int64_t k, int d0, int width, const float* sums,
                         int pitch, double drive, float offset, int wins, int losses, float& largest) {
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
    float sum = sums[d] - offset;
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
template <class F>
__device__ void update_rows(const Hebbian& h, int64_t step, float rate, float* shared, int room) {
  constexpr int kWarps = F::kWarps;
  __shared__ Hits hits[kWarps];
  __shared__ double drives[kWarps][kGroup];
  __shared__ float offsets[kWarps][kGroup];
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
      for (int i = threadIdx.x; i < kWarps * pitch / 4; i += F::kThreads)
        reinterpret_cast<float4*>(shared)[i] = make_float4(0, 0, 0, 0);
      __syncthreads();
      sum_part<F>(h, step, static_cast<unsigned>(first), group, d0, width, hits[warp], part);
      if (lane < group) {
        drives[warp][lane] = part.drive;
        offsets[warp][lane] = part.offset;
        wins[warp][lane] = part.wins;
        losses[warp][lane] = part.losses;
      }
      __syncthreads();
      for (int j = warp; j < group; j += kWarps) {
        double drive = 0;
        float offset = 0;
        int won = 0, lost = 0;
        for (int i = 0; i < kWarps; ++i) {
          drive += drives[i][j];
          offset += offsets[i][j];
          won += wins[i][j];
          lost += losses[i][j];
        }
        move_row<kWarps>(h, step, rate, first + j, d0, width, shared + j * width, pitch, drive, offset, won, lost,
                         largest);
      }
    }
  }
  if (h.by_max) {
    const unsigned bits = __reduce_max_sync(kAll, __float_as_uint(largest));
    if (lane == 0 && bits) atomicMax(h.largest + (step & 1), bits);
  }
}

/// Step 'max', once every row's change is known: each warp moves the rows it owns.
template <int kWarps>
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
