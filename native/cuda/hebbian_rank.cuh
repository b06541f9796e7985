// The first half of a Hebbian minibatch, as hebbian.cu describes it: gathering the patches and ranking the units on
// each.
#pragma once
#include <cstdint>

#include "core/random.h"
#include "cuda/launch.cuh"
#include "cuda/patches.cuh"
#include "cuda/power.cuh"

namespace striate::cuda {
namespace {  // one .cu file includes this

constexpr int kWarps = 8, kThreads = 32 * kWarps;
constexpr int kUnits = 64 * kWarps;  // units of one pass of `rank`
constexpr int kChunk = 32;           // features of one pass through shared memory
constexpr int kStride = kChunk + 4;  // of a row there: an odd number of 16-byte words, so that lanes meet no bank twice
constexpr int kExtract = 16;         // ranks up to here are found by repeated maxima, later ones by bisection
constexpr unsigned kAll = 0xffffffffu;

struct Hebbian {
  // hebbian_step: patches [B,D]. hebbian_learn: images [N,C,H,W], patches is null.
  const float* patches;
  Windows windows;
  int64_t first_batch;
  int64_t inputs;       // numbers of a window
  const float* z;       // [inputs][D], or null: patches are not whitened
  const float* offset;  // [D]
  float* raw;           // [B][inputs] patches before they are whitened
  float* w;
  float* ranking;          // [K][D] sign(w) |w|^(p-1), what units are ranked by; w itself for p = 2
  float root;              // (p-1)/p
  Power power = Power(1);  // of p - 1
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
  float* sums;        // [K][D] of an iteration of k-means, or null
  int64_t iteration;  // minibatches of it, or 0
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

/// Writes a tile's patches, whitened: each window's numbers to `raw`, its products with Z, and these over their norm.
/// Called by the whole block. A warp multiplies up to four patches by 32 columns of Z at a time.
template <int kPatches>
__device__ void whiten_tile(const Hebbian& h, const int64_t* origin, int64_t b0, float* gathered, int2* ranked) {
  constexpr int kEach = kPatches < 4 ? kPatches : 4, kParts = kPatches / kEach;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const int count = static_cast<int>(min(h.batch - b0, static_cast<int64_t>(kPatches)));
  float *raw = h.raw + b0 * h.inputs, *rows = gathered + b0 * h.features;
  for (int p = warp; p < count; p += kWarps) write_patch(h.windows, origin[p], h.inputs, raw + p * h.inputs);
  __syncthreads();
  for (int64_t piece = warp; piece < (h.features + 31) / 32 * kParts; piece += kWarps) {
    const int first = static_cast<int>(piece % kParts) * kEach;
    const int64_t e = piece / kParts * 32 + lane;
    if (first >= count || e >= h.features) continue;
    float sum[kEach];
    const float* v[kEach];  // beyond the last patch, the last
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      sum[i] = h.offset[e];
      v[i] = raw + min(first + i, count - 1) * h.inputs;
    }
    for (int64_t d = 0; d < h.inputs; ++d) {
      const float z = h.z[d * h.features + e];
      STRIATE_UNROLL
      for (int i = 0; i < kEach; ++i) sum[i] = fmaf(z, v[i][d], sum[i]);
    }
    STRIATE_UNROLL
    for (int i = 0; i < kEach; ++i)
      if (first + i < count) rows[(first + i) * h.features + e] = sum[i];
  }
  __syncthreads();
  for (int p = warp; p < count; p += kWarps) {
    float* row = rows + p * h.features;
    double square = 0;
    for (int64_t e = lane; e < h.features; e += 32) square += static_cast<double>(row[e]) * row[e];
    square = warp_sum(square);
    const bool zero = square <= 1e-12;
    const float factor = zero ? 0.0f : static_cast<float>(1 / sqrt(square));
    for (int64_t e = lane; e < h.features; e += 32) row[e] *= factor;
    if (lane == 0) ranked[b0 + p] = make_int2(zero ? -1 : 0, -1);
  }
}

/// Prepares this block's patches of the minibatch: marks the zero ones; with images, writes the patches as floats.
template <int kPatches>
__device__ void gather(const Hebbian& h, const core::Permutation& order, int64_t step) {
  __shared__ int64_t origin[kPatches];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  int2* ranked = h.ranked + (step & 1) * h.batch;
  float* gathered = h.gathered + (step & 1) * h.batch * h.features;
  for (int64_t b0 = static_cast<int64_t>(blockIdx.x) * kPatches; b0 < h.batch;
       b0 += static_cast<int64_t>(gridDim.x) * kPatches) {
    if (h.windows.images) {
      __syncthreads();
      if (threadIdx.x < kPatches && b0 + threadIdx.x < h.batch)
        origin[threadIdx.x] =
            window_origin(h.windows, order((h.first_batch + step - h.step) * h.batch + b0 + threadIdx.x));
      __syncthreads();
    }
    if (h.z) {
      whiten_tile<kPatches>(h, origin, b0, gathered, ranked);
      continue;
    }
    for (int p = warp; p < kPatches && b0 + p < h.batch; p += kWarps) {
      const int64_t b = b0 + p;
      bool zero;
      if (h.windows.images) {
        zero = write_patch(h.windows, origin[p], h.inputs, gathered + b * h.features);
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

/// Starts to copy rows x kChunk floats from rows of `features` floats, of which `rows_left` rows and `left` features
/// exist; zeros elsewhere, up to a multiple of 4 features at least.
__device__ __forceinline__ void start_chunk(float* to, int stride, const float* from, int64_t features, int rows,
                                            int64_t rows_left, int64_t left) {
  if (features % 4 == 0) {
    const int shift = left > 16 ? 3 : left > 8 ? 2 : 1;  // of the pieces of a row
    const int first = threadIdx.x >> shift, step = kThreads >> shift, d = 4 * (threadIdx.x & ((1 << shift) - 1));
    const int there = d < left ? static_cast<int>(min(rows_left, static_cast<int64_t>(rows))) : 0;  // rows
    from += first * features + d;
    to += first * stride + d;
    for (int row = first; row < rows; row += step, from += step * features, to += step * stride)
      copy_async<16>(to, from, row < there);
  } else {
    for (int i = threadIdx.x; i < rows * kChunk; i += kThreads) {
      const int row = i / kChunk, d = i % kChunk;
      const bool there = row < rows_left && d < left;
      copy_async<4>(to + row * stride + d, there ? from + row * features + d : from, there);
    }
  }
}

/// The two units of greatest current, by the calling warp: one pass.
__device__ int2 first_two(const float* current, int units) {
  unsigned best = 0, next = 0;
  int best_at = -1, next_at = -1;  // key_of of these is less than any unit's
  for (int u = threadIdx.x & 31; u < units; u += 32) {
    const unsigned value = max(ordered(current[u]), 1u);
    if (value <= next) continue;
    const bool first = value > best;
    next = first ? best : value;
    next_at = first ? best_at : u;
    best = first ? value : best;
    best_at = first ? u : best_at;
  }
  const auto key = [](unsigned value, int at) {
    return static_cast<unsigned long long>(value) << 32 | ~static_cast<unsigned>(at);
  };
  unsigned long long one = key(best, best_at), two = key(next, next_at);
  for (int i = 16; i; i >>= 1) {
    const unsigned long long other = __shfl_xor_sync(kAll, one, i), below = __shfl_xor_sync(kAll, two, i);
    two = max(min(one, other), max(two, below));
    one = max(one, other);
  }
  return make_int2(static_cast<int>(~static_cast<unsigned>(one)), static_cast<int>(~static_cast<unsigned>(two)));
}

/// Units of rank 1 and `rank` among the currents of one patch, by the calling warp.
__device__ int2 rank_units(const float* current, int64_t units, int64_t rank) {
  if (rank == 2) return first_two(current, static_cast<int>(units));
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
  if (rank == 1) return make_int2(winner, -1);
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
  int64_t left =
      rank - static_cast<int64_t>(__reduce_add_sync(kAll, above));  // which of the units that tie at it, from 1
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

/// Chunks on their way through shared memory. A small batch is bound by latency and has a multiprocessor's memory to
/// itself; with a large one, the second block of the multiprocessor computes meanwhile.
template <int kPatches>
constexpr int kStages = kPatches <= 8 ? 2 : 1;
template <int kPatches>
constexpr int kStageFloats = kUnits* kStride + kPatches* kChunk;

template <int kPatches>
__device__ void rank_batch(const Hebbian& h, int64_t step, float* shared) {
  constexpr int kDeep = kStages<kPatches>;
  float* current = h.spill ? h.spill + static_cast<int64_t>(blockIdx.x) * kPatches * h.units
                           : shared + kDeep * kStageFloats<kPatches>;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const float* v = h.windows.images ? h.gathered + (step & 1) * h.batch * h.features : h.patches;
  int2* ranked = h.ranked + (step & 1) * h.batch;
  const int64_t feature_chunks = (h.features + kChunk - 1) / kChunk,
                chunks = (h.units + kUnits - 1) / kUnits * feature_chunks;
  for (int64_t b0 = static_cast<int64_t>(blockIdx.x) * kPatches; b0 < h.batch;
       b0 += static_cast<int64_t>(gridDim.x) * kPatches) {
    const auto start = [&](int64_t chunk) {
      if (chunk < chunks) {
        float* to = shared + chunk % kDeep * kStageFloats<kPatches>;
        const int64_t u0 = chunk / feature_chunks * kUnits, d0 = chunk % feature_chunks * kChunk;
        const int rows = static_cast<int>(min((h.units - u0 + 63) / 64 * 64, static_cast<int64_t>(kUnits)));
        start_chunk(to, kStride, h.ranking + u0 * h.features + d0, h.features, rows, h.units - u0, h.features - d0);
        start_chunk(to + kUnits * kStride, kChunk, v + b0 * h.features + d0, h.features, kPatches, h.batch - b0,
                    h.features - d0);
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
        const int width =
            static_cast<int>(min(h.features - d0, static_cast<int64_t>(kChunk)));  // zeros up to a multiple of 4
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
        h.currents[b0 + p] =
            make_float2(current[p * h.units + pair.x], pair.y < 0 ? 0.0f : current[p * h.units + pair.y]);
      }
    }
  }
}

}  // namespace
}  // namespace striate::cuda
