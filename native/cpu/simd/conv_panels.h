// What the products of conv2d read: images and filters rearranged so that the inner loop walks along memory. Included
// after simd/begin.h.
//   channels last  [panel][position * images + image][kPanel]: kPanel channels of one pixel side by side, the images of
//                  one position side by side; a row of zeros at the end of each panel stands for what is outside
//   images last    [channel][position][image]
//   filters        [panel of lanes][panel of depth][tap][depth][kPanel]
// A panel is two vectors wide; the last one of an axis is as wide, with zeros in the unused lanes of its last vector.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/parallel.h"

#include "cpu/simd/transpose.h"
#include "cpu/simd/vec.h"
#include "cpu/simd/wide.h"

namespace striate::cpu::STRIATE_SIMD_NS::conv {
namespace {

constexpr int64_t kPanel = 2 * kLanes;
constexpr int64_t kStreamed = 2 << 20;  // numbers of a result from which it is not worth a place in the caches

struct Shape {
  int64_t N, C, H, W, K, R, S, P, Q, stride, padding;
};

inline int64_t panels_of(int64_t channels, int64_t width = kPanel) { return (channels + width - 1) / width; }

/// kLanes numbers of which `count` exist, zeros after them; bytes stand for x / 255.
STRIATE_INLINE vf load_values(const float* p, int64_t count) {
  return count >= kLanes ? vload(p) : vload_part(p, std::max<int64_t>(0, count));
}
STRIATE_INLINE vf load_values(const uint8_t* p, int64_t count) {
  float lane[kLanes] = {};
  for (int64_t i = 0; i < std::min<int64_t>(count, kLanes); ++i) lane[i] = static_cast<float>(p[i]);
  return vload(lane) / 255.0f;
}
STRIATE_INLINE float value_of(float x) { return x; }
STRIATE_INLINE float value_of(uint8_t x) { return static_cast<float>(x) / 255.0f; }

/// Floats of channels-last images.
inline int64_t channels_last_floats(int64_t channels, int64_t rows) {
  return panels_of(channels) * (rows + 1) * kPanel;
}

/// One square of from_planes; on noinline see simd/transpose.h.
template <class T>
__attribute__((noinline)) void planes_to_rows(const T* from, int64_t plane, int64_t planes, int64_t count, float* to,
                                              int64_t step) {
  transpose_block(
      planes, count, [&](int64_t j) { return load_values(from + j * plane, count); },
      [&](int64_t j, vf v) { vstore(to + j * step, v); });
}
/// The way back of to_planes: to[i * step + channel] = from[channel * plane + i] for `count` numbers of each of at most kPanel channels, and zeros
/// in the lanes left over of the last vector.
template <class T>
void from_planes(const T* from, int64_t plane, int64_t channels, int64_t count, float* to, int64_t step) {
  for (int64_t c = 0; c < channels; c += kLanes)
    for (int64_t i = 0; i < count; i += kLanes)
      planes_to_rows(from + c * plane + i, plane, channels - c, count - i, to + i * step + c, step);
}
/// x [images,C,pixels] to channels last.
template <class T>
void channels_last(const T* x, int64_t images, int64_t channels, int64_t pixels, float* to) {
  const int64_t panels = panels_of(channels), stride = (images * pixels + 1) * kPanel;
  core::parallel_for(panels * images, [&](int64_t task) {
    const int64_t panel = task / images, n = task % images;
    float* base = to + panel * stride;
    if (n == 0) std::fill(base + stride - kPanel, base + stride, 0.0f);
    from_planes(x + (n * channels + panel * kPanel) * pixels, pixels, std::min(kPanel, channels - panel * kPanel),
                pixels, base + n * kPanel, images * kPanel);
  });
}

/// x [images,C,pixels] to images last; with `place` pixel i goes to place[i] of a plane.
template <class T>
void images_last(const T* x, int64_t images, int64_t channels, int64_t pixels, const int32_t* place, int64_t plane,
                 float* to) {
  core::parallel_for(channels, [&](int64_t c) {
    for (int64_t n = 0; n < images; n += kLanes) {
      const T* from = x + (n * channels + c) * pixels;
      const int64_t some = images - n;
      for (int64_t i = 0; i < pixels; i += kLanes)
        transpose_block(
            some, pixels - i, [&](int64_t j) { return load_values(from + j * channels * pixels + i, pixels - i); },
            [&](int64_t j, vf v) {
              float* p = to + (c * plane + (place ? place[i + j] : i + j)) * images + n;
              some >= kLanes ? vstore(p, v) : vstore_some(p, v, static_cast<int>(some));
            });
    }
  });
}

template <int... kLane>
STRIATE_INLINE vf evens(vf a, vf b, std::integer_sequence<int, kLane...>) {
  return __builtin_shufflevector(a, b, (2 * kLane)...);
}
/// Half of x, zeros between its numbers.
template <int kFirst, int... kLane>
STRIATE_INLINE vf apart(vf x, std::integer_sequence<int, kLane...>) {
  return __builtin_shufflevector(x, vf{}, (kLane % 2 ? kLanes : kFirst + kLane / 2)...);
}

/// The pixels of a plane that a window of one pixel steps to, [P, Q].
template <class T>
void gather_plane(const T* plane, int64_t width, int64_t stride, int64_t P, int64_t Q, float* to) {
  for (int64_t p = 0; p < P; ++p, to += Q) {
    const T* line = plane + p * stride * width;
    for (int64_t q = 0; stride == 2 && q < Q; q += kLanes) {
      const int64_t left = width - 2 * q, some = std::min<int64_t>(kLanes, Q - q);
      const vf x = evens(load_values(line + 2 * q, left), load_values(line + 2 * q + kLanes, left - kLanes),
                         std::make_integer_sequence<int, kLanes>{});
      some == kLanes ? vstore(to + q, x) : vstore_some(to + q, x, static_cast<int>(some));
    }
    for (int64_t q = 0; stride != 2 && q < Q; ++q) to[q] = value_of(line[q * stride]);
  }
}

/// Back to a plane [H, W], zeros in the other pixels.
inline void spread_plane(const float* from, int64_t stride, int64_t P, int64_t Q, int64_t height, int64_t width,
                         float* plane) {
  const auto lanes = std::make_integer_sequence<int, kLanes>{};
  for (int64_t h = 0; h < height; ++h, plane += width) {
    const bool met = h % stride == 0 && h / stride < P;
    if (!met || stride != 2) std::fill(plane, plane + width, 0.0f);
    if (!met) continue;
    const float* line = from + h / stride * Q;
    for (int64_t q = 0; stride == 2 && 2 * q < width; q += kLanes) {
      const vf x = load_values(line + q, Q - q);
      const int64_t left = width - 2 * q;
      vstore_part(plane + 2 * q, apart<0>(x, lanes), std::min<int64_t>(kLanes, left));
      if (left > kLanes)
        vstore_part(plane + 2 * q + kLanes, apart<kLanes / 2>(x, lanes), std::min<int64_t>(kLanes, left - kLanes));
    }
    for (int64_t q = 0; stride != 2 && q < Q; ++q) plane[q * stride] = line[q];
  }
}

/// Filters as the products read them: `depth` in panels of `step`, each `taps` times.
struct Filters {
  int64_t lanes, depth, step, taps;
  int64_t lane_panels() const { return panels_of(lanes); }
  int64_t depth_panels() const { return panels_of(depth, step); }
  int64_t panel_floats() const { return depth * taps * kPanel; }
  int64_t floats() const { return lane_panels() * panel_floats(); }
  int64_t width(int64_t panel) const { return std::min(step, depth - panel * step); }
  /// Row of kPanel numbers within a panel of lanes.
  int64_t row(int64_t d, int64_t tap) const { return d / step * step * taps + tap * width(d / step) + d % step; }
};

/// w [K,C,R,S] with filters in the lanes and channels as depth. `row_of` [C*R*S] is filled with the row of each weight
/// of a filter.
inline void filter_lanes(const Filters& f, const float* w, int32_t* row_of, float* to) {
  const int64_t count = f.depth * f.taps;
  for (int64_t j = 0; j < count; ++j) row_of[j] = static_cast<int32_t>(f.row(j / f.taps, j % f.taps));
  constexpr int64_t kStretch = 64 * kLanes;
  const int64_t stretches = (count + kStretch - 1) / kStretch, vectors = (f.lanes + kLanes - 1) / kLanes;
  core::parallel_for(vectors * stretches, [&](int64_t task) {
    const int64_t k = task / stretches * kLanes, start = task % stretches * kStretch;
    float* base = to + k / kPanel * f.panel_floats() + k % kPanel;
    for (int64_t i = start; i < std::min(count, start + kStretch); i += kLanes)
      transpose_block(
          f.lanes - k, count - i, [&](int64_t j) { return load_values(w + (k + j) * count + i, count - i); },
          [&](int64_t j, vf v) { vstore(base + row_of[i + j] * kPanel, v); });
  });
}

/// w [K,C,R,S] with channels in the lanes and filters as depth.
inline void channel_lanes(const Filters& f, const float* w, float* to) {
  core::parallel_for(f.lane_panels() * f.depth_panels(), [&](int64_t task) {
    const int64_t c = task / f.depth_panels() * kPanel, panel = task % f.depth_panels();
    const int64_t some = std::min(kPanel, f.lanes - c);
    float* base = to + c / kPanel * f.panel_floats();
    for (int64_t k = panel * f.step; k < panel * f.step + f.width(panel); ++k) {
      const float* from = w + (k * f.lanes + c) * f.taps;
      for (int64_t t = 0; t < f.taps; ++t) {
        float* row = base + f.row(k, t) * kPanel;
        for (int64_t j = 0; j < kPanel; ++j) row[j] = j < some ? from[j * f.taps + t] : 0.0f;
      }
    }
  });
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::conv
