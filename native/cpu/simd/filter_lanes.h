// The products of filters with patches, by tiles of simd/position_tile.h whatever the batch: no image is copied to the
// lanes, no patch is written out (only, tile by tile, when its mean must be subtracted first). An image is packed with
// its padding and with its columns sorted by their residue modulo the stride, so that the pixels under one tap at
// neighbouring positions are neighbours. Included after simd/vec.h.
#pragma once
#include <algorithm>
#include <type_traits>

#include "cpu/simd/position_tile.h"
#include "cpu/simd/vec.h"
#include "cpu/simd/wide.h"
#if defined(STRIATE_AMX)
#include "cpu/simd/filter_tiles.h"
#endif

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

inline constexpr int kTileStride = (kTile + kLanes - 1) / kLanes * kLanes;  // floats of a centred tap
inline constexpr int64_t kSlack = 16;      // floats that may be read, unused, past a packed image or map
inline constexpr float kTiny = 0x1p-126f;  // a patch whose |v|^2 is no more counts as zero

/// 1 for an infinity or a NaN.
STRIATE_INLINE uint32_t is_infinite(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return (bits & 0x7f800000u) == 0x7f800000u;
}

inline constexpr int64_t align_up(int64_t n) { return (n + 15) / 16 * 16; }

/// Sizes of one call. Vectors of filters are grouped in blocks of kMaxVectors, the last of which may hold fewer.
struct Layer {
  int64_t N, C, H, W, K, R, S, P, Q;  // P, Q: positions before any pool
  int64_t stride, padding, taps;
  bool patch, centre, bytes;
  int signs;                        // 2: each filter's maxima and those of its negative; else 1
  int64_t phase, row, plane, rows;  // floats of a packed residue, row and channel; packed rows
  int64_t vectors, blocks;
  int64_t* offset;  // [taps] from a position to the tap's pixel
  float* filters;   // [blocks][taps][kMaxVectors * kLanes]
#if defined(STRIATE_AMX)
  FilterTiles tiles;  // of the filters, after them
#endif

  int64_t image_floats() const { return align_up(C * plane + kSlack); }
  int64_t row_tiles() const { return (Q + kTile - 1) / kTile; }
  int64_t map_floats() const { return align_up(P * Q + kSlack); }
  /// Doubles of scratch memory that `Image::fill` needs.
  int64_t sums() const { return align_up(plane + row + Q + kSlack); }
  int block_vectors(int64_t block) const {
    return static_cast<int>(vectors - block * kMaxVectors < kMaxVectors ? vectors - block * kMaxVectors : kMaxVectors);
  }
  const float* block_filters(int64_t block) const { return filters + block * taps * kMaxVectors * kLanes; }
  int64_t filter_floats() const {
    int64_t floats = align_up(vectors * taps * kLanes);
#if defined(STRIATE_AMX)
    floats += tiles.filter_floats(vectors);
#endif
    return floats;
  }
#if defined(STRIATE_AMX)
  char* block_tiles(int64_t block) const {
    return reinterpret_cast<char*>(filters + align_up(vectors * taps * kLanes) +
                                   tiles.filter_floats(block * kMaxVectors));
  }
#endif
};

template <class Options>
Layer make_layer(const core::View& x, const core::View& w, const Options& o) {
  Layer l{};
  l.N = x.shape[0], l.C = x.shape[1], l.H = x.shape[2], l.W = x.shape[3];
  l.K = w.shape[0], l.R = w.shape[2], l.S = w.shape[3];
  l.P = op::NnlConv::positions(l.H, l.R, o), l.Q = op::NnlConv::positions(l.W, l.S, o);
  l.stride = o.stride, l.padding = o.padding, l.taps = l.C * l.R * l.S;
  l.patch = o.normalise == op::NnlConv::patch, l.centre = o.centre, l.bytes = x.dtype == core::Dtype::u8;
  l.rows = (l.P - 1) * l.stride + l.R;
  const int64_t columns = (l.Q - 1) * l.stride + l.S;
  l.phase = (columns + l.stride - 1) / l.stride;
  l.row = l.phase * l.stride;
  l.plane = l.rows * l.row;
  l.signs = o.both_signs ? 2 : 1;
  l.vectors = (l.K + kLanes - 1) / kLanes;
  l.blocks = (l.vectors + kMaxVectors - 1) / kMaxVectors;
#if defined(STRIATE_AMX)
  l.tiles = FilterTiles::of(l);
#endif
  return l;
}

/// Fills `offset` and `filters`; lanes beyond K hold zeros.
inline void pack_filters(Layer& l, const float* w) {
  for (int64_t c = 0, t = 0; c < l.C; ++c)
    for (int64_t r = 0; r < l.R; ++r)
      for (int64_t s = 0; s < l.S; ++s, ++t)
        l.offset[t] = c * l.plane + r * l.row + s % l.stride * l.phase + s / l.stride;
  pack_filters(w, l.K, l.taps, l.filters);
#if defined(STRIATE_AMX)
  l.tiles.used = l.tiles.used && tiles::Range::of(w, l.K * l.taps).fits();
  if (l.tiles.used)
    core::parallel_for(l.blocks, [&](int64_t block) {
      l.tiles.pack(l.block_filters(block), l.block_vectors(block), l.block_tiles(block));
    });
#endif
}

/// One packed image and what its patches are multiplied by: 1 / |v|, or 1. The mean is kept in two floats: the
/// difference of a pixel and the mean is then as exact on a patch of little contrast as on any other.
struct Image {
  float *x, *factor, *mean, *mean_rest;  // the means only if centred
  double* sums;
  bool finite;
  mutable int64_t centred = 0;  // rows of the map whose centred tiles are kept
#if defined(STRIATE_AMX)
  uint16_t* tiles;  // what l.tiles takes from it
#endif

  static int64_t floats(const Layer& l) {
    int64_t floats = l.image_floats() + (l.centre ? 3 : 1) * l.map_floats() + 2 * l.sums();
#if defined(STRIATE_AMX)
    floats += l.tiles.image_floats();
#endif
    return floats;
  }
  Image(const Layer& l, float* memory)
      : x(memory + 2 * l.sums()),
        factor(x + l.image_floats()),
        mean(factor + l.map_floats()),
        mean_rest(mean + l.map_floats()),
        sums(reinterpret_cast<double*>(memory)),
        finite(true) {
#if defined(STRIATE_AMX)
    tiles = reinterpret_cast<uint16_t*>(factor + (l.centre ? 3 : 1) * l.map_floats());
#endif
  }

  void fill(const Layer& l, const core::View& from, int64_t n) {
    const int64_t pixels = l.C * l.H * l.W;
    centred = 0;
    std::memset(x, 0, static_cast<size_t>(l.image_floats()) * sizeof(float));
    if (l.bytes)
      copy(l, from.as<uint8_t>() + n * pixels);
    else
      copy(l, from.as<float>() + n * pixels);
    factors(l);
#if defined(STRIATE_AMX)
    if (l.tiles.used) l.tiles.fill(x, tiles);
#endif
  }

 private:
  // Bytes stay whole numbers up to 255, which float32 holds exactly; a cosine needs no 1 / 255.
  template <class T>
  void copy(const Layer& l, const T* from) {
    uint32_t infinite = 0;
    for (int64_t c = 0; c < l.C; ++c)
      for (int64_t h = l.padding; h < std::min(l.rows, l.padding + l.H); ++h)
        for (int64_t phase = 0; phase < l.stride; ++phase) {
          const T* line = from + (c * l.H + h - l.padding) * l.W + phase - l.padding;
          float* to = x + c * l.plane + h * l.row + phase * l.phase;
          const int64_t before = l.padding - phase, after = before + l.W;  // columns i * stride of the image
          const int64_t begin = before > 0 ? (before + l.stride - 1) / l.stride : 0;
          const int64_t end = after > 0 ? std::min(l.phase, (after + l.stride - 1) / l.stride) : 0;
          if (l.stride == 1)
            infinite |= copy_line(line + begin, std::integral_constant<int64_t, 1>{}, end - begin, to + begin);
          else
            infinite |= copy_line(line + begin * l.stride, l.stride, end - begin, to + begin);
        }
    finite = !infinite;
  }
  /// Whether a number is not finite. Neighbours are copied as vectors, which a stride known too late prevents.
  template <class T, class Stride>
  static uint32_t copy_line(const T* from, Stride stride, int64_t count, float* to) {
    uint32_t infinite = 0;
    for (int64_t i = 0; i < count; ++i) {
      to[i] = static_cast<float>(from[i * stride]);
      infinite |= is_infinite(to[i]);
    }
    return infinite;
  }

  /// sum over the window of f(pixel) at every position of row p, into sums + plane + row. `pixel` holds, per packed
  /// pixel, the sum over the channels. No running sums: nothing is ever subtracted.
  STRIATE_INLINE const double* window_sums(const Layer& l, const double* pixel, int64_t p) {
    double *column = sums + l.plane, *total = column + l.row;
    constexpr int64_t kDoubles = kLanes / 2;
    for (int64_t i = 0; i < l.row; i += kDoubles) {
      const double* from = pixel + p * l.stride * l.row + i;
      vd sum = vload(from);
      for (int64_t r = 1; r < l.R; ++r) sum += vload(from + r * l.row);
      vstore(column + i, sum);
    }
    for (int64_t q = 0; q < l.Q; q += kDoubles) {
      vd sum{};
      for (int64_t s = 0; s < l.S; ++s) sum += vload(column + l.offset[s] + q);
      vstore(total + q, sum);
    }
    return total;
  }

  void factors(const Layer& l) {
    const float scale = l.bytes ? 1 / 255.0f : 1.0f;
    if (!l.patch)
      for (int64_t i = 0; i < l.P * l.Q; ++i) factor[i] = scale;
    if (!l.patch && !l.centre) return;
    for (int64_t i = 0; i < l.plane; ++i) sums[i] = 0;
    for (int64_t c = 0; c < l.C; ++c) {
      const float* plane = x + c * l.plane;
      if (l.centre)
        for (int64_t i = 0; i < l.plane; ++i) sums[i] += plane[i];
      else
        for (int64_t i = 0; i < l.plane; ++i) sums[i] += static_cast<double>(plane[i]) * plane[i];
    }
    for (int64_t p = 0; p < l.P; ++p) {
      const double* total = window_sums(l, sums, p);
      float* to = factor + p * l.Q;
      if (!l.centre) {
        inverse_roots(total, l.Q, to);
        continue;
      }
      float *high = mean + p * l.Q, *low = mean_rest + p * l.Q;
      for (int64_t q = 0; q < l.Q; ++q) {
        const double exact = total[q] / static_cast<double>(l.taps);
        high[q] = static_cast<float>(exact);
        low[q] = static_cast<float>(exact - high[q]);
      }
      if (!l.patch) continue;
      double* square = sums + l.plane + l.row;
      for (int64_t q = 0; q < l.Q; q += kLanes) {
        const float* pixel = x + p * l.stride * l.row + q;
        vd whole[2], rest[2], sum[2] = {};
        widen(vload(high + q), whole);
        widen(vload(low + q), rest);
        for (int64_t t = 0; t < l.taps; ++t) {
          vd v[2];
          widen(vload(pixel + l.offset[t]), v);
          for (int half = 0; half < 2; ++half) {
            v[half] = v[half] - whole[half] - rest[half];
            sum[half] += v[half] * v[half];
          }
        }
        for (int half = 0; half < 2; ++half) vstore(square + q + half * kLanes / 2, sum[half]);
      }
      inverse_roots(square, l.Q, to);
    }
  }
  /// Up to kLanes - 1 numbers past both ends are read and written: there is slack, or a row that is made next.
  static void inverse_roots(const double* square, int64_t count, float* to) {
    for (int64_t i = 0; i < count; i += kLanes) {
      vd wide[2] = {vload(square + i), vload(square + i + kLanes / 2)};
      for (vd& half : wide) half = half <= vd{} + kTiny ? vd{} : 1.0 / vsqrt(half);
      vstore(to + i, narrow(wide));
    }
  }
};

/// Where centred tiles' taps lie: offset[t] = t * kTileStride. They are made with the first block of filters and kept for
/// the others, where all of an image have room; else anew for each.
struct CentredTiles {
  static constexpr int64_t kMost = 1 << 18;  // floats

  float* pixels;    // [tile, or one for all][taps][kTileStride]
  int64_t* offset;  // [taps], shared by all tasks

  static bool kept(const Layer& l) { return l.blocks > 1 && l.P * l.row_tiles() * l.taps * kTileStride <= kMost; }
  static int64_t floats(const Layer& l) {
    return l.centre ? align_up(l.taps * kTileStride) * (kept(l) ? l.P * l.row_tiles() : 1) : 0;
  }
};

struct Times {
  const float* factor;  // of each position
  STRIATE_INLINE vf operator()(vf sum, int position, int) const { return sum * broadcast(factor[position]); }
};

/// The pixels under the taps of the tile that begins at (p, q), less their patches' means.
inline void centre_tile(const Layer& l, const Image& image, int64_t p, int64_t q, float* to) {
  constexpr int kParts = kTileStride / kLanes;
  const float* x = image.x + p * l.stride * l.row + q;
  vf mean[kParts], rest[kParts];
  for (int part = 0; part < kParts; ++part) {
    mean[part] = vload(image.mean + p * l.Q + q + part * kLanes);
    rest[part] = vload(image.mean_rest + p * l.Q + q + part * kLanes);
  }
  for (int64_t t = 0; t < l.taps; ++t, to += kTileStride)
    for (int part = 0; part < kParts; ++part)
      vstore(to + part * kLanes, vload(x + l.offset[t] + part * kLanes) - mean[part] - rest[part]);
}

/// out[q][vector of the block] for the positions of row p; calls done(positions) after each tile.
template <int kVectors, class Done>
void conv_row(const Layer& l, const Image& image, const float* filters, int64_t p, const CentredTiles& centred,
              float* out, Done&& done) {
  const int64_t tiles = l.row_tiles();
  const float* x = image.x + p * l.stride * l.row;
  const float* factor = image.factor + p * l.Q;
  const bool kept = l.centre && CentredTiles::kept(l), made = kept && p < image.centred;
  for (int64_t i = 0, begin = 0, end; i < tiles; ++i, begin = end) {
    end = begin + l.Q / tiles + (i < l.Q % tiles);
    const float* from = x + begin;
    const int64_t* offset = l.offset;
    if (l.centre) {
      float* pixels = centred.pixels + (kept ? (p * tiles + i) * l.taps * kTileStride : 0);
      if (!made) centre_tile(l, image, p, begin, pixels);
      from = pixels;
      offset = centred.offset;
    }
    any_tile<kVectors>(static_cast<int>(end - begin), from, offset, l.taps, filters, Times{factor + begin},
                       out + begin * kVectors * kLanes);
    done(end - begin);
  }
  if (!made) image.centred = p + 1;
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
