// The first half of a Hebbian minibatch, as hebbian.cu describes it: ranking the units on each patch.
#pragma once
#include <cstdint>

#include "cuda/hebbian_patches.cuh"

namespace striate::cuda {
namespace {  // one .cu file includes this

/// The two units of greatest current of each of kRows patches, by the calling warp: one pass over their keys, two at a
/// time; of units from u0. Several patches at once hide what each reduction waits for.
template <int kRows>
__device__ __forceinline__ void first_two(const unsigned* const (&keys)[kRows], int units, unsigned u0,
                                          Pair (&pair)[kRows]) {
  unsigned best[kRows] = {}, next[kRows] = {}, best_at[kRows], next_at[kRows], one[kRows];
  STRIATE_UNROLL
  for (int r = 0; r < kRows; ++r) best_at[r] = next_at[r] = kAll;
  for (int u = 2 * (threadIdx.x & 31); u < units; u += 64) {
    STRIATE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const uint2 both = *reinterpret_cast<const uint2*>(keys[r] + u);
      STRIATE_UNROLL
      for (int i = 0; i < 2; ++i) {
        const unsigned key = i ? both.y : both.x;
        const bool first = key > best[r];
        next_at[r] = first ? best_at[r] : key > next[r] ? u + i : next_at[r];
        next[r] = max(next[r], min(best[r], key));
        best_at[r] = first ? u + i : best_at[r];
        best[r] = max(best[r], key);
      }
    }
  }
  STRIATE_UNROLL
  for (int r = 0; r < kRows; ++r) one[r] = __reduce_max_sync(kAll, best[r]);
  STRIATE_UNROLL
  for (int r = 0; r < kRows; ++r) {
    const unsigned one_at = __reduce_min_sync(kAll, best[r] == one[r] ? best_at[r] : kAll);
    if (best_at[r] == one_at) {
      best[r] = next[r];
      best_at[r] = next_at[r];
    }
    pair[r].first = place_of(one[r], u0 + one_at);
  }
  STRIATE_UNROLL
  for (int r = 0; r < kRows; ++r) one[r] = __reduce_max_sync(kAll, best[r]);
  STRIATE_UNROLL
  for (int r = 0; r < kRows; ++r) {
    const unsigned two_at = __reduce_min_sync(kAll, best[r] == one[r] ? best_at[r] : kAll);
    pair[r].second = one[r] ? place_of(one[r], u0 + two_at) : 0;
  }
}

/// Units of rank 1 and `rank` by the keys of one patch, by the calling warp.
__device__ Pair rank_units(const unsigned* keys, int units, unsigned u0, int64_t rank) {
  const unsigned lane = threadIdx.x & 31, count = static_cast<unsigned>(units);
  Place first = 0, below = ~0ull;
  for (int64_t r = 0; r < (rank <= kExtract ? rank : 1); ++r) {
    Place best = 0;
    for (unsigned u = lane; u < count; u += 32) {
      const Place place = place_of(keys[u], u0 + u);
      if (place < below && place > best) best = place;
    }
    below = warp_max(best);
    if (r == 0) first = below;
  }
  if (rank <= kExtract) return {first, rank == 1 ? 0 : below};
  // the greatest key that at least `rank` units reach, bit by bit
  unsigned key = 0;
  for (int bit = 31; bit >= 0; --bit) {
    const unsigned guess = key | 1u << bit;
    unsigned reach = 0;
    for (unsigned u = lane; u < count; u += 32) reach += keys[u] >= guess;
    if (static_cast<int64_t>(__reduce_add_sync(kAll, reach)) >= rank) key = guess;
  }
  unsigned above = 0;
  for (unsigned u = lane; u < count; u += 32) above += keys[u] > key;
  int64_t left =
      rank - static_cast<int64_t>(__reduce_add_sync(kAll, above));  // which of the units that tie at it, from 1
  for (unsigned u = 0; u < count; u += 32) {
    const unsigned ties = __ballot_sync(kAll, u + lane < count && keys[u + lane] == key);
    const int here = __popc(ties);
    if (here >= left) {
      const bool it = (ties >> lane & 1) && __popc(ties & ((1u << lane) - 1)) == left - 1;
      return {first, place_of(key, u0 + u + __ffs(__ballot_sync(kAll, it)) - 1)};
    }
    left -= here;
  }
  return {first, first};  // not reached: units >= rank
}

/// Of a patch's row of keys: lanes that store side by side, or below each other, meet no bank twice.
__host__ __device__ inline int key_pitch(int64_t share) { return static_cast<int>(share) * kUnits + 4; }

/// What a lane multiplies of its units' rows: four features of both, which stand for 2 x 2 of the product's 16 (the same
/// in both operands), from float32 numbers.
struct Rows {
  float4 row[2];
  __device__ __forceinline__ void fetch(const float* first, int second) {
    row[0] = __ldcg(reinterpret_cast<const float4*>(first));
    row[1] = __ldcg(reinterpret_cast<const float4*>(first + second));
  }
  /// The parts of each number are cut off, exactly; what is no number stays none.
  __device__ __forceinline__ void split(unsigned (&a)[3][4]) const {
    STRIATE_UNROLL
    for (int i = 0; i < 4; ++i) {
      const float4 of = row[i % 2];
      float x = i < 2 ? of.x : of.z, y = i < 2 ? of.y : of.w;
      STRIATE_UNROLL
      for (int part = 0; part < 3; ++part) {
        const unsigned left = __float_as_uint(x), right = __float_as_uint(y);
        a[part][i] = __byte_perm(left, right, 0x7632);
        x -= __uint_as_float(left & 0xffff0000u);
        y -= __uint_as_float(right & 0xffff0000u);
      }
    }
  }
};
/// The same from parts.
struct RowParts {
  uint2 row[2][3];
  __device__ __forceinline__ void fetch(const uint16_t* first, int second) {
    STRIATE_UNROLL
    for (int part = 0; part < 3; ++part) {
      row[0][part] = __ldcg(reinterpret_cast<const uint2*>(first + part * kStep));
      row[1][part] = __ldcg(reinterpret_cast<const uint2*>(first + second + part * kStep));
    }
  }
  __device__ __forceinline__ void split(unsigned (&a)[3][4]) const {
    STRIATE_UNROLL
    for (int part = 0; part < 3; ++part) {
      a[part][0] = row[0][part].x;
      a[part][1] = row[1][part].x;
      a[part][2] = row[0][part].y;
      a[part][3] = row[1][part].y;
    }
  }
};

/// Adds the products of 16 units and 8 kColumns patches over `width` features, by the calling warp. `first`: this lane's
/// part of its first unit's row, `each` numbers for 16 features, and `second` numbers on that of the other. `patches`: of
/// its patches' in shared memory.
template <class F, class Units, class T>
__device__ __forceinline__ void multiply(const T* first, int second, int each, int width, const uint16_t* patches,
                                         float (&sum)[F::kColumns][4], float (&small)[F::kColumns][4]) {
  constexpr int kColumns = F::kColumns, kParts = F::kParts;
  constexpr int kAhead = F::kLarge ? 1 : 3;  // pieces of the units on their way from L2
  Units ahead[kAhead];
  STRIATE_UNROLL
  for (int i = 0; i < kAhead; ++i, first += each)
    if (i * kStep < width) ahead[i].fetch(first, second);
  for (int d0 = 0; d0 < width; d0 += kAhead * kStep) {
    STRIATE_UNROLL
    for (int i = 0; i < kAhead; ++i, first += each) {
      const int d = d0 + i * kStep;
      if (d >= width) break;
      unsigned a[3][4];
      ahead[i].split(a);
      if (d + kAhead * kStep < width) ahead[i].fetch(first, second);
      STRIATE_UNROLL
      for (int j = 0; j < kColumns; ++j) {
        unsigned b[kParts][2];
        STRIATE_UNROLL
        for (int part = 0; part < kParts; ++part) {
          const uint2 both = *reinterpret_cast<const uint2*>(patches + 8 * j * F::kPitch + part * kStep);
          b[part][0] = both.x;
          b[part][1] = both.y;
        }
        mma_bf16(small[j], a[2], b[0]);
        mma_bf16(sum[j], a[0], b[0]);
        if constexpr (kParts == 3) {
          mma_bf16(small[j], a[1], b[1]);
          mma_bf16(small[j], a[0], b[2]);
        }
        mma_bf16(small[j], a[1], b[0]);
        if constexpr (kParts == 3) mma_bf16(small[j], a[0], b[1]);
      }
      patches += kParts * kStep;
    }
  }
}

/// What the blocks rank in turn: tiles of patches by shares of the units.
template <class F>
__device__ __forceinline__ int rank_items(const Hebbian& h) {
  return (h.batch + F::kTile - 1) / F::kTile * h.shares;
}

/// Ranks the batch, a tile of patches by a share of the units at a time.
template <class F>
__device__ void rank_batch(const Hebbian& h, int64_t step, unsigned* shared) {
  constexpr int kTile = F::kTile, kWarps = F::kWarps, kColumns = F::kColumns;
  __shared__ float offsets[kTile];
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, group = lane / 4, within = lane % 4;
  const int key_row = key_pitch(h.share), last = h.units - 1;
  unsigned* keys = h.spill ? h.spill + static_cast<int64_t>(blockIdx.x) * kTile * key_row : shared;
  uint16_t* patches = reinterpret_cast<uint16_t*>(h.spill ? shared : shared + kTile * key_row);
  const int items = rank_items<F>(h), blocks = static_cast<int>(gridDim.x);
  for (int item = static_cast<int>(blockIdx.x); item < items; item += blocks) {
    const int b0 = item / h.shares * kTile, share = item % h.shares, u0 = share * h.share * kUnits,
              units = min(h.units - u0, h.share * kUnits);
    const int batch = static_cast<int>(step & 1) * h.batch;
    const auto patch_at = [&](int p) {
      return static_cast<int64_t>(batch + min(b0 + p, h.batch - 1));
    };  // beyond the last, the last
    for (int round = 0; round < units; round += kWarps * kUnits) {
      const int u = round + warp * kUnits, upper = min(u0 + u + group, last), lower = min(u0 + u + group + 8, last);
      float sum[kColumns][4] = {}, small[kColumns][4] = {};
      for (int d0 = 0; d0 < h.padded; d0 += kSlice) {
        const int width = min(h.padded - d0, kSlice);
        if (round == 0 || h.padded > kSlice) {
          __syncthreads();  // what lies there has been used, and the keys
          if (threadIdx.x < kTile) offsets[threadIdx.x] = h.patch_offsets[patch_at(threadIdx.x)];
          for (int p = warp; p < kTile; p += kWarps) {
            const uint16_t* from = h.patch_parts + (patch_at(p) * h.padded + d0) * F::kParts;
            for (int i = 8 * lane; i < width * F::kParts; i += 8 * 32)
              *reinterpret_cast<uint4*>(patches + p * F::kPitch + i) = __ldcg(reinterpret_cast<const uint4*>(from + i));
          }
          __syncthreads();
        }
        if (u >= units) continue;
        const uint16_t* from = patches + group * F::kPitch + 4 * within;
        const int64_t at = static_cast<int64_t>(upper) * h.padded + d0;
        const int second = (lower - upper) * h.padded;
        if constexpr (F::kLarge)
          multiply<F, Rows>(h.unit_rows + at + 4 * within, second, kStep, width, from, sum, small);
        else
          multiply<F, RowParts>(h.unit_parts + 3 * at + 4 * within, 3 * second, 3 * kStep, width, from, sum, small);
      }
      STRIATE_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int v = u + group + 8 * half;
        if (v >= units) break;
        const float scale = h.unit_scales[u0 + v], whole = h.unit_sums[u0 + v];
        unsigned* to = keys + 2 * within * key_row + v;
        STRIATE_UNROLL
        for (int j = 0; j < kColumns; ++j, to += 7 * key_row) STRIATE_UNROLL
        for (int i = 0; i < 2; ++i) {
          const float current = sum[j][2 * half + i] + small[j][2 * half + i];
          *to = key_of(fmaf(-offsets[8 * j + 2 * within + i], whole, current) * scale);
          if (i == 0) to += key_row;
        }
      }
    }
    if (units % 2)  // of a pair that is read at once
      for (int p = threadIdx.x; p < kTile; p += F::kThreads) keys[p * key_row + units] = 0;
    __syncthreads();
    const int64_t row = ((step & 1) * h.shares + share) * h.batch + b0;
    const int count = min(kTile, h.batch - b0);
    constexpr int kTogether = F::kLarge ? 2 : 4;
    for (int p0 = warp; p0 < count; p0 += kTogether * kWarps) {
      const unsigned* of[kTogether];
      Pair pairs[kTogether];
      STRIATE_UNROLL
      for (int i = 0; i < kTogether; ++i) of[i] = keys + min(p0 + i * kWarps, count - 1) * key_row;
      if (h.rank == 2) first_two(of, units, u0, pairs);
      STRIATE_UNROLL
      for (int i = 0; i < kTogether; ++i) {
        const int p = p0 + i * kWarps;
        if (p >= count || offsets[p] == kZeroPatch) continue;
        if (h.rank != 2) pairs[i] = rank_units(of[i], units, u0, h.rank);
        if (lane) continue;
        h.ranked[row + p] = pairs[i];
        h.marks[row + p] = __byte_perm(unit_of(pairs[i].first), unit_of(pairs[i].second), 0x5410);
      }
    }
  }
}

}  // namespace
}  // namespace striate::cuda
