// Triangles of render_scenes into the nearest of each sample: vectors of samples, which are whole pixels of four, or of
// texels of the sun's map. Edge functions are int32 for triangles of up to 109 pixels, and int64 beyond.
#pragma once
#include "cpu/simd/render_lanes.h"

namespace striate::cpu::STRIATE_SIMD_NS {

/// Samples of a square, [size][stride]; a row ends with a whole vector.
struct Samples {
  int32_t* nearness;  // 0: nothing
  int32_t* triangle;  // number of what is there
  int64_t stride;
  int32_t size;  // pixels or texels
};

/// How a vector's lanes lie in its pixels.
struct PixelLanes {
  static constexpr int kPixels = kLanes / 4, kLeast = 32, kMost = 224;
  static constexpr bool kNumbered = true;
  static STRIATE_INLINE int32_t x(int lane) { return lane / 4 * 256 + sample_x(lane % 4); }
  static STRIATE_INLINE int32_t y(int lane) { return sample_y(lane % 4); }
};
struct TexelLanes {
  static constexpr int kPixels = kLanes, kLeast = 128, kMost = 128;
  static constexpr bool kNumbered = false;
  static STRIATE_INLINE int32_t x(int lane) { return lane * 256 + 128; }
  static STRIATE_INLINE int32_t y(int) { return 128; }
};

using vq = int64_t __attribute__((vector_size(kLanes * 8)));
STRIATE_INLINE vi not_negative(vi x) { return x > -1; }
STRIATE_INLINE vi not_negative(vq x) { return __builtin_convertvector(x > -1, vi); }

/// The pixels that a triangle may reach.
struct Reach {
  Span columns, rows;
  STRIATE_INLINE bool empty() const { return columns.first > columns.last || rows.first > rows.last; }
  STRIATE_INLINE void join(const Reach& r) {
    if (r.columns.first < columns.first) columns.first = r.columns.first;
    if (r.columns.last > columns.last) columns.last = r.columns.last;
    if (r.rows.first < rows.first) rows.first = r.rows.first;
    if (r.rows.last > rows.last) rows.last = r.rows.last;
  }
};

template <class Lanes, class E>
STRIATE_INLINE void fill(const Samples& to, const Outline& t, const Reach& reach, int32_t number) {
  using Number = std::remove_reference_t<decltype(E{}[0])>;
  const int32_t start = reach.columns.first / Lanes::kPixels * Lanes::kPixels;
  vi lane_x, lane_y;
  for (int l = 0; l < kLanes; ++l) {
    lane_x[l] = Lanes::x(l);
    lane_y[l] = Lanes::y(l);
  }
  E at_row[3];
  Number step_x[3], step_y[3];
  for (int e = 0; e < 3; ++e) {
    const Number dx = t.edge_x(e), dy = t.edge_y(e);
    at_row[e] = __builtin_convertvector(lane_y, E) * dx - __builtin_convertvector(lane_x, E) * dy +
                static_cast<Number>(t.edge(e, 256 * start, 256 * reach.rows.first));
    step_x[e] = -dy * (256 * Lanes::kPixels);
    step_y[e] = dx * 256;
  }
  const vd across = vspread(static_cast<double>(t.across)), down = vspread(static_cast<double>(t.down)),
           first = vspread(static_cast<double>(t.q_first)), least = vspread(static_cast<double>(t.q_least)),
           most = vspread(static_cast<double>(t.q_most));
  for (int32_t y = reach.rows.first; y <= reach.rows.last; ++y) {
    E edge[3] = {at_row[0], at_row[1], at_row[2]};
    vd fall[2];
    widen(lane_y + (256 * y - t.y[0]), fall);
    for (vd& f : fall) f *= down;
    vi x = lane_x + (256 * start - t.x[0]);
    int64_t at = y * to.stride + static_cast<int64_t>(start) * (kLanes / Lanes::kPixels);
    for (int32_t column = start; column <= reach.columns.last; column += Lanes::kPixels, at += kLanes) {
      const vi inside = not_negative(edge[0] | edge[1] | edge[2]);
      if (lanes_any(inside)) {
        vd q[2];
        widen(x, q);
        for (int h = 0; h < 2; ++h) q[h] = vmin(vmax(vfma(across, q[h], first) + fall[h], least), most);
        const vi near = whole(q), known = vload(to.nearness + at);
        const vi nearer = inside & (near > known);
        vstore(to.nearness + at, vselect(nearer, near, known));
        if constexpr (Lanes::kNumbered)
          vstore(to.triangle + at, vselect(nearer, vset(number), vload(to.triangle + at)));
      }
      for (int e = 0; e < 3; ++e) edge[e] += step_x[e];
      x += 256 * Lanes::kPixels;
    }
    for (int e = 0; e < 3; ++e) at_row[e] += step_y[e];
  }
}

/// Where a triangle can be within the samples' square.
template <class Lanes>
STRIATE_INLINE Reach reach_of(const Samples& to, const Outline& t) {
  return {Span::of(t.low(t.x), t.high(t.x), Lanes::kLeast, Lanes::kMost, to.size),
          Span::of(t.low(t.y), t.high(t.y), Lanes::kLeast, Lanes::kMost, to.size)};
}

template <class Lanes>
static void draw(const Samples& to, const Outline& t, const Reach& reach, int32_t number) {
  constexpr int32_t kShort = 28000;  // 2 * 28000 * (28000 + a vector's 4096 + 512) < 2^31
  if (t.high(t.x) - t.low(t.x) <= kShort && t.high(t.y) - t.low(t.y) <= kShort)
    fill<Lanes, vi>(to, t, reach, number);
  else
    fill<Lanes, vq>(to, t, reach, number);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
