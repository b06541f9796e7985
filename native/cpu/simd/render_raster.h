// Triangles of render_scenes into the nearest of each sample: vectors of samples, which are whole pixels of four, or of
// texels of the sun's map. Edge functions are int32 for triangles of up to 109 pixels, and int64 beyond.
#pragma once
#include "cpu/simd/render_lanes.h"

namespace striate::cpu::STRIATE_SIMD_NS {

/// Samples of a square's pixels, [size][stride]; a row ends with a whole vector.
struct Samples {
  static constexpr int kPixels = kLanes / 4, kLeast = 32, kMost = 224;  // of a vector; of where a pixel's samples lie
  static STRIATE_INLINE int32_t x(int lane) { return lane / 4 * 256 + sample_x(lane % 4); }
  static STRIATE_INLINE int32_t y(int lane) { return sample_y(lane % 4); }

  int32_t* nearness;  // 0: nothing
  int32_t* triangle;  // number of what is there
  int64_t stride;
  int32_t size;

  /// A triangle's nearness over a row.
  struct Plane {
    vd across, down, first, least, most, fall[2];
    vi number;
    STRIATE_INLINE Plane(const Outline& t, int32_t triangle)
        : across(vspread(static_cast<double>(t.across))),
          down(vspread(static_cast<double>(t.down))),
          first(vspread(static_cast<double>(t.q_first))),
          least(vspread(static_cast<double>(t.q_least))),
          most(vspread(static_cast<double>(t.q_most))),
          number(vset(triangle)) {}
    STRIATE_INLINE void start_row(vi y) {
      widen(y, fall);
      for (vd& f : fall) f *= down;
    }
    STRIATE_INLINE void put(const Samples& to, int64_t at, vi inside, vi x) const {
      vd q[2];
      widen(x, q);
      for (int h = 0; h < 2; ++h) q[h] = vmin(vmax(vfma(across, q[h], first) + fall[h], least), most);
      const vi near = whole(q), known = vload(to.nearness + at);
      const vi nearer = inside & (near > known);
      vstore(to.nearness + at, vselect(nearer, near, known));
      vstore(to.triangle + at, vselect(nearer, number, vload(to.triangle + at)));
    }
  };
};

/// Texels of the sun's map; what is nearest to it is all that is known of them.
struct Texels {
  static constexpr int kPixels = kLanes, kLeast = 128, kMost = 128;
  static STRIATE_INLINE int32_t x(int lane) { return lane * 256 + 128; }
  static STRIATE_INLINE int32_t y(int) { return 128; }

  float* nearness;  // 0: nothing
  int64_t stride;
  int32_t size;

  struct Plane {
    vf across, down, first, least, most, fall;
    STRIATE_INLINE Plane(const Outline& t, int32_t)
        : across(vset(t.across)),
          down(vset(t.down)),
          first(vset(static_cast<float>(t.q_first))),
          least(vset(static_cast<float>(t.q_least))),
          most(vset(static_cast<float>(t.q_most))) {}
    STRIATE_INLINE void start_row(vi y) { fall = vfma(down, lanes_float(y), first); }
    STRIATE_INLINE void put(const Texels& to, int64_t at, vi inside, vi x) const {
      const vf near = vmin(vmax(vfma(across, lanes_float(x), fall), least), most);
      vstore(to.nearness + at, vmax(vload(to.nearness + at), (vf)((vi)near & inside)));
    }
  };
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

/// The pixels of a row that a triangle may reach: between straight lines, of which a side has one or two.
template <class To>
class Sides {
 public:
  Sides() = default;
  STRIATE_INLINE Sides(const Outline& t, int32_t row) {
    for (int e = 0; e < 3; ++e) {
      const int32_t dx = t.edge_x(e), dy = t.edge_y(e);
      if (dy == 0) continue;
      const bool is_right = dy > 0;
      const double slope = static_cast<double>(dx) / dy;
      // Of a pixel's samples, those are asked that lie farthest out. A thousandth of a pixel is more than roundings are.
      const int32_t y = 256 * row - t.y[e] + ((slope > 0) == is_right ? To::kMost : To::kLeast);
      const double x = (slope * y + (t.x[e] - (is_right ? To::kLeast : To::kMost))) * (1.0 / 256);
      Line& line = is_right ? right_[rights_++] : left_[lefts_++];
      line = {x + (is_right ? 0.001 : 0.999), slope};
    }
    if (lefts_ == 1) left_[1] = left_[0];
    if (rights_ == 1) right_[1] = right_[0];
  }
  /// Of the row that is `down` below the first.
  STRIATE_INLINE Span at(int32_t down, const Span& within) const {
    const double y = down;
    const double first = larger(left_[0].at(y), left_[1].at(y)), last = -larger(-right_[0].at(y), -right_[1].at(y));
    return {static_cast<int32_t>(-larger(-larger(first, within.first), -within.last - 1.0)),
            static_cast<int32_t>(-larger(-larger(last, -1.0), -within.last))};
  }

 private:
  struct Line {
    double x, slope;
    STRIATE_INLINE double at(double y) const { return x + slope * y; }
  };
  static STRIATE_INLINE double larger(double a, double b) { return a > b ? a : b; }
  Line left_[2], right_[2];
  int lefts_ = 0, rights_ = 0;
};

template <class E, class To>
STRIATE_INLINE void fill(const To& to, const Outline& t, const Reach& reach, int32_t number) {
  using Number = std::remove_reference_t<decltype(E{}[0])>;
  constexpr int kPixels = To::kPixels;
  const int32_t start = reach.columns.first / kPixels * kPixels;
  vi lane_x, lane_y;
  for (int l = 0; l < kLanes; ++l) {
    lane_x[l] = To::x(l);
    lane_y[l] = To::y(l);
  }
  E at_row[3];
  Number step_x[3], step_y[3];
  for (int e = 0; e < 3; ++e) {
    const Number dx = t.edge_x(e), dy = t.edge_y(e);
    at_row[e] = __builtin_convertvector(lane_y, E) * dx - __builtin_convertvector(lane_x, E) * dy +
                static_cast<Number>(t.edge(e, 256 * start, 256 * reach.rows.first));
    step_x[e] = -dy * (256 * kPixels);
    step_y[e] = dx * 256;
  }
  typename To::Plane plane(t, number);
  // Few vectors are sooner tried than chosen.
  const bool is_wide = reach.columns.last - start >= 3 * kPixels && reach.rows.last > reach.rows.first + 1;
  const Sides<To> sides = is_wide ? Sides<To>(t, reach.rows.first) : Sides<To>();
  for (int32_t y = reach.rows.first; y <= reach.rows.last; ++y) {
    Span columns = {start, reach.columns.last};
    E edge[3] = {at_row[0], at_row[1], at_row[2]};
    if (is_wide) {
      columns = sides.at(y - reach.rows.first, columns);
      const int32_t skipped = (columns.first - start) / kPixels;
      columns.first = start + skipped * kPixels;
      for (int e = 0; e < 3; ++e) edge[e] += step_x[e] * skipped;
    }
    plane.start_row(lane_y + (256 * y - t.y[0]));
    vi x = lane_x + (256 * columns.first - t.x[0]);
    int64_t at = y * to.stride + static_cast<int64_t>(columns.first) * (kLanes / kPixels);
    for (int32_t column = columns.first; column <= columns.last; column += kPixels, at += kLanes) {
      plane.put(to, at, not_negative(edge[0] | edge[1] | edge[2]), x);
      for (int e = 0; e < 3; ++e) edge[e] += step_x[e];
      x += 256 * kPixels;
    }
    for (int e = 0; e < 3; ++e) at_row[e] += step_y[e];
  }
}

/// Where a triangle can be within a square.
template <class To>
STRIATE_INLINE Reach reach_of(const To& to, const Snapped& a, const Snapped& b, const Snapped& c) {
  using Four = int32_t __attribute__((vector_size(16)));
  static_assert(sizeof(Snapped) == sizeof(Four));
  Four corner[3];
  std::memcpy(&corner[0], &a, sizeof a);
  std::memcpy(&corner[1], &b, sizeof b);
  std::memcpy(&corner[2], &c, sizeof c);
  const auto least = [](Four p, Four q) { return p < q ? p : q; };
  const auto most = [](Four p, Four q) { return p > q ? p : q; };
  // As Span::of has it.
  const Four low = least(least(corner[0], corner[1]), corner[2]), high = most(most(corner[0], corner[1]), corner[2]);
  const Four first = most((low + (255 - To::kMost)) >> 8, Four{}),
             last = least((high - To::kLeast) >> 8, Four{} + (to.size - 1));
  return {{first[0], last[0]}, {first[1], last[1]}};
}

template <class To>
static void draw(const To& to, const Outline& t, const Reach& reach, int32_t number) {
  constexpr int32_t kShort = 28000;  // 2 * 28000 * (28000 + a vector's 4096 + 512) < 2^31
  if (t.high(t.x) - t.low(t.x) <= kShort && t.high(t.y) - t.low(t.y) <= kShort)
    fill<vi>(to, t, reach, number);
  else
    fill<vq>(to, t, reach, number);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
