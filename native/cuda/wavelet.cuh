// The responses of a bank at a tile of places, for the kernels of wavelet*.cu: into shared memory, where a sink takes
// them. One block per tile of 64 places (of several images where a map has fewer) and stretch of channels; one warp per
// channel, one thread per two places, 32 apart.
// A warp copies what its channel's windows reach, borders included, and each thread walks over a quarter of a window:
// the four pixels that mirror each other make four sums and differences, which the bank's values share
// (core/wavelet_plan.h). Values stay in registers; where the bank is mirrored as waveletBank's of 8 orientations is, so do
// the filters that they join to, else values pass through shared memory, and a bank of more than kValues of them is
// taken in several rounds.
// Per place, channel and 9 x 9 window of 8 orientations: 343 fused multiply-adds, 112 additions, 81 reads of shared
// memory, 5 reads of 16 bytes a tap for the weights of two places.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/wavelet_plan.h"
#include "cuda/device.cuh"
#include "ops/wavelet.h"

namespace striate::cuda::wavelet {

inline constexpr int kThreads = 256, kWarps = kThreads / 32, kPlaces = 64;
/// Values of each parity that a thread accumulates; weights of a tap, in the order even-even, odd-even, even-odd,
/// odd-odd, and two zeros.
inline constexpr int kEven = 6, kMixed = 4, kOdd = 4, kValues = kEven + 2 * kMixed + kOdd, kTap = 20;
inline constexpr int kTerms = 4;  // of a filter at most: one a parity

/// One round over a window: the filters [filter, filter + filters) of a bank.
struct Round {
  int32_t filter, filters;
};

/// What a kernel needs to know of a layer; pointers are to the device's memory.
struct Layer {
  const void* x;
  bool bytes;
  int64_t N;
  int32_t C, H, W, P, Q, step, side, reach, filters, maps, nonlinearity;
  const int32_t *row_of, *column_of;  // pixel at each place that windows reach, and on for as long as a tile may be
  int32_t rounds;
  const Round* round;
  const float* weights;  // [round][(reach + 1)^2][kTap]
  const int2* terms;     // [filter][kTerms]: value (or -1) and sign's bits
  // A tile: `down` x `across` places of `images` images, and the rows and columns that their windows reach.
  int32_t down, across, images, tile_rows, tile_columns, tiles_down, tiles_across;
  int32_t channels;  // of a block at a time

  __host__ __device__ int64_t tiles() const { return (N + images - 1) / images * tiles_down * tiles_across; }
  __host__ __device__ int32_t tile_floats() const { return images * tile_rows * tile_columns; }
  __host__ __device__ int64_t map(int64_t c, int64_t m) const { return m == 0 ? c : C + c * (maps - 1) + m - 1; }
  /// The other way: the place of that map where a channel's are together.
  __device__ __forceinline__ int64_t row(int64_t map) const {
    const int64_t other = map - C;
    return other < 0 ? map * maps : other / (maps - 1) * maps + other % (maps - 1) + 1;
  }
  __host__ __device__ int64_t all_maps() const { return static_cast<int64_t>(C) * maps; }
};

/// Where a block's tile lies.
struct Tile {
  int64_t n;
  int32_t p, q;
  __device__ __forceinline__ Tile(const Layer& l, int64_t tile) {
    const int32_t plane = l.tiles_down * l.tiles_across, in_plane = static_cast<int32_t>(tile % plane);
    n = tile / plane * l.images;
    p = in_plane / l.tiles_across * l.down;
    q = in_plane % l.tiles_across * l.across;
  }
};
/// A place of a tile.
struct Place {
  int32_t image, row, column;
  bool valid;
  __device__ __forceinline__ Place(const Layer& l, const Tile& t, int32_t i) {
    const int32_t of_image = l.down * l.across, in_image = i % of_image;
    image = i / of_image;
    row = in_image / l.across;
    column = in_image % l.across;
    valid = image < l.images && t.n + image < l.N && t.p + row < l.P && t.q + column < l.Q;
    if (image >= l.images) image = row = column = 0;
  }
};

__device__ __forceinline__ float pixel(const float* x, int32_t at) { return __ldg(x + at); }
__device__ __forceinline__ float pixel(const uint8_t* x, int32_t at) {
  return static_cast<float>(__ldg(x + at)) / 255.0f;
}

/// Copies what channel c's windows reach, by one warp; the tables go on where a tile goes beyond the map. A lane fetches
/// eight pixels of a column before it stores them.
template <class T>
__device__ __forceinline__ void fill_tile(const Layer& l, const Tile& t, int32_t c, const T* x, float* to) {
  constexpr int kAhead = 8;
  const int32_t lane = threadIdx.x % 32, wide = l.tile_columns, rows = l.tile_rows, width = l.W;
  const int32_t each = wide < 32 ? 32 / wide : 1, lane_row = wide < 32 ? lane / wide : 0;
  if (lane_row >= each) return;
  for (int32_t i = 0; i < l.images; ++i, to += rows * wide) {
    const T* plane = x + (min(t.n + i, l.N - 1) * l.C + c) * l.H * width;
    for (int32_t column = wide < 32 ? lane % wide : lane; column < wide; column += 32) {
      const T* first = plane + __ldg(l.column_of + t.q * l.step + column);
      const int32_t* row_of = l.row_of + t.p * l.step;
      for (int32_t row = lane_row; row < rows; row += kAhead * each) {
        float fetched[kAhead];
        STRIATE_UNROLL
        for (int a = 0; a < kAhead; ++a)
          fetched[a] = row + a * each < rows ? pixel(first, __ldg(row_of + row + a * each) * width) : 0.0f;
        STRIATE_UNROLL
        for (int a = 0; a < kAhead; ++a)
          if (row + a * each < rows) to[(row + a * each) * wide + column] = fetched[a];
      }
    }
  }
}
__device__ __forceinline__ void fill_tile(const Layer& l, const Tile& t, int32_t c, float* to) {
  if (l.bytes)
    fill_tile(l, t, c, static_cast<const uint8_t*>(l.x), to);
  else
    fill_tile(l, t, c, static_cast<const float*>(l.x), to);
}

/// The values of two places.
struct Values {
  float even[kEven][2], odd_even[kMixed][2], even_odd[kMixed][2], odd[kOdd][2];
};

template <int kCount>
__device__ __forceinline__ void add_products(float (&sum)[kCount][2], const float* w, float x0, float x1) {
  STRIATE_UNROLL
  for (int v = 0; v < kCount; ++v) {
    sum[v][0] += w[v] * x0;
    sum[v][1] += w[v] * x1;
  }
}
template <int kFours>
__device__ __forceinline__ void load_tap(float (&w)[kTap], const float* from) {
  STRIATE_UNROLL
  for (int i = 0; i < kFours; ++i) {
    const float4 four = *reinterpret_cast<const float4*>(from + 4 * i);
    w[4 * i] = four.x;
    w[4 * i + 1] = four.y;
    w[4 * i + 2] = four.z;
    w[4 * i + 3] = four.w;
  }
}

/// All products of two windows; kReach is that of the filters, or 0: any.
template <int kReach>
__device__ __forceinline__ void sum_quarters(const float* first, const float* second, int32_t pitch, int32_t reach,
                                             const float* weights, Values& v) {
  const int32_t most = kReach ? kReach : reach;
  float w[kTap];
  load_tap<2>(w, weights);
  add_products(v.even, w, first[0], second[0]);
  weights += kTap;
  STRIATE_UNROLL
  for (int32_t b = 1; b <= most; ++b) {
    const float r0 = first[b], l0 = first[-b], r1 = second[b], l1 = second[-b];
    load_tap<4>(w, weights + (b - 1) * kTap);
    add_products(v.even, w, r0 + l0, r1 + l1);
    add_products(v.even_odd, w + kEven + kMixed, r0 - l0, r1 - l1);
  }
  weights += most * kTap;
  const float *below0 = first, *above0 = first, *below1 = second, *above1 = second;
#pragma unroll 1
  for (int32_t a = 1; a <= most; ++a, weights += (most + 1) * kTap) {
    below0 += pitch;
    above0 -= pitch;
    below1 += pitch;
    above1 -= pitch;
    load_tap<3>(w, weights);
    add_products(v.even, w, below0[0] + above0[0], below1[0] + above1[0]);
    add_products(v.odd_even, w + kEven, below0[0] - above0[0], below1[0] - above1[0]);
    STRIATE_UNROLL
    for (int32_t b = 1; b <= most; ++b) {
      const float right0 = below0[b] + above0[b], right1 = below1[b] + above1[b];
      const float left0 = below0[-b] + above0[-b], left1 = below1[-b] + above1[-b];
      const float turned_right0 = below0[b] - above0[b], turned_right1 = below1[b] - above1[b];
      const float turned_left0 = below0[-b] - above0[-b], turned_left1 = below1[-b] - above1[-b];
      load_tap<5>(w, weights + b * kTap);
      add_products(v.even, w, right0 + left0, right1 + left1);
      add_products(v.odd_even, w + kEven, turned_right0 + turned_left0, turned_right1 + turned_left1);
      add_products(v.even_odd, w + kEven + kMixed, right0 - left0, right1 - left1);
      add_products(v.odd, w + kEven + 2 * kMixed, turned_right0 - turned_left0, turned_right1 - turned_left1);
    }
  }
}

/// `first`, `second`: the centres of two windows in rows of `pitch`. The sides of waveletBank's published filters, 9 and
/// 11, are unrolled.
__device__ __forceinline__ void sum_window(const float* first, const float* second, int32_t pitch, int32_t reach,
                                           const float* weights, Values& v) {
  STRIATE_UNROLL
  for (int i = 0; i < kEven; ++i) v.even[i][0] = v.even[i][1] = 0;
  STRIATE_UNROLL
  for (int i = 0; i < kMixed; ++i)
    v.odd_even[i][0] = v.odd_even[i][1] = v.even_odd[i][0] = v.even_odd[i][1] = v.odd[i][0] = v.odd[i][1] = 0;
  if (reach == 4)
    sum_quarters<4>(first, second, pitch, reach, weights, v);
  else if (reach == 5)
    sum_quarters<5>(first, second, pitch, reach, weights, v);
  else
    sum_quarters<0>(first, second, pitch, reach, weights, v);
}

__device__ __forceinline__ float modulus(float re, float im) { return sqrtf(re * re + im * im); }

/// How the values of waveletBank's filters of 8 orientations join: those at the angles theta and -theta are a pair.
struct Mirrored {
  static constexpr int kOrientations = 8, kPairs = 3;
  /// Number of the pair; kPairs of the two that stand alone.
  static __host__ __device__ constexpr int pair(int l) { return l < kPairs ? l : l > kPairs && l < 7 ? 6 - l : kPairs; }
  static __host__ __device__ constexpr float sign(int l) { return l > kPairs && l < 7 ? -1.0f : 1.0f; }
  static __device__ __forceinline__ float real(const Values& v, int l, int i) {
    if (l == kPairs) return v.even[1 + kPairs][i];
    if (l == 7) return v.even[2 + kPairs][i];
    return l < kPairs ? v.even[1 + pair(l)][i] + v.odd[pair(l)][i] : v.even[1 + pair(l)][i] - v.odd[pair(l)][i];
  }
  static __device__ __forceinline__ float imaginary(const Values& v, int l, int i) {
    if (l == kPairs) return v.odd_even[kPairs][i];
    if (l == 7) return v.even_odd[kPairs][i];
    return l < kPairs ? v.odd_even[pair(l)][i] + v.even_odd[pair(l)][i]
                      : v.odd_even[pair(l)][i] - v.even_odd[pair(l)][i];
  }
};

/// Floats of shared memory of a channel whose values cannot stay in registers.
inline constexpr int64_t kJoinFloats = kValues * kPlaces;

/// The values of round r to values[value * kPlaces], those of the second place 32 further. A thread reads what it wrote.
__device__ __forceinline__ void keep_values(const Layer& l, int32_t r, const float* const (&centre)[2], float* values) {
  Values v;
  sum_window(centre[0], centre[1], l.tile_columns, l.reach,
             l.weights + static_cast<int64_t>(r) * (l.reach + 1) * (l.reach + 1) * kTap, v);
  STRIATE_UNROLL
  for (int i = 0; i < 2; ++i) {
    STRIATE_UNROLL
    for (int k = 0; k < kEven; ++k) values[k * kPlaces + 32 * i] = v.even[k][i];
    STRIATE_UNROLL
    for (int k = 0; k < kMixed; ++k) {
      values[(kEven + k) * kPlaces + 32 * i] = v.odd_even[k][i];
      values[(kEven + kMixed + k) * kPlaces + 32 * i] = v.even_odd[k][i];
      values[(kEven + 2 * kMixed + k) * kPlaces + 32 * i] = v.odd[k][i];
    }
  }
}
/// What filter f is, of values as keep_values left them.
__device__ __forceinline__ float join(const Layer& l, int32_t f, const float* values) {
  float sum = 0;
  for (int k = 0; k < kTerms; ++k) {
    const int2 term = __ldg(l.terms + f * kTerms + k);
    if (term.x >= 0) sum += __int_as_float(term.y) * values[term.x * kPlaces];
  }
  return sum;
}
/// Centres of the windows of a thread's two places.
__device__ __forceinline__ void find_centres(const Layer& l, const Tile& t, const float* pixels,
                                             const float* (&centre)[2]) {
  for (int i = 0; i < 2; ++i) {
    const Place at(l, t, static_cast<int32_t>(threadIdx.x % 32) + 32 * i);
    centre[i] =
        pixels + (at.image * l.tile_rows + at.row * l.step + l.reach) * l.tile_columns + at.column * l.step + l.reach;
  }
}

/// Responses of channel c into z [map][kPlaces], by one warp; `pixels` and `joins` are its own pieces of shared memory.
template <bool kMirrored>
__device__ __forceinline__ void respond(const Layer& l, const Tile& t, int32_t c, float* pixels, float* joins,
                                        float* z) {
  const int32_t lane = threadIdx.x & 31;
  fill_tile(l, t, c, pixels);
  __syncwarp();
  const float* centre[2];
  find_centres(l, t, pixels, centre);
  if constexpr (kMirrored) {
    Values v;
    sum_window(centre[0], centre[1], l.tile_columns, l.reach, l.weights, v);
    STRIATE_UNROLL
    for (int i = 0; i < 2; ++i) {
      float* to = z + lane + 32 * i;
      to[0] = v.even[0][i];
      STRIATE_UNROLL
      for (int o = 0; o < Mirrored::kOrientations; ++o)
        to[(1 + o) * kPlaces] = modulus(Mirrored::real(v, o, i), Mirrored::imaginary(v, o, i));
    }
  } else {
    for (int32_t r = 0; r < l.rounds; ++r) {
      keep_values(l, r, centre, joins + lane);
      const Round round = l.round[r];
      for (int32_t f = round.filter; f < round.filter + round.filters;) {
        const bool alone = f == 0 || l.nonlinearity == op::WaveletConv::none;
        for (int i = 0; i < 2; ++i) {
          const float v = join(l, f, joins + lane + 32 * i);
          float* to = z + (alone ? f : f / 2 + 1) * kPlaces + lane + 32 * i;
          if (alone)
            *to = v;
          else if (l.nonlinearity == op::WaveletConv::relu)
            *to = v <= 0 ? 0.0f : v;  // a NaN stays
          else
            *to = modulus(v, join(l, f + 1, joins + lane + 32 * i));
        }
        f += alone ? 1 : 2;
      }
    }
  }
}

/// A layer with its tables on the device.
struct Prepared {
  Layer layer;
  bool mirrored;   // every filter joins as Mirrored says, and moduli are wanted
  int64_t floats;  // of shared memory for a channel's pixels and joins

  /// Tiles by stretches of channels.
  unsigned blocks() const { return blocks_for(layer.tiles() * ((layer.C + layer.channels - 1) / layer.channels), 1); }
  /// The same for `count` images from `first` on.
  Prepared of_images(int64_t first, int64_t count) const {
    Prepared made = *this;
    made.layer.x = static_cast<const char*>(layer.x) +
                   first * layer.C * layer.H * layer.W * static_cast<int64_t>(layer.bytes ? 1 : sizeof(float));
    made.layer.N = count;
    return made;
  }
};

/// Reads the bank (which waits for the stream, but for one that was read before), takes it apart and chooses the tile. Of a block's shared memory, what
/// becomes of the responses takes `each` floats a map and `more` a channel.
Prepared prepare(const core::Context& ctx, const core::View& x, const core::View& bank,
                 const op::WaveletConv::Options& o, int64_t each, int64_t more);

/// Floats from image to image and from map to map.
struct Order {
  int64_t image, map;
};
/// The maps of all images to y: wavelet_conv, for a layer prepared with kPlaces floats a map.
void write_maps(const core::Context& ctx, const Prepared& p, Order order, float* y);

/// A warp's channel and its pieces of shared memory: maps, then pixels and joins. None where the block has more warps
/// than channels.
struct Mine {
  int32_t c;
  float *pixels, *joins, *z;
  bool any;
  __device__ __forceinline__ Mine(const Layer& l, int32_t floats, float* shared) {
    const int32_t stretches = (l.C + l.channels - 1) / l.channels, warp = threadIdx.x / 32;
    c = static_cast<int32_t>(blockIdx.x % stretches) * l.channels + warp;
    any = warp < l.channels && c < l.C;
    z = shared + warp * l.maps * kPlaces;
    pixels = shared + l.channels * l.maps * kPlaces + warp * floats;
    joins = pixels + l.tile_floats();
  }
};
/// Shared memory of a block of such warps.
inline size_t shared_bytes(const Prepared& p) {
  return static_cast<size_t>(p.layer.channels * (p.floats + p.layer.maps * kPlaces)) * sizeof(float);
}
/// Number of the block's tile, where a block is a tile and a stretch of channels.
__device__ __forceinline__ int64_t tile_number(const Layer& l) {
  return blockIdx.x / ((l.C + l.channels - 1) / l.channels);
}

}  // namespace striate::cuda::wavelet
