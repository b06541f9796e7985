// How render_scenes shades, for the CPU (vectors of pixels) and CUDA (a pixel a thread): F is float or a vector of them,
// I the integers beside it, comparisons give what lanes_select takes. Includers open a namespace and mark functions as
// render_geometry.h says, and give lanes_min, lanes_max, lanes_sqrt, lanes_select, lanes_int (towards zero),
// lanes_float, lanes_bits, lanes_any (of comparisons), lanes_bytes and lanes_pair (of memory, by index).
#pragma once
#include <cstdint>

#include "core/render_geometry.h"

namespace STRIATE_RENDER_SPACE {

template <class F>
struct Vec {
  F x, y, z;
};
template <class F>
STRIATE_RENDER_CALL F dot(const Vec<F>& a, const Vec<F>& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
template <class F>
STRIATE_RENDER_CALL F dot(const float (&a)[3], const Vec<F>& b) {
  return b.x * a[0] + b.y * a[1] + b.z * a[2];
}
template <class F>
STRIATE_RENDER_CALL Vec<F> cross(const Vec<F>& a, const Vec<F>& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
template <class F>
STRIATE_RENDER_CALL Vec<F> minus(const Vec<F>& a, const Vec<F>& b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}
template <class F>
STRIATE_RENDER_CALL F same(float x) {
  return F{} + x;
}
template <class F>
STRIATE_RENDER_CALL Vec<F> spread(const float* colour) {
  return {same<F>(colour[0]), same<F>(colour[1]), same<F>(colour[2])};
}
/// Between low and high; low for NaN.
template <class F>
STRIATE_RENDER_CALL F between(F x, float low, float high) {
  return lanes_min(lanes_max(x, same<F>(low)), same<F>(high));
}
/// a + share (b - a) of colours.
template <class F>
STRIATE_RENDER_CALL Vec<F> mix(const Vec<F>& a, const Vec<F>& b, F share) {
  return {a.x + share * (b.x - a.x), a.y + share * (b.y - a.y), a.z + share * (b.z - a.z)};
}

/// Of an angle in radians, to about 1e-9: from the series at half of it. An angle of a million or more counts as 0.
STRIATE_RENDER_CALL void cosine_and_sine(double angle, double* cosine, double* sine) {
  const double turns = angle < 1e6 && angle > -1e6 ? angle * 0.15915494309189535 : 0;
  const auto whole = static_cast<int32_t>(turns < 0 ? turns - 0.5 : turns + 0.5);
  const double half = (turns - whole) * 3.141592653589793, square = half * half;
  double c = 0, s = 0;
  for (int k = 14; k > 0; k -= 2) {
    c = 1 - (square / ((k - 1) * k)) * (k == 14 ? 1 : c);
    s = 1 - (square / (k * (k + 1))) * (k == 14 ? 1 : s);
  }
  s *= half;
  *cosine = 1 - 2 * s * s;
  *sine = 2 * s * c;
}

/// What all pixels of an image have in common: a row of worlds, unpacked.
struct Scene {
  float rotation[9], position[3], focal;
  float sun_world[3], sun[3], up[3];  // directions; the last two in the camera's frame
  float sun_colour[3], above[3], below[3];
  float horizon[3], zenith[3], low[3], high[3];
  float haze, hills, ridge[6];  // cosine and sine of the phase, of twice and of three times it
  float picture[4], offset[2];
  int32_t background, floor, wall, ceiling;
  float pixel;  // side of a pixel at depth 1
  SunView view;

  STRIATE_RENDER_CALL void set(const float* world, int64_t size) {
    const auto copy = [&](float* to, int from, int count) {
      for (int i = 0; i < count; ++i) to[i] = world[from + i];
    };
    copy(rotation, 0, 9);
    copy(position, 9, 3);
    focal = world[12];
    copy(sun_world, 13, 3);
    copy(sun_colour, 16, 3);
    copy(above, 19, 3);
    copy(below, 22, 3);
    background = static_cast<int32_t>(world[25]);
    floor = static_cast<int32_t>(world[26]);
    wall = static_cast<int32_t>(world[27]);
    ceiling = static_cast<int32_t>(world[28]);
    copy(horizon, 29, 3);
    copy(zenith, 32, 3);
    copy(low, 35, 3);
    copy(high, 38, 3);
    haze = world[41];
    hills = world[42];
    copy(picture, 44, 4);
    copy(offset, 48, 2);
    pixel = 2 / (focal * static_cast<float>(size));
    double s[3];
    for (int k = 0; k < 3; ++k) {
      s[k] = (rotation[k] * static_cast<double>(sun_world[0]) + rotation[3 + k] * static_cast<double>(sun_world[1])) +
             rotation[6 + k] * static_cast<double>(sun_world[2]);
      sun[k] = static_cast<float>(s[k]);
      up[k] = rotation[3 + k];
    }
    double c, sine;
    cosine_and_sine(world[43], &c, &sine);
    double turned[2] = {1, 0};
    for (int n = 0; n < 3; ++n) {
      const double real = turned[0] * c - turned[1] * sine, imaginary = turned[0] * sine + turned[1] * c;
      ridge[2 * n] = static_cast<float>(turned[0] = real);
      ridge[2 * n + 1] = static_cast<float>(turned[1] = imaginary);
    }
    view = {};
    view.set_axes(s);
  }
};

/// Rows of materials (columns: op::RenderScenes::Material) and textures.
struct Library {
  const float* materials;
  const uint8_t* textures;
};

/// Factor of a pose, taken for a rotation times that.
STRIATE_RENDER_CALL float scale_of(const float* m) {
  float square = 0;
  for (int row = 0; row < 12; row += 4) square += m[row] * m[row] + m[row + 1] * m[row + 1] + m[row + 2] * m[row + 2];
  return lanes_sqrt(square * (1.0f / 3));
}

/// Level of a texture at so many texels a pixel: their base-2 logarithm, linear between powers of two, from 0 to 8.
template <class F>
STRIATE_RENDER_CALL F texture_level(F texels) {
  return lanes_min(lanes_float(lanes_bits(between(texels, 1.0f, 512.0f)) - 0x3f800000) * (1.0f / (1 << 23)),
                   same<F>(8.0f));
}

/// One level's value, 0 to 255, between its four nearest texels. u and v are in tiles, from 0 to 1.
template <class F, class I>
STRIATE_RENDER_CALL F texels_at(const uint8_t* textures, I tile, F u, F v, I level) {
  const I side = (I{} + 256) >> level, last = side - 1;
  const I from = tile + 0x15555 - ((I{} + 0x15555) >> (level + level));
  // A whole side more, so that what is cut off is the floor.
  const F wide = lanes_float(side), x = u * wide + (wide - 0.5f), y = v * wide + (wide - 0.5f);
  const I column = lanes_int(x), row = lanes_int(y);
  const F right = x - lanes_float(column), down = y - lanes_float(row);
  const I x0 = column & last, x1 = (column + 1) & last;
  const I y0 = from + (row & last) * side, y1 = from + ((row + 1) & last) * side;
  const I end = tile + 0x15555;
  F a, b, c, d;
  lanes_bytes(textures, y0 + x0, y0 + x1, end, a, b);
  lanes_bytes(textures, y1 + x0, y1 + x1, end, c, d);
  const F top = a + right * (b - a), bottom = c + right * (d - c);
  return top + down * (bottom - top);
}

/// Value of a texture from 0 to 1. `tile` is the offset of its bytes.
template <class F, class I>
STRIATE_RENDER_CALL F texture_value(const uint8_t* textures, I tile, F u, F v, F level) {
  const auto fraction = [](F x) {
    const F bounded = between(x, -1e6f, 1e6f), rest = bounded - lanes_float(lanes_int(bounded));
    return lanes_select(rest < 0.0f, rest + 1.0f, rest);
  };
  u = fraction(u);
  v = fraction(v);
  const I lower = lanes_int(level);
  const F share = level - lanes_float(lower), first = texels_at(textures, tile, u, v, lower);
  if (!lanes_any(share > 0.0f)) return first * (1.0f / 255);
  const F second = texels_at(textures, tile, u, v, lower + lanes_select(lower < 8, I{} + 1, I{}));
  return (first + share * (second - first)) * (1.0f / 255);
}

/// Colour of one material at (u, v) metres, `texels` of a tile of a metre to a pixel.
template <class F, class I>
STRIATE_RENDER_CALL Vec<F> albedo_at(const Library& library, int32_t row, const float (&offset)[2], F u, F v,
                                     F metres) {
  const float* m = library.materials + int64_t(12) * row;
  const Vec<F> first = spread<F>(m);
  const int32_t texture = static_cast<int32_t>(m[6]);
  if (texture < 0) return first;
  const float tiles = m[7];
  const F level = texture_level(metres * (256 * tiles));
  const F value = texture_value(library.textures + int64_t(87381) * texture, I{}, u * tiles + offset[0],
                                v * tiles + offset[1], level);
  return mix(first, spread<F>(m + 3), value);
}

/// Share of the sun that reaches a point of the camera's frame, 0 to 1. The map holds the nearest to the sun.
template <class F, class I, class Map>
STRIATE_RENDER_CALL F sun_share(const SunView& view, const Map* map, const Vec<F>& p) {
  if (view.size == 0) return same<F>(1.0f);
  const float scale = 1 / view.texel;
  const F x = (dot(view.across, p) - view.left) * scale - 0.5f, y = (dot(view.up, p) - view.bottom) * scale - 0.5f;
  const float last = static_cast<float>(view.size - 2);
  const auto within = (x >= 0.0f) & (x <= last) & (y >= 0.0f) & (y <= last);
  if (!lanes_any(within)) return same<F>(1.0f);
  const F bounded_x = between(x, 0.0f, last), bounded_y = between(y, 0.0f, last);
  const I column = lanes_int(bounded_x), row = lanes_int(bounded_y);
  const F right = bounded_x - lanes_float(column), down = bounded_y - lanes_float(row);
  const F height = lanes_max((dot(view.towards, p) - view.far + 2 * view.texel) * (1 / view.step) + 1.0f, F{});
  const I at = row * view.size + column;
  const auto lit = [&](I index) {
    F left, next;
    lanes_pair(map, index, left, next);
    return lanes_select(left > height, F{}, 1.0f - right) + lanes_select(next > height, F{}, right);
  };
  const F top = lit(at), bottom = lit(at + view.size);
  return lanes_select(within, top + down * (bottom - top), same<F>(1.0f));
}

/// Light of a matt surface: `sunlit` the cosine to the sun times its share, `upwards` the cosine to the zenith.
template <class F>
STRIATE_RENDER_CALL Vec<F> light(const Scene& s, F sunlit, F upwards) {
  const F share = upwards * 0.5f + 0.5f;
  return {sunlit * s.sun_colour[0] + (share * (s.above[0] - s.below[0]) + s.below[0]),
          sunlit * s.sun_colour[1] + (share * (s.above[1] - s.below[1]) + s.below[1]),
          sunlit * s.sun_colour[2] + (share * (s.above[2] - s.below[2]) + s.below[2])};
}
template <class F>
STRIATE_RENDER_CALL Vec<F> times(const Vec<F>& a, const Vec<F>& b) {
  return {a.x * b.x, a.y * b.y, a.z * b.z};
}

/// A triangle where it is seen.
template <class F, class I>
struct Fragment {
  Vec<F> corner, edge[2], moment;  // the first corner, the edges from it, and the first one's moment about the camera
  Vec<F> normal[3];                // of the corners; all in the camera's frame
  F u[3], v[3];                    // texture coordinates of the corners in tiles, without the offset
  Vec<F> colour, second_colour;
  F texels;  // of its texture a metre in the camera's frame, times the side of a pixel at depth 1
  F offset_u, offset_v, specular, exponent;
  I tile;  // offset of its texture; -1 for none
  I both;  // 1 where it is seen from both sides
};

/// Vertices are rows of `vertices`, `corner` where the pose puts them; `scale` is the pose's factor.
STRIATE_RENDER_CALL Fragment<float, int32_t> fragment_of(const Scene& s, const float* pose, float scale,
                                                         const float* material, const float* const (&vertex)[3],
                                                         const Point (&corner)[3]) {
  Fragment<float, int32_t> f;
  f.corner = {corner[0].x, corner[0].y, corner[0].z};
  for (int i = 0; i < 2; ++i) f.edge[i] = minus({corner[i + 1].x, corner[i + 1].y, corner[i + 1].z}, f.corner);
  f.moment = cross({-f.corner.x, -f.corner.y, -f.corner.z}, f.edge[0]);
  float sum[3] = {};
  for (int i = 0; i < 3; ++i) {
    const float* n = vertex[i] + 3;
    f.normal[i] = {pose[0] * n[0] + pose[1] * n[1] + pose[2] * n[2], pose[4] * n[0] + pose[5] * n[1] + pose[6] * n[2],
                   pose[8] * n[0] + pose[9] * n[1] + pose[10] * n[2]};
    for (int k = 0; k < 3; ++k) sum[k] += n[k];
  }
  for (float& x : sum) x = x < 0 ? -x : x;
  const bool along_y = sum[1] > sum[0], along_z = sum[2] > (along_y ? sum[1] : sum[0]);
  const int first = along_z || along_y ? 0 : 2, second = along_y && !along_z ? 2 : 1;
  const float tiles = material[7];
  for (int i = 0; i < 3; ++i) {
    f.u[i] = vertex[i][first] * tiles;
    f.v[i] = vertex[i][second] * tiles;
  }
  f.colour = {material[0], material[1], material[2]};
  f.second_colour = {material[3], material[4], material[5]};
  f.texels = 256 * tiles * s.pixel / scale;
  f.offset_u = pose[12];
  f.offset_v = pose[13];
  f.specular = material[8];
  f.exponent = material[9];
  f.tile = material[6] < 0 ? -1 : static_cast<int32_t>(material[6]) * 87381;
  f.both = material[10] != 0;
  return f;
}

struct Place {
  float x, y;
};
/// The mean of the samples of `mask` in a pixel, in 1/256 of it.
STRIATE_RENDER_CALL Place middle_of(int mask) {
  int across = 0, down = 0, count = 0;
  for (int i = 0; i < 4; ++i) {
    const int taken = mask >> i & 1;
    across += taken * sample_x(i);
    down += taken * sample_y(i);
    count += taken;
  }
  const float share = 1.0f / static_cast<float>(count);
  return {static_cast<float>(across) * share, static_cast<float>(down) * share};
}
/// Where that is on the screen, -1 to 1, y up, of a pixel of an image of that size.
template <class F>
STRIATE_RENDER_CALL F screen_x(F middle, F column, int32_t size) {
  return (column * 256.0f + middle) * (1.0f / static_cast<float>(128 * size)) - 1.0f;
}
template <class F>
STRIATE_RENDER_CALL F screen_y(F middle, F row, int32_t size) {
  return 1.0f - (row * 256.0f + middle) * (1.0f / static_cast<float>(128 * size));
}

/// Light that reaches the camera from a fragment at (x, y) of the screen.
template <class F, class I, class Map>
STRIATE_RENDER_CALL Vec<F> shade(const Scene& s, const Library& library, const Map* map, const Fragment<F, I>& f, F x,
                                 F y) {
  const Vec<F> ray = {x * (1 / s.focal), y * (1 / s.focal), same<F>(1.0f)};
  // Where the ray meets the triangle (Moeller and Trumbore), in shares of its corners.
  const Vec<F>&e1 = f.edge[0], &e2 = f.edge[1], p = cross(ray, e2), from = {-f.corner.x, -f.corner.y, -f.corner.z};
  const F determinant = dot(e1, p), inverse = 1.0f / lanes_select(determinant == 0.0f, same<F>(1.0f), determinant);
  const F b1 = between(dot(from, p) * inverse, 0.0f, 1.0f), b2 = between(dot(ray, f.moment) * inverse, 0.0f, 1.0f);
  const F b0 = lanes_max(1.0f - b1 - b2, F{});
  const Vec<F> at = {f.corner.x + b1 * e1.x + b2 * e2.x, f.corner.y + b1 * e1.y + b2 * e2.y,
                     f.corner.z + b1 * e1.z + b2 * e2.z};
  Vec<F> n = {b0 * f.normal[0].x + b1 * f.normal[1].x + b2 * f.normal[2].x,
              b0 * f.normal[0].y + b1 * f.normal[1].y + b2 * f.normal[2].y,
              b0 * f.normal[0].z + b1 * f.normal[1].z + b2 * f.normal[2].z};
  F turn = 1.0f / lanes_sqrt(lanes_max(dot(n, n), same<F>(1e-20f)));
  turn = lanes_select((f.both != 0) & (dot(n, ray) > 0.0f), -turn, turn);
  n = {n.x * turn, n.y * turn, n.z * turn};

  F value = {};
  if (lanes_any(f.tile >= 0))
    value = texture_value(library.textures, lanes_select(f.tile < 0, I{}, f.tile),
                          b0 * f.u[0] + b1 * f.u[1] + b2 * f.u[2] + f.offset_u,
                          b0 * f.v[0] + b1 * f.v[1] + b2 * f.v[2] + f.offset_v, texture_level(f.texels * at.z));
  const Vec<F> albedo = mix(f.colour, f.second_colour, lanes_select(f.tile < 0, F{}, value));

  // Looked up beside the surface: where it turns away from the sun, the map is about itself.
  const float beside = 2 * s.view.texel;
  const F facing = lanes_max(dot(s.sun, n), F{});
  const F sunlit = sun_share<F, I>(s.view, map, {at.x + n.x * beside, at.y + n.y * beside, at.z + n.z * beside});
  const Vec<F> matt = times(albedo, light(s, facing * sunlit, dot(s.up, n)));
  const F length = 1.0f / lanes_sqrt(dot(ray, ray));
  const Vec<F> half = {s.sun[0] - ray.x * length, s.sun[1] - ray.y * length, s.sun[2] - ray.z * length};
  const F cosine = lanes_max(dot(half, n), F{}) / lanes_sqrt(lanes_max(dot(half, half), same<F>(1e-20f)));
  const F highlight =
      lanes_select(facing > 0.0f, f.specular * sunlit * cosine / (f.exponent - f.exponent * cosine + cosine), F{});
  return {matt.x + highlight * s.sun_colour[0], matt.y + highlight * s.sun_colour[1],
          matt.z + highlight * s.sun_colour[2]};
}

/// Linear light of a byte of sRGB, from a polynomial of degree 5: off by less than 0.02 of a level.
STRIATE_RENDER_CALL float decode(uint8_t byte) {
  const float x = static_cast<float>(byte) * (1.0f / 255);
  const float curve = ((((0.08620678f * x - 0.30487885f) * x + 0.66515642f) * x + 0.52003504f) * x + 0.03266702f) * x;
  return x <= 0.04045f ? x * (1 / 12.92f) : curve + 0.0009195f;
}

/// sRGB of linear light, 0 to 255: x^(5/12) from two square roots and a polynomial of degree 4 in x^(1/4), off by less
/// than 0.01.
template <class F, class I>
STRIATE_RENDER_CALL I encode(F x) {
  x = between(x, 0.0f, 1.0f);
  const F r = lanes_sqrt(lanes_sqrt(x));
  const F curve = (((0.07708998f * r - 0.31801083f) * r + 1.06415309f) * r + 0.18591081f) * r - 0.00911047f;
  return lanes_int(lanes_select(x < 0.0031308f, x * (12.92f * 255), curve * (1.055f * 255) - 0.055f * 255) + 0.5f);
}

}  // namespace STRIATE_RENDER_SPACE
