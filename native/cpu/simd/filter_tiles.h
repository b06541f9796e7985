// The products of simd/filter_lanes.h on AMX tiles, for images of bytes: neighbouring positions are the left factor,
// filters the right one. An image is unfolded along its columns alone, [q][row of the image][c][s] as in
// simd/patch_rows.h: a patch is so many neighbours from some place on, and the rows of a tile are read where they lie.
// Depth has the order (r, c, s); past its end stands the image's next row, and zeros of the filters. Images of float32
// gained 1.0 to 1.1 times by their six products of tiles and lost where windows are small. Included after simd/vec.h.
#pragma once
#include <algorithm>
#include <cstring>

#include "cpu/simd/amx.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

struct FilterTiles {
  static constexpr int64_t kFewest = tiles::kDepth * 3 / 4;  // taps from which tiles pay
  static constexpr int64_t kMost = 1 << 20;                  // bytes of an image that stay near enough

  int64_t channels, height, width, taps;  // of a window
  int64_t lines, stride, positions;       // rows of the image, and Q
  int64_t phase, row, plane;              // of the packed image
  int64_t chunks, step;                   // of a patch; numbers from a position to the next
  int64_t rows, count;                    // of a tile; tiles of a row of the map
  bool used;

  /// Of a layer. A row's tiles are of one height; the last may begin earlier than the one before ends.
  template <class Layer>
  static FilterTiles of(const Layer& l) {
    FilterTiles f{};
    f.channels = l.C, f.height = l.R, f.width = l.S, f.taps = l.taps;
    f.lines = l.rows, f.stride = l.stride, f.positions = l.Q;
    f.phase = l.phase, f.row = l.row, f.plane = l.plane;
    f.chunks = tiles::chunks_of(l.taps);
    // An odd number of cache lines: the rows of a tile share no set of the cache.
    f.step = ((f.lines * f.channels * f.width + 31) / 32 | 1) * 32;
    f.count = (f.positions + tiles::kSide - 1) / tiles::kSide;
    f.rows = (f.positions + f.count - 1) / f.count;
    f.used = l.bytes && !l.centre && f.taps >= kFewest && f.numbers() * 2 <= kMost;
    return f;
  }
  int64_t image_floats() const { return used ? (numbers() + 31) / 32 * 16 : 0; }
  int64_t filter_floats(int64_t vectors) const { return used ? 3 * chunks * vectors * tiles::kFloats : 0; }

  /// `from` holds `vectors` vectors of filters a tap, in the order (c, r, s).
  void pack(const float* from, int vectors, char* to) const {
    const int64_t part = chunks * vectors * tiles::kBytes;
    const auto tap = [&](int64_t t, int v) {
      const int64_t r = t / (channels * width), c = t / width % channels, s = t % width;
      return t < taps ? vload(from + (((c * height + r) * width + s) * vectors + v) * kLanes) : vf{};
    };
    for (int64_t t = 0; t < chunks * tiles::kDepth; t += 2)
      for (int v = 0; v < vectors; ++v)
        tiles::split_pairs(tap(t, v), tap(t + 1, v), part,
                           to + (t / tiles::kDepth * vectors + v) * tiles::kBytes + t % tiles::kDepth / 2 * 64);
  }

  /// Unfolds a packed image of whole numbers up to 255, which bf16 holds exactly: the upper halves of their float32.
  void fill(const float* x, uint16_t* to) const {
    const auto put = [](__m128i bits, uint16_t* at) {
      bits = _mm_srli_epi32(bits, 16);
      _mm_storel_epi64(reinterpret_cast<__m128i*>(at), _mm_packus_epi32(bits, bits));
    };
    for (int64_t q = 0; q < positions; ++q) {
      uint16_t* at = to + q * step;
      for (int64_t line = 0; line < lines; ++line)
        for (int64_t c = 0; c < channels; ++c, at += width) {
          const float* from = x + c * plane + line * row + q;
          if (stride == 1)  // four at once; what is too much is written over
            for (int64_t s = 0; s < width; s += 4)
              put(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + s)), at + s);
          else
            for (int64_t s = 0; s < width; ++s)
              put(_mm_castps_si128(_mm_load_ss(from + s % stride * phase + s / stride)), at + s);
        }
      clear(at, to + (q + 1) * step);
    }
    clear(to + positions * step, to + numbers());
  }

  /// out[q][vector] = factor * sum over taps of filter * pixel for the positions of row p.
  template <int kVectors>
  void conv_row(const uint16_t* image, const char* filters, int64_t p, const float* factor, float* out) const {
    constexpr int64_t kRow = kVectors * kLanes * 4;
    const tiles::Place right{filters, 64, chunks * kVectors * tiles::kBytes, kVectors * tiles::kBytes, tiles::kBytes};
    image += p * stride * channels * width;
    for (int64_t i = 0; i < count; i += 2) {
      const int64_t first = std::min(i * rows, positions - rows);
      const int64_t down = std::min((i + 1) * rows, positions - rows) - first;
      const tiles::Place left{image + first * step, step * 2, 0, 64, down * step * 2};
      float* to = out + first * kVectors * kLanes;
      if (i + 1 < count)
        tiles::multiply<tiles::Split::right, 2, kVectors>(chunks, left, right, to, kRow, down * kRow);
      else
        tiles::multiply<tiles::Split::right, 1, kVectors>(chunks, left, right, to, kRow, 0);
    }
    for (int64_t q = 0; q < positions; ++q, out += kVectors * kLanes)
      for (int v = 0; v < kVectors; ++v) vstore(out + v * kLanes, vload(out + v * kLanes) * vset(factor[q]));
  }

 private:
  int64_t numbers() const { return positions * step + chunks * tiles::kDepth; }
  static void clear(uint16_t* from, const uint16_t* end) {
    std::memset(from, 0, static_cast<size_t>(end - from) * sizeof(uint16_t));
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
