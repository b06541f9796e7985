// The patches of one packed image as rows of C*R*S neighbouring numbers, without writing each out: the image is
// unfolded along its columns alone, [q][row of the image][c][s], so that patch (p, q) is the numbers from row p *
// stride on, in the order (r, c, s), and the patches below one another share theirs. S times the image, not R * S: 45
// KiB where whole patches of W = 4 take 161. Included after simd/filter_lanes.h.
#pragma once
#include <algorithm>

#include "cpu/simd/filter_lanes.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

struct PatchRows {
  static constexpr int kSpan = 4;  // numbers copied at once; what is too much is written over, or is slack

  float* numbers;
  int64_t* start;  // [P * Q] of each patch in `numbers`

  static int64_t floats(const Layer& l) { return align_up(l.Q * l.rows * l.C * l.S + 16 + kSpan); }
  static int64_t step(const Layer& l) { return align_up(l.taps); }  // of a row of taps: whole vectors

  /// The first tap of (r, c, s) in the order of the filters, (c, r, s), for s = 0.
  template <class F>
  static void each_tap_row(const Layer& l, F&& f) {
    for (int64_t r = 0, t = 0; r < l.R; ++r)
      for (int64_t c = 0; c < l.C; ++c, t += l.S) f(t, (c * l.R + r) * l.S);
  }
  static void place_patches(const Layer& l, int64_t* start) {
    for (int64_t p = 0; p < l.P; ++p)
      for (int64_t q = 0; q < l.Q; ++q) start[p * l.Q + q] = (q * l.rows + p * l.stride) * l.C * l.S;
  }
  void fill(const Layer& l, const Image& image) const {
    float* to = numbers;
    for (int64_t q = 0; q < l.Q; ++q)
      for (int64_t h = 0; h < l.rows; ++h)
        for (int64_t c = 0; c < l.C; ++c, to += l.S) {
          const float* from = image.x + c * l.plane + h * l.row + q;
          if (l.stride == 1)
            for (int64_t s = 0; s < l.S; s += kSpan) std::memcpy(to + s, from + s, kSpan * sizeof(float));
          else
            for (int64_t s = 0; s < l.S; ++s) to[s] = from[s % l.stride * l.phase + s / l.stride];
        }
    std::fill(to, numbers + floats(l), 0.0f);
  }
};

/// The cells of one filter in one image that have a gradient.
struct FilterCells {
  int64_t count = 0;
  float *slope, *cosine;  // cosine only for gx
  int32_t* place;
};

#if STRIATE_SIMD == 4 || defined(__ARM_NEON)  // 32 registers
inline constexpr int kTapVectors = 12;
#else
inline constexpr int kTapVectors = 6;
#endif

/// sum[tap] += sum over the cells of slope * (v - mean) / |v|, kVectors vectors of taps from `first`, which stay in
/// registers. Where they leave room, even and odd cells have sums of their own: additions wait for one another.
template <int kVectors, bool kCentre>
void add_patches(const PatchRows& rows, const Image& image, const FilterCells& cells, int64_t first, float* sum) {
  constexpr int kSets = 2 * kVectors <= kTapVectors ? 2 : 1;
  vf part[kSets][kVectors] = {};
  const float* numbers = rows.numbers + first;
  const auto add = [&](int64_t i, vf(&to)[kVectors]) __attribute__((always_inline)) {
    const int32_t place = cells.place[i];
    const vf d = broadcast(cells.slope[i] * image.factor[place]);
    const float* v = numbers + rows.start[place];
    vf mean, rest;
    if constexpr (kCentre) mean = broadcast(image.mean[place]), rest = broadcast(image.mean_rest[place]);
#pragma GCC unroll 12
    for (int j = 0; j < kVectors; ++j) {
      vf x = vload(v + j * kLanes);
      if constexpr (kCentre) x = x - mean - rest;
      to[j] = vfma(d, x, to[j]);
    }
  };
  int64_t i = 0;
  for (; i + kSets <= cells.count; i += kSets)
#pragma GCC unroll 2
    for (int set = 0; set < kSets; ++set) add(i + set, part[set]);
  for (; i < cells.count; ++i) add(i, part[0]);
#pragma GCC unroll 12
  for (int j = 0; j < kVectors; ++j) {
    vf all = part[0][j];
    if constexpr (kSets == 2) all += part[1][j];
    float* to = sum + first + j * kLanes;
    vstore(to, vload(to) + all);
  }
}

/// sum[place][tap] += slope * w[tap] for the cells; `step` floats a place.
template <int kVectors>
void add_filter(const FilterCells& cells, const float* w, int64_t step, int64_t first, float* sum) {
  vf filter[kVectors];
#pragma GCC unroll 12
  for (int j = 0; j < kVectors; ++j) filter[j] = vload(w + first + j * kLanes);
  for (int64_t i = 0; i < cells.count; ++i) {
    const vf d = broadcast(cells.slope[i]);
    float* to = sum + cells.place[i] * step + first;
#pragma GCC unroll 12
    for (int j = 0; j < kVectors; ++j) vstore(to + j * kLanes, vfma(d, filter[j], vload(to + j * kLanes)));
  }
}

/// Calls f(std::integral_constant<int, vectors>, first tap) for pieces of a row of `step` taps, of about one size.
template <int kVectors = kTapVectors, class F>
STRIATE_INLINE void tap_piece(int vectors, int64_t first, F&& f) {
  if (vectors == kVectors) return f(std::integral_constant<int, kVectors>{}, first);
  if constexpr (kVectors > 1) tap_piece<kVectors - 1>(vectors, first, f);
}
template <class F>
STRIATE_INLINE void tap_pieces(int64_t taps, F&& f) {
  const int64_t vectors = (taps + kLanes - 1) / kLanes, pieces = (vectors + kTapVectors - 1) / kTapVectors;
  for (int64_t i = 0; i < pieces; ++i) {
    const int64_t begin = vectors * i / pieces, end = vectors * (i + 1) / pieces;
    tap_piece(static_cast<int>(end - begin), begin * kLanes, f);
  }
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
