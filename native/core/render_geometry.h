// Where the triangles of render_scenes lie, for the CPU and CUDA alike, the same to the bit. Whoever includes this opens
// a namespace by STRIATE_RENDER_SPACE and marks functions by STRIATE_RENDER_CALL: the CPU's kernels are compiled once
// for each instruction set, and no function of one may be taken for that of another.
// Products are of float32 numbers or of integers and therefore exact in float64, and sums follow divisions: it makes no
// difference whether a compiler contracts them.
#pragma once
#include <cstdint>

namespace STRIATE_RENDER_SPACE {

inline constexpr double kNear = 1.0 / 32, kNearness = 1 << 23, kFar = 1 << 22, kGuard = 1 << 21;
inline constexpr int kMostCut = 8;  // corners of a triangle cut by five planes

// Samples of a pixel, in 1/256 of it.
STRIATE_RENDER_CALL int sample_x(int sample) { return (0x5173 >> 4 * sample & 15) * 32; }
STRIATE_RENDER_CALL int sample_y(int sample) { return 32 + 64 * sample; }

struct Point {
  float x, y, z;
};
/// A vertex in 1/256 of a pixel from the top left corner, and its nearness; a zero makes it a vector.
struct alignas(16) Snapped {
  int32_t x, y, q, zero;
};

/// Rounds to float32. GCC 12 leaves a rounding out where it vectorises neighbours that are widened again.
STRIATE_RENDER_CALL float rounded(double x) {
  auto y = static_cast<float>(x);
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
  asm("" : "+m"(y));
#endif
  return y;
}

/// Position of a vertex by a row of poses (or by three rows of four).
STRIATE_RENDER_CALL Point move_point(const float* map, const float* v) {
  const double x = v[0], y = v[1], z = v[2];
  const auto row = [&](const float* m) {
    return rounded(((m[0] * x + m[1] * y) + m[2] * z) + static_cast<double>(m[3]));
  };
  return {row(map), row(map + 4), row(map + 8)};
}

/// 1, -1 or 0: whether a pose keeps the handedness, mirrors, or flattens.
STRIATE_RENDER_CALL int handedness(const float* m) {
  const double d = m[0] * (static_cast<double>(m[5]) * m[10] - static_cast<double>(m[6]) * m[9]) -
                   m[1] * (static_cast<double>(m[4]) * m[10] - static_cast<double>(m[6]) * m[8]) +
                   m[2] * (static_cast<double>(m[4]) * m[9] - static_cast<double>(m[5]) * m[8]);
  return d > 0 ? 1 : d < 0 ? -1 : 0;
}

/// x / by to the nearest integer, halves up; |x / by| < 2^22.
STRIATE_RENDER_CALL int32_t nearest_quotient(double x, double by) {
  return static_cast<int32_t>(x / by + 4194304.5) - 4194304;
}

/// Where a triangle is cut.
struct Cutting {
  double from[kMostCut][3], to[kMostCut][3];
  Snapped corners[kMostCut];
  int32_t count;  // of corners; 0 where nothing is left
};

/// A perspective view of size x size pixels.
struct Lens {
  double scale;  // focal length in 1/256 of a pixel
  int32_t middle;

  static STRIATE_RENDER_CALL Lens of(float focal, int32_t size) {
    return {static_cast<double>(focal) * (128 * size), 128 * size};
  }
  /// Within the planes that triangles are cut at; false for what is no number.
  STRIATE_RENDER_CALL bool holds(double x, double y, double z) const {
    const double most = kGuard * z, wide = x * scale, high = y * scale;
    return z >= kNear && z <= kFar && wide <= most && wide >= -most && high <= most && high >= -most;
  }
  STRIATE_RENDER_CALL bool holds(const Point& p) const { return holds(p.x, p.y, p.z); }
  STRIATE_RENDER_CALL Snapped snap(double x, double y, double z) const {
    return {middle + nearest_quotient(x * scale, z), middle + nearest_quotient(-y * scale, z),
            static_cast<int32_t>(kNearness / z + 0.5), 0};
  }
  STRIATE_RENDER_CALL Snapped snap(const Point& p) const { return snap(p.x, p.y, p.z); }

  /// What is left of a triangle between the planes: the corners of a convex polygon.
  STRIATE_RENDER_CALL void cut(const Point& a, const Point& b, const Point& c, Cutting& space) const {
    const auto take = [&](int i, const Point& p) {
      space.from[i][0] = p.x, space.from[i][1] = p.y, space.from[i][2] = p.z;
      return p.x <= kFar && p.x >= -kFar && p.y <= kFar && p.y >= -kFar && p.z <= kFar;
    };
    int count = take(0, a) & take(1, b) & take(2, c) ? 3 : 0;
    for (int plane = 0; plane < 5; ++plane) {
      // How far inside: z - near, or guard z -+ scale x (y).
      const auto inside = [&](const double* p) {
        if (plane == 0) return p[2] - kNear;
        const double side = p[plane > 2] * scale;
        return kGuard * p[2] + (plane & 1 ? side : -side);
      };
      int kept = 0;
      for (int i = 0; i < count; ++i) {
        const double *p = space.from[i], *q = space.from[i + 1 < count ? i + 1 : 0];
        const double at_p = inside(p), at_q = inside(q);
        if (at_p >= 0) {
          for (int k = 0; k < 3; ++k) space.to[kept][k] = p[k];
          ++kept;
        }
        if ((at_p >= 0) != (at_q >= 0)) {
          const double share = at_p / (at_p - at_q);
          for (int k = 0; k < 3; ++k) space.to[kept][k] = p[k] + share * (q[k] - p[k]);
          if (plane == 0) space.to[kept][2] = kNear;
          ++kept;
        }
      }
      count = kept;
      for (int i = 0; i < count; ++i)
        for (int k = 0; k < 3; ++k) space.from[i][k] = space.to[i][k];
    }
    for (int i = 0; i < count; ++i) {
      const double* p = space.from[i];
      space.corners[i] = snap(p[0], p[1], p[2] < kNear ? kNear : p[2]);  // a rounding may have moved it
    }
    space.count = count < 3 ? 0 : count;
  }
};

/// A snapped triangle whose corners go clockwise on the screen.
struct Outline {
  int32_t x[3], y[3];
  int32_t q_first, q_least, q_most;
  float across, down;  // slopes of the nearness for 1/256 of a pixel

  /// Twice the area, in the square of 1/256 of a pixel; positive where the corners go clockwise.
  static STRIATE_RENDER_CALL int64_t area_of(const Snapped& a, const Snapped& b, const Snapped& c) {
    return static_cast<int64_t>(b.x - a.x) * (c.y - a.y) - static_cast<int64_t>(c.x - a.x) * (b.y - a.y);
  }
  /// False where there is no area, or the face is turned away. `front` is the sign of the area of the faces that look
  /// here, `both` keeps the others too.
  static STRIATE_RENDER_CALL bool is_seen(int64_t area, int front, bool both) {
    return area != 0 && (both || (area > 0) == (front > 0));
  }
  STRIATE_RENDER_CALL bool set(const Snapped& a, Snapped b, Snapped c, int front, bool both) {
    int64_t area = area_of(a, b, c);
    if (!is_seen(area, front, both)) return false;
    if (area < 0) {
      const Snapped other = b;
      b = c;
      c = other;
      area = -area;
    }
    x[0] = a.x, x[1] = b.x, x[2] = c.x;
    y[0] = a.y, y[1] = b.y, y[2] = c.y;
    const int64_t x1 = b.x - a.x, x2 = c.x - a.x, y1 = b.y - a.y, y2 = c.y - a.y, q1 = b.q - a.q, q2 = c.q - a.q;
    across = static_cast<float>(q1 * y2 - q2 * y1) / static_cast<float>(area);
    down = static_cast<float>(q2 * x1 - q1 * x2) / static_cast<float>(area);
    q_first = a.q;
    q_least = a.q < b.q ? (a.q < c.q ? a.q : c.q) : (b.q < c.q ? b.q : c.q);
    q_most = a.q > b.q ? (a.q > c.q ? a.q : c.q) : (b.q > c.q ? b.q : c.q);
    return true;
  }
  static STRIATE_RENDER_CALL int32_t low(const int32_t (&v)[3]) {
    return v[0] < v[1] ? (v[0] < v[2] ? v[0] : v[2]) : (v[1] < v[2] ? v[1] : v[2]);
  }
  static STRIATE_RENDER_CALL int32_t high(const int32_t (&v)[3]) {
    return v[0] > v[1] ? (v[0] > v[2] ? v[0] : v[2]) : (v[1] > v[2] ? v[1] : v[2]);
  }
  /// Corner that edge e goes to.
  static STRIATE_RENDER_CALL int next(int e) { return e == 2 ? 0 : e + 1; }
  STRIATE_RENDER_CALL int32_t edge_x(int e) const { return x[next(e)] - x[e]; }
  STRIATE_RENDER_CALL int32_t edge_y(int e) const { return y[next(e)] - y[e]; }
  /// -1 for an edge whose own points are outside, so that of two triangles at an edge one has them.
  STRIATE_RENDER_CALL int32_t bias(int e) const { return edge_y(e) < 0 || (edge_y(e) == 0 && edge_x(e) > 0) ? 0 : -1; }
  /// Not negative inside.
  STRIATE_RENDER_CALL int64_t edge(int e, int32_t px, int32_t py) const {
    return static_cast<int64_t>(edge_x(e)) * (py - y[e]) - static_cast<int64_t>(edge_y(e)) * (px - x[e]) + bias(e);
  }
  STRIATE_RENDER_CALL int32_t nearness(int32_t px, int32_t py) const {
    const double q = (q_first + static_cast<double>(across) * (px - x[0])) + static_cast<double>(down) * (py - y[0]);
    return static_cast<int32_t>(q < q_least ? q_least : q > q_most ? q_most : q);
  }
};

/// First and last pixel of 256 units whose points from `least` to `most` units inside lie between low and high.
struct Span {
  int32_t first, last;
  static STRIATE_RENDER_CALL Span of(int32_t low, int32_t high, int32_t least, int32_t most, int32_t size) {
    const int32_t first = (low - most + 255) >> 8, last = (high - least) >> 8;
    return {first < 0 ? 0 : first, last >= size ? size - 1 : last};
  }
};

/// The sun's view: a square map around all vertices, along the sun's rays.
struct SunView {
  float across[3], up[3], towards[3];  // axes in the camera's frame
  float left, bottom, far;             // of the map's corner
  float texel, step;                   // size in metres, and of one unit of nearness
  int32_t size;                        // texels a side; 0 for no shadows

  STRIATE_RENDER_CALL void set_axes(const double (&sun)[3]) {
    // Across: the cross product of the axis along which the sun is least, and the sun.
    const auto size_of = [](double x) { return x < 0 ? -x : x; };
    const double x = size_of(sun[0]), y = size_of(sun[1]), z = size_of(sun[2]);
    double u0 = 0, u1 = 0, u2 = 0;
    if (x <= y && x <= z)
      u1 = -sun[2], u2 = sun[1];
    else if (y <= z)
      u0 = sun[2], u2 = -sun[0];
    else
      u0 = -sun[1], u1 = sun[0];
    const double length = STRIATE_RENDER_SQRT(u0 * u0 + u1 * u1 + u2 * u2);
    u0 /= length, u1 /= length, u2 /= length;
    across[0] = rounded(u0), across[1] = rounded(u1), across[2] = rounded(u2);
    up[0] = rounded(sun[1] * u2 - sun[2] * u1), up[1] = rounded(sun[2] * u0 - sun[0] * u2);
    up[2] = rounded(sun[0] * u1 - sun[1] * u0);
    for (int k = 0; k < 3; ++k) towards[k] = rounded(sun[k]);
  }
  static STRIATE_RENDER_CALL double along(const float (&axis)[3], const Point& p) {
    return (axis[0] * static_cast<double>(p.x) + axis[1] * static_cast<double>(p.y)) +
           axis[2] * static_cast<double>(p.z);
  }
  /// Around what reaches from `low` to `high` along the three axes; no shadows where that is nothing or no number.
  STRIATE_RENDER_CALL void set_bounds(const double (&low)[3], const double (&high)[3], int32_t map_size) {
    const double wide = high[0] - low[0], tall = high[1] - low[1], extent = wide > tall ? wide : tall;
    size = extent > 1e-6 && extent < 1e6 && high[2] - low[2] < 1e6 ? map_size : 0;
    texel = rounded(extent / (map_size - 2));
    step = rounded((high[2] - low[2] + 1e-6) / (1 << 28));
    left = rounded((low[0] + high[0]) / 2 - static_cast<double>(texel) * (map_size / 2));
    bottom = rounded((low[1] + high[1]) / 2 - static_cast<double>(texel) * (map_size / 2));
    far = rounded(low[2]);
  }
  static STRIATE_RENDER_CALL bool holds(const Point& p) {
    return p.x <= kFar && p.x >= -kFar && p.y <= kFar && p.y >= -kFar && p.z <= kFar && p.z >= -kFar;
  }
  STRIATE_RENDER_CALL Snapped snap(const Point& p) const {
    const double unit = static_cast<double>(texel) / 256;
    // The farthest vertex may lie behind `far` by a rounding.
    const auto height = static_cast<int32_t>((along(towards, p) - far) / step + 0.5);
    return {nearest_quotient(along(across, p) - left, unit), nearest_quotient(along(up, p) - bottom, unit),
            1 + (height < 0 ? 0 : height), 0};
  }
};

}  // namespace STRIATE_RENDER_SPACE
