// Vertices of render_scenes, kLanes at a time: the formulas of core/render_geometry.h, to the same bits.
#pragma once
#include "cpu/simd/render_lanes.h"

namespace striate::cpu::STRIATE_SIMD_NS {

/// Vertices of an image in the camera's frame. What is written of them, and of what they are snapped to, goes on to the
/// end of a vector.
struct Points {
  float *x, *y, *z;
  STRIATE_INLINE Point operator[](int32_t v) const { return {x[v], y[v], z[v]}; }
  STRIATE_INLINE Points from(int32_t v) const { return {x + v, y + v, z + v}; }
};
/// kLanes of them as float64.
struct WidePoints {
  vd x[2], y[2], z[2];
  STRIATE_INLINE WidePoints(const Points& from, int32_t v) {
    widen(vload(from.x + v), x);
    widen(vload(from.y + v), y);
    widen(vload(from.z + v), z);
  }
  STRIATE_INLINE vd along(const float (&axis)[3], int h) const {
    return (x[h] * static_cast<double>(axis[0]) + y[h] * static_cast<double>(axis[1])) +
           z[h] * static_cast<double>(axis[2]);
  }
};

STRIATE_INLINE void store_snapped(Snapped* to, const vd (&column)[2], const vd (&row)[2], const vd (&nearness)[2],
                                  int32_t middle) {
  const vi x = whole(column) + (middle - 4194304), y = whole(row) + (middle - 4194304), q = whole(nearness);
  for (int l = 0; l < kLanes; ++l) to[l] = {x[l], y[l], q[l], 0};
}
/// Before it is whole: nearest_quotient, more by 2^22.
STRIATE_INLINE vd quotient(vd x, vd by) { return x / by + 4194304.5; }

/// `count` rows of vertices by a pose; the last one is repeated to the end of a vector.
static void move_points(const float* pose, const float* vertices, int32_t count, const Points& to) {
  for (int32_t v = 0; v < count; v += kLanes) {
    vf at[3];
    for (int l = 0; l < kLanes; ++l) {
      const float* row = vertices + 6 * static_cast<int64_t>(v + l < count ? v + l : count - 1);
      for (int k = 0; k < 3; ++k) at[k][l] = row[k];
    }
    vd x[2], y[2], z[2];
    widen(at[0], x);
    widen(at[1], y);
    widen(at[2], z);
    float* const moved[3] = {to.x, to.y, to.z};
    for (int k = 0; k < 3; ++k) {
      const double m[4] = {pose[4 * k], pose[4 * k + 1], pose[4 * k + 2], pose[4 * k + 3]};
      vd sum[2];
      for (int h = 0; h < 2; ++h) sum[h] = ((x[h] * m[0] + y[h] * m[1]) + z[h] * m[2]) + m[3];
      vstore(moved[k] + v, narrow(sum));
    }
  }
}

/// As the camera sees them; of no nearness where the lens does not hold them.
static void snap_points(const Lens& lens, const Points& points, int32_t count, Snapped* to) {
  for (int32_t v = 0; v < count; v += kLanes) {
    const WidePoints p(points, v);
    vd column[2], row[2], nearness[2];
    for (int h = 0; h < 2; ++h) {
      const vd most = p.z[h] * kGuard, wide = p.x[h] * lens.scale, high = p.y[h] * lens.scale;
      const vl held =
          (p.z[h] >= kNear) & (p.z[h] <= kFar) & (wide <= most) & (wide >= -most) & (high <= most) & (high >= -most);
      const vd depth = held ? p.z[h] : vspread(1.0);
      column[h] = quotient(held ? wide : vd{}, depth);
      row[h] = quotient(held ? -high : vd{}, depth);
      nearness[h] = held ? kNearness / depth + 0.5 : vd{};
    }
    store_snapped(to + v, column, row, nearness, lens.middle);
  }
}

/// As the sun sees them.
static void snap_points(const SunView& view, const Points& points, int32_t count, Snapped* to) {
  const vd unit = vspread(static_cast<double>(view.texel) / 256), step = vspread(static_cast<double>(view.step));
  for (int32_t v = 0; v < count; v += kLanes) {
    const WidePoints p(points, v);
    vd column[2], row[2], nearness[2];
    for (int h = 0; h < 2; ++h) {
      const vl held = (p.x[h] <= kFar) & (p.x[h] >= -kFar) & (p.y[h] <= kFar) & (p.y[h] >= -kFar) & (p.z[h] <= kFar) &
                      (p.z[h] >= -kFar);
      const auto from = [&](const float (&axis)[3], float start) {
        return held ? p.along(axis, h) - static_cast<double>(start) : vd{};
      };
      column[h] = quotient(from(view.across, view.left), unit);
      row[h] = quotient(from(view.up, view.bottom), unit);
      const vd height = from(view.towards, view.far) / step + 0.5;
      // The farthest vertex may lie behind `far` by a rounding.
      nearness[h] = held ? vmax(height, vd{}) + 1.0 : vd{};
    }
    store_snapped(to + v, column, row, nearness, 0);
  }
}

/// How far points reach along the sun's three axes.
static void sun_bounds(const SunView& view, const Points& points, int32_t count, double (&low)[3], double (&high)[3]) {
  vd least[3], most[3];
  for (int k = 0; k < 3; ++k) {
    least[k] = vspread(HUGE_VAL);
    most[k] = vspread(-HUGE_VAL);
  }
  for (int32_t v = 0; v < count; v += kLanes) {
    const WidePoints p(points, v);
    for (int h = 0; h < 2; ++h) {
      const vd at[3] = {p.along(view.across, h), p.along(view.up, h), p.along(view.towards, h)};
      for (int k = 0; k < 3; ++k) {
        least[k] = vmin(at[k], least[k]);
        most[k] = vmax(at[k], most[k]);
      }
    }
  }
  for (int k = 0; k < 3; ++k) {
    low[k] = least[k][0];
    high[k] = most[k][0];
    for (int l = 1; l < kLanes / 2; ++l) {
      low[k] = least[k][l] < low[k] ? least[k][l] : low[k];
      high[k] = most[k][l] > high[k] ? most[k][l] : high[k];
    }
  }
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
