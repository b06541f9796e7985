// What the kernels of a Hebbian minibatch share, as hebbian.cu describes them, and the gathering of its patches.
#pragma once
#include <cstdint>

#include "core/random.h"
#include "cuda/launch.cuh"
#include "cuda/patches.cuh"
#include "cuda/power.cuh"

namespace striate::cuda {
namespace {  // one .cu file includes this

constexpr int kUnits = 16;       // of a tensor core's tile
constexpr int kStep = 16;        // features of a tensor core's tile
constexpr int kSlice = 256;      // features of a tile's patches that lie in shared memory at once
constexpr int kShares = 8;       // most shares of the units
constexpr int kExtract = 16;     // ranks up to here are found by repeated maxima, later ones by bisection
constexpr float kZeroPatch = 2;  // what no patch's offset is
constexpr unsigned kAll = 0xffffffffu;

/// How minibatches are ranked: tiles of eight patches that a block takes at once, bf16 numbers of a patch's number, 1 or
/// 3, and the block's warps.
template <int columns, int parts, int warps>
struct Form {
  static constexpr int kColumns = columns, kParts = parts, kWarps = warps, kThreads = 32 * kWarps, kTile = 8 * kColumns;
  static constexpr bool kLarge = kColumns > 4;  // for large minibatches
  // Of a patch's row in shared memory, bf16 numbers: an odd number of 32 bytes, so that the rows of four patches meet no
  // bank twice.
  static constexpr int kPitch = (kParts * kSlice / kStep | 1) * kStep;
};

/// A unit and its current on a patch, less the patch's scale: the greater current first, then the lower unit. 0: none.
using Place = unsigned long long;
/// The units of rank 1 and m of a patch; a zero patch has none.
struct alignas(16) Pair {
  Place first, second;
};

struct Hebbian {
  // hebbian_step: patches [B,D]. hebbian_learn: images [N,C,H,W], patches is null.
  const float* patches;
  Windows windows;
  int64_t first_batch;
  int inputs;           // numbers of a window
  int* taps;            // [inputs] where a window's numbers lie from its first
  const float* z;       // [inputs][D], or null: patches are not whitened
  const float* offset;  // [D]
  float* raw;           // [B][inputs] patches before they are whitened
  float* w;
  float* ranking;          // [K][D] sign(w) |w|^(p-1), what units are ranked by; w itself for p = 2
  float root;              // (p-1)/p
  Power power = Power(1);  // of p - 1
  int units, features, batch;
  int64_t rank;
  float anti;
  bool by_max, first;                            // first: the launch begins a call
  int64_t step, steps, total_steps, tally_from;  // of this launch: first, how many; numbered within the schedule
  double rate, final_rate;
  int padded;       // features, with zeros to a multiple of kStep
  float* gathered;  // [2][B][D], whitened
  // Units as they are ranked: each row over its scale, a power of two that leaves its largest number from 1 to 2.
  // As float32 for large minibatches, which read less so, else each number as three bf16 ones.
  float* unit_rows;                // [K][padded], or null
  uint16_t* unit_parts;            // [K][padded / kStep][3][kStep], or null
  float *unit_scales, *unit_sums;  // [K], and [K] sums of the rows
  // Patches as the tensor cores take them. What windows of bytes are more than a whole number is one bf16 number, and
  // exact: a patch is its scale times what those are more than its offset, from -1/2 to 1/2. Other patches are held as
  // units are, each number as three bf16 ones, and have no offset.
  uint16_t* patch_parts;                // [2][B][padded / kStep][1 or 3][kStep]
  float *patch_scales, *patch_offsets;  // [2][B]
  int shares, share;                    // of the units: how many, and tiles of 16 units of each
  Pair* ranked;                         // [2][shares][B]
  unsigned* marks;                      // [2][shares][B] the lower halves of both units
  unsigned* spill;                      // [blocks][patches of a tile][key_pitch], or null: in shared memory
  float* change;                        // [K][D], step 'max'
  float* sums;                          // [K][D] of an iteration of k-means, or null
  int64_t iteration;                    // minibatches of it, or 0
  unsigned* largest;                    // [2] max |dw| as bits, by parity of the step
  int *wins, *losses;
  double *gains, *energies;
};

__device__ __forceinline__ Place warp_max(Place x) {
  const unsigned upper = static_cast<unsigned>(x >> 32), most = __reduce_max_sync(kAll, upper);
  const unsigned lower = __reduce_max_sync(kAll, upper == most ? static_cast<unsigned>(x) : 0u);
  return static_cast<Place>(most) << 32 | lower;
}

/// Orders like the float.
__device__ __forceinline__ unsigned key_of(float x) {
  const unsigned bits = __float_as_uint(x);
  return bits ^ (static_cast<unsigned>(static_cast<int>(bits) >> 31) | 0x80000000u);
}
__device__ __forceinline__ Place place_of(unsigned key, unsigned unit) { return static_cast<Place>(key) << 32 | ~unit; }
__device__ __forceinline__ int unit_of(Place place) { return static_cast<int>(~static_cast<unsigned>(place)); }
__device__ __forceinline__ float current_of(Place place) {
  const unsigned key = static_cast<unsigned>(place >> 32);
  return __uint_as_float(key ^ (key >> 31 ? 0x80000000u : 0xffffffffu));
}

/// The power of two, as a float's exponent, that a row is held over; by the calling warp, whose lanes may have just
/// written the row.
__device__ __forceinline__ unsigned exponent_of(const float* row, int features) {
  __syncwarp();
  unsigned largest = 0;
  for (int d = threadIdx.x & 31; d < features; d += 32) largest = max(largest, __float_as_uint(row[d]) & 0x7fffffffu);
  return min(max(__reduce_max_sync(kAll, largest) >> 23, 1u), 253u);
}
__device__ __forceinline__ float inverse_power(unsigned exponent) { return __uint_as_float((254 - exponent) << 23); }

/// What a patch that is to be ranked needs beside its parts. A zero patch keeps ranks of nobody.
__device__ __forceinline__ void await_ranks(const Hebbian& h, int64_t step, int64_t b, float scale, float offset,
                                            bool zero) {
  const int lane = threadIdx.x & 31;
  const int64_t at = (step & 1) * h.batch + b;
  if (lane < h.shares) {
    const int64_t of_share = ((step & 1) * h.shares + lane) * h.batch + b;
    h.ranked[of_share] = {0, 0};
    h.marks[of_share] = kAll;
  }
  if (lane) return;
  h.patch_scales[at] = scale;
  h.patch_offsets[at] = zero ? kZeroPatch : offset;
}

/// Writes number d of a row as three.
__device__ __forceinline__ void write_parts(float x, uint16_t* row, int d) {
  unsigned parts[3];
  split_in_three(x, parts);
  uint16_t* to = row + d / kStep * 3 * kStep + d % kStep;
  STRIATE_UNROLL
  for (int i = 0; i < 3; ++i) to[kStep * i] = static_cast<uint16_t>(parts[i] >> 16);
}

/// Prepares a patch of floats, by the calling warp, whose lanes may have just written it.
__device__ __forceinline__ void split_patch(const Hebbian& h, int64_t step, int64_t b, const float* row, bool zero) {
  const unsigned exponent = exponent_of(row, h.features);
  const float by = inverse_power(exponent);
  uint16_t* parts = h.patch_parts + ((step & 1) * h.batch + b) * 3 * h.padded;
  for (int d = threadIdx.x & 31; d < h.padded; d += 32) write_parts(d < h.features ? row[d] * by : 0.0f, parts, d);
  await_ranks(h, step, b, __uint_as_float(exponent << 23), 0, zero);
}

/// Prepares a window of bytes, by the calling warp.
__device__ __forceinline__ void centre_patch(const Hebbian& h, int64_t step, int64_t b, int64_t origin) {
  const PatchForm form = measure_patch(h.windows, origin, h.inputs, [&](int d) { return h.taps[d]; });
  const float whole = floorf(static_cast<float>(form.mean) + 0.5f);
  const uint8_t* image = h.windows.images + origin;
  uint16_t* parts = h.patch_parts + ((step & 1) * h.batch + b) * h.padded;
  for (int d = threadIdx.x & 31; d < h.padded; d += 32) {
    const float more = d < h.features ? static_cast<float>(image[h.taps[d]]) - whole : 0.0f;
    parts[d] = static_cast<uint16_t>(__float_as_uint(more) >> 16);
  }
  await_ranks(h, step, b, form.scale, static_cast<float>(form.mean - whole), form.zero);
}

/// Writes a tile's patches, whitened: each window's numbers to `raw`, its products with Z, and these over their norm.
/// Called by the whole block. A warp multiplies up to four patches by 32 columns of Z at a time.
template <class F>
__device__ void whiten_tile(const Hebbian& h, int64_t step, const int64_t* origin, int64_t b0, float* gathered) {
  constexpr int kWarps = F::kWarps, kEach = 4, kPieces = (kWarps + kEach - 1) / kEach;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const int count = static_cast<int>(min(h.batch - b0, static_cast<int64_t>(kWarps)));
  const auto tap = [&](int d) { return h.taps[d]; };
  float *raw = h.raw + b0 * h.inputs, *rows = gathered + b0 * h.features;
  for (int p = warp; p < count; p += kWarps) write_patch(h.windows, origin[p], h.inputs, tap, raw + p * h.inputs);
  __syncthreads();
  for (int piece = warp; piece < (h.features + 31) / 32 * kPieces; piece += kWarps) {
    const int first = piece % kPieces * kEach, e = piece / kPieces * 32 + lane;
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
    split_patch(h, step, b0 + p, row, zero);
  }
}

/// Prepares the share of block `block` of `blocks` of the minibatch's patches, a warp each, by the warps from `first_warp`
/// on, or where they are whitened by all.
template <class F>
__device__ void gather(const Hebbian& h, const core::Permutation& order, int64_t step, int block, int blocks,
                       int first_warp) {
  constexpr int kWarps = F::kWarps;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const auto origin_of = [&](int64_t b) {
    return window_origin(h.windows, order((h.first_batch + step - h.step) * h.batch + b));
  };
  if (F::kParts == 3 && h.z) {
    __shared__ int64_t origin[kWarps];
    float* gathered = h.gathered + (step & 1) * h.batch * h.features;
    for (int64_t b0 = static_cast<int64_t>(block) * kWarps; b0 < h.batch; b0 += static_cast<int64_t>(blocks) * kWarps) {
      __syncthreads();
      if (threadIdx.x < kWarps && b0 + threadIdx.x < h.batch) origin[threadIdx.x] = origin_of(b0 + threadIdx.x);
      __syncthreads();
      whiten_tile<F>(h, step, origin, b0, gathered);
    }
    return;
  }
  if (warp < first_warp) return;
  const int64_t workers = kWarps - first_warp;
  for (int64_t b = block * workers + warp - first_warp; b < h.batch; b += blocks * workers) {
    if constexpr (F::kParts == 1) {
      centre_patch(h, step, b, origin_of(b));
    } else {
      const float* row = h.patches + b * h.features;
      float square = 0;
      for (int64_t d = lane; d < h.features; d += 32) square = fmaf(row[d], row[d], square);
      split_patch(h, step, b, row, warp_sum(square) <= 1e-12f);
    }
  }
}

}  // namespace
}  // namespace striate::cuda
