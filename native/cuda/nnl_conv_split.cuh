// How a call of nnl_conv_split.cu is cut into blocks, what a block keeps in shared memory, and the maxima that pool it.
#pragma once
#include <algorithm>
#include <cstdint>

#include "cuda/nnl_conv.cuh"

namespace striate::cuda {
namespace {  // one .cu file includes this

constexpr int kColumns = 32, kTileFilters = 16, kTiles = 1, kFilters = kTiles * kTileFilters;  // of a warp
constexpr int kMostWarps = 16, kMostSteps = 12;  // a multiprocessor has registers for 16 warps of 128 each
constexpr int kState = kColumns * kTileFilters;  // numbers of a tile

template <class X>
constexpr int kXParts = sizeof(X) == 1 ? 1 : 3;

/// How a call is cut into blocks.
struct Split : NnlOutput {
  int warps = 1, filter_blocks = 1;
  int bands = 1, band_rows = 1, spans = 1, span_columns = 1;  // pooled
  int row_stride = 1;  // of the pool; the pool's size where a band is one pooled row
  int groups = 1;      // of rows, kept
  int chunks = 1;      // of columns, kept: 1 also where all fold onto the same
  bool fold = false;
  int steps = 1;            // of 16 taps, gathered at once
  unsigned span_magic = 1;  // o / span_columns = o * magic >> 32
};

/// Bytes of shared memory.
struct Room {
  int state, row, tile, factors, offsets;
  Room(const Split& f, bool index, int x_parts)
      : state(f.warps * f.groups * f.chunks * kTiles * kState * (index ? 8 : 4)),
        row(f.warps * kFilters * row_pitch(f.chunks) * (index ? 8 : 4)),
        tile(2 * x_parts * kColumns * tile_pitch(f.steps) * 2),
        factors(2 * kColumns * 4),
        offsets(16 * f.steps * 4) {}
  int all() const { return state + row + tile + factors + offsets; }
  static __host__ __device__ int row_pitch(int chunks) { return kColumns * chunks + 20; }
  static __host__ __device__ int tile_pitch(int steps) { return 16 * steps + 8; }
};

/// The greater of two; a NaN over all.
__device__ __forceinline__ float greater(float a, float b) {
#if defined(STRIATE_CUDA_SIM)
  return b > a || (b != b && a == a) ? b : a;
#else
  float r;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
#endif
}
/// As `greater`, with the places of both: equal values keep the lower.
__device__ __forceinline__ void take_greater(float& best, int& place, float c, int at) {
  if (c > best || (c != c && best == best) || ((c == best || (c != c && best != best)) && at < place)) {
    best = c;
    place = at;
  }
}

__device__ __forceinline__ float4 greater(float4 a, float4 b) {
  return make_float4(greater(a.x, b.x), greater(a.y, b.y), greater(a.z, b.z), greater(a.w, b.w));
}

/// One warp's maxima of a group of rows, four numbers at a time; with places where kIndex.
template <bool kIndex>
struct Maxima {
  float4 value[4];
  int4 place[kIndex ? 4 : 1];

  __device__ __forceinline__ void clear() {
    STRIATE_UNROLL
    for (int j = 0; j < 4; ++j) {
      value[j] = make_float4(-INFINITY, -INFINITY, -INFINITY, -INFINITY);
      if constexpr (kIndex) place[j] = make_int4(INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX);
    }
  }
  __device__ __forceinline__ void join(const Maxima& o) {
    STRIATE_UNROLL
    for (int j = 0; j < 4; ++j) {
      if constexpr (kIndex) {
        take_greater(value[j].x, place[j].x, o.value[j].x, o.place[j].x);
        take_greater(value[j].y, place[j].y, o.value[j].y, o.place[j].y);
        take_greater(value[j].z, place[j].z, o.value[j].z, o.place[j].z);
        take_greater(value[j].w, place[j].w, o.value[j].w, o.place[j].w);
      } else {
        value[j] = greater(value[j], o.value[j]);
      }
    }
  }
  /// From the calling lane's own words of a tile of kState numbers; places lie `places` floats further.
  __device__ __forceinline__ void load(const float* from, int places) {
    const int lane = threadIdx.x & 31;
    STRIATE_UNROLL
    for (int j = 0; j < 4; ++j) {
      value[j] = reinterpret_cast<const float4*>(from)[32 * j + lane];
      if constexpr (kIndex) place[j] = reinterpret_cast<const int4*>(from + places)[32 * j + lane];
    }
  }
  __device__ __forceinline__ void store(float* to, int places) const {
    const int lane = threadIdx.x & 31;
    STRIATE_UNROLL
    for (int j = 0; j < 4; ++j) {
      reinterpret_cast<float4*>(to)[32 * j + lane] = value[j];
      if constexpr (kIndex) reinterpret_cast<int4*>(to + places)[32 * j + lane] = place[j];
    }
  }
};

/// Cuts the output into blocks that fit into shared memory and fill the device.
Split plan(const NnlLayer& l, const NnlOutput& output, int x_parts, int processors) {
  const bool index = output.index != nullptr;
  Split f{output};
  const int limit = shared_limit(), warps_of_filters = static_cast<int>((l.k + kFilters - 1) / kFilters);
  const int64_t steps = (l.taps + 15) / 16;
  f.steps = static_cast<int>(std::min<int64_t>(steps, kMostSteps / x_parts));
  const auto bytes = [&](int warps) {
    f.warps = warps;
    const Room room(f, index, x_parts);
    return room.all();
  };
  // A pooled row is kept as groups of rows; where that is too much, each pooled row has a block of its own.
  f.band_rows = l.pooled_p;
  f.row_stride = l.pooled_p == 1 ? l.pool : l.pool_stride;
  const auto group = [&] {
    f.groups = std::max(1, l.pool / f.row_stride + (l.pool % f.row_stride && l.pool > f.row_stride ? 1 : 0));
  };
  group();
  if (f.groups * kTiles * kState > limit / (index ? 32 : 16)) {
    f.band_rows = 1;
    f.row_stride = l.pool;
    group();
  }
  f.span_columns = l.pooled_q;
  const auto width = [&] {
    const int64_t columns = static_cast<int64_t>(f.span_columns - 1) * l.pool_stride + l.pool;
    f.chunks = static_cast<int>((std::min<int64_t>(columns, l.q) + kColumns - 1) / kColumns);
  };
  const auto even = [](int size, int& part, int& parts) {
    parts = (size + part - 1) / part;
    part = (size + parts - 1) / parts;
    parts = (size + part - 1) / part;
  };
  for (width(); bytes(1) > limit && f.span_columns > 1; width()) {
    f.span_columns = (f.span_columns + 1) / 2;
    even(l.pooled_q, f.span_columns, f.spans);
  }
  if (bytes(1) > limit) {  // one window of the pool is too wide: its columns fold onto 32
    f.fold = true;
    f.chunks = 1;
  }
  even(l.pooled_q, f.span_columns, f.spans);
  even(l.pooled_p, f.band_rows, f.bands);
  f.span_magic = f.span_columns > 1 ? static_cast<unsigned>((uint64_t(1) << 32) / f.span_columns + 1) : 0;
  int warps = 1;
  const auto cut = [&] { even(warps_of_filters, warps, f.filter_blocks); };
  // Of a block's possible sizes, that with the most warps at work on a multiprocessor, where several blocks may share one:
  // each of them waits most of its time. Of equals the larger, as each block gathers the patches for itself.
  double most = 0;
  int best = 1;
  for (warps = std::min(kMostWarps, warps_of_filters); warps >= 1; --warps) {
    const int wished = warps, room = bytes(warps) + 1024;  // with what the system takes for itself
    if (bytes(warps) > limit) continue;
    cut();
    const double resident = std::min((limit + 1024) / room, kMostWarps / warps) * warps;
    const double used = resident * warps_of_filters / (static_cast<double>(f.filter_blocks) * warps);
    if (used > most * 1.001) most = used, best = warps;
    warps = wished;
  }
  warps = best;
  cut();
  // Small batches are split further: into bands where no row is computed twice for it, then into fewer filters a block.
  const auto idle = [&] { return l.n * f.spans * f.bands * f.filter_blocks < processors; };
  while (l.pool <= l.pool_stride && f.band_rows > 1 && idle()) {
    f.band_rows = (f.band_rows + 1) / 2;
    even(l.pooled_p, f.band_rows, f.bands);
  }
  while (warps > 1 && idle()) {
    warps = (warps + 1) / 2;
    cut();
  }
  f.warps = warps;
  return f;
}

}  // namespace
}  // namespace striate::cuda
