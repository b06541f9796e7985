// What render_scenes shows behind its objects. A point of the screen is (x, y), -1 to 1, y up; its ray is
// (x / focal, y / focal, 1) in the camera's frame and d in the world's. Surfaces are matt.
//   picture  the floor's material at the affine image of (x, y), as it is; without one a gradient from horizon (y = -1)
//            to zenith (y = 1)
//   land     the ground where the ray goes down to it, lit, mixed with the horizon's colour by z / (z + haze) over the
//            distance z; above it hills, whose elevation is
//              hills (1/2 + cos(3a + p) / 4 + 3 cos(7a + 2p) / 20 + cos(13a + 3p) / 10)
//            at the azimuth a (from x towards z), half in haze; then the sky from horizon to zenith over the first 30
//            degrees, and clouds where their texture exceeds a half
//   room     the walls of the box from low to high that the ray meets from within, lit
// Textures of the ground, the floor and the ceiling lie along (x, z), of walls along (z, y) or (x, y).
#pragma once
#include "core/render_shade.h"

namespace STRIATE_RENDER_SPACE {

template <class F, class I>
STRIATE_RENDER_CALL Vec<F> picture_at(const Scene& s, const Library& library, F x, F y) {
  if (s.floor < 0) return mix(spread<F>(s.horizon), spread<F>(s.zenith), y * 0.5f + 0.5f);
  const float* m = library.materials + int64_t(12) * s.floor;
  const Vec<F> first = spread<F>(m);
  const int32_t texture = static_cast<int32_t>(m[6]);
  if (texture < 0) return first;
  const float area = s.picture[0] * s.picture[3] - s.picture[1] * s.picture[2];
  const F texels = lanes_sqrt(same<F>(area < 0 ? -area : area)) * (256 * s.pixel * s.focal);
  const F value =
      texture_value(library.textures + int64_t(87381) * texture, I{}, x * s.picture[0] + y * s.picture[1] + s.offset[0],
                    x * s.picture[2] + y * s.picture[3] + s.offset[1], texture_level(texels));
  return mix(first, spread<F>(m + 3), value);
}

template <class F, class M>
STRIATE_RENDER_CALL Vec<F> select(M mask, const Vec<F>& yes, const Vec<F>& no) {
  return {lanes_select(mask, yes.x, no.x), lanes_select(mask, yes.y, no.y), lanes_select(mask, yes.z, no.z)};
}

/// The hills along a ray: how high they are, as the tangent of their elevation, in the direction (c, z) on the ground.
template <class F>
STRIATE_RENDER_CALL F ridge_at(const Scene& s, F c, F z) {
  struct Turn {
    F c, s;
  };
  const auto turned = [](const Turn& a, const Turn& b) { return Turn{a.c * b.c - a.s * b.s, a.c * b.s + a.s * b.c}; };
  const Turn one = {c, z}, three = turned(turned(one, one), one), six = turned(three, three), seven = turned(six, one);
  const Turn thirteen = turned(seven, six);
  return ((three.c * s.ridge[0] - three.s * s.ridge[1]) * 0.25f +
          (seven.c * s.ridge[2] - seven.s * s.ridge[3]) * 0.15f +
          (thirteen.c * s.ridge[4] - thirteen.s * s.ridge[5]) * 0.1f + 0.5f) *
         s.hills;
}

/// The sky above a ray whose direction is d, `flat` long along the ground.
template <class F, class I>
STRIATE_RENDER_CALL Vec<F> sky_at(const Scene& s, const Library& library, const Vec<F>& d, F flat) {
  const F rise = lanes_max(d.y, F{}) / lanes_sqrt(flat * flat + d.y * d.y);
  const Vec<F> horizon = spread<F>(s.horizon);
  Vec<F> colour = mix(horizon, spread<F>(s.zenith), lanes_min(rise * 2.0f, same<F>(1.0f)));
  if (s.ceiling >= 0) {
    const float* m = library.materials + int64_t(12) * s.ceiling;
    const int32_t texture = static_cast<int32_t>(m[6]);
    if (texture >= 0) {
      const F nearer = 1.0f / (lanes_max(d.y, F{}) + flat * 0.1f);
      const F value = texture_value(library.textures + int64_t(87381) * texture, I{}, d.x * nearer * m[7] + s.offset[0],
                                    d.z * nearer * m[7] + s.offset[1], texture_level(nearer * (256 * m[7] * s.pixel)));
      const F share = lanes_max(value * 2.0f - 1.0f, F{}) * lanes_min(rise * 4.0f, same<F>(1.0f));
      colour = mix(colour, spread<F>(m + 3), share);
    }
  }
  const F elevation = d.y / flat;
  if (s.hills > 0 && lanes_any(elevation < s.hills)) {
    const F c = d.x / flat, z = d.z / flat;
    const float lean = 0.70710678f;  // of the slopes, towards the camera
    const F facing = lanes_max((s.sun_world[1] - c * s.sun_world[0] - z * s.sun_world[2]) * lean, F{});
    const Vec<F> albedo =
        albedo_at<F, I>(library, s.wall, s.offset, (c - z) * 10.0f, elevation * 10.0f, same<F>(10 * s.pixel));
    const Vec<F> hill = mix(times(albedo, light(s, facing, same<F>(lean))), horizon, same<F>(0.5f));
    colour = select(elevation < ridge_at(s, c, z), hill, colour);
  }
  return colour;
}

/// The ground that a ray of direction d, `length` long, meets at the distance t times that.
template <class F, class I, class Map>
STRIATE_RENDER_CALL Vec<F> ground_at(const Scene& s, const Library& library, const Map* map, const Vec<F>& ray,
                                     const Vec<F>& d, F length, F t) {
  const F steep = lanes_sqrt(length / lanes_max(-d.y, length * 1e-4f));
  const Vec<F> albedo = albedo_at<F, I>(library, s.floor, s.offset, s.position[0] + d.x * t, s.position[2] + d.z * t,
                                        t * steep * s.pixel);
  const float facing = s.sun_world[1] > 0 ? s.sun_world[1] : 0.0f;
  const F share = sun_share<F, I>(s.view, map, Vec<F>{ray.x * t, ray.y * t, ray.z * t});
  const F far = t * length;
  return mix(times(albedo, light(s, share * facing, same<F>(1.0f))), spread<F>(s.horizon),
             far / lanes_max(far + s.haze, same<F>(1e-6f)));
}

template <class F, class I, class Map>
STRIATE_RENDER_CALL Vec<F> land_at(const Scene& s, const Library& library, const Map* map, const Vec<F>& ray,
                                   const Vec<F>& d) {
  const F flat = lanes_sqrt(lanes_max(d.x * d.x + d.z * d.z, same<F>(1e-12f)));
  const F height = same<F>(s.position[1] - s.low[1]);
  const auto down = (d.y < 0.0f) & (height > 0.0f);
  Vec<F> colour = {};
  if (lanes_any(!down)) colour = sky_at<F, I>(s, library, d, flat);
  if (lanes_any(down)) {
    const F t = height / lanes_select(down, -d.y, same<F>(1.0f));
    colour = select(down, ground_at<F, I>(s, library, map, ray, d, lanes_sqrt(flat * flat + d.y * d.y), t), colour);
  }
  return colour;
}

template <class F, class I, class Map>
STRIATE_RENDER_CALL Vec<F> room_at(const Scene& s, const Library& library, const Map* map, const Vec<F>& ray,
                                   const Vec<F>& d) {
  // Distance along the ray to the wall that it meets on each axis.
  const auto reach = [&](F step, int k) {
    const F far = lanes_select(step > 0.0f, same<F>(s.high[k] - s.position[k]), same<F>(s.low[k] - s.position[k]));
    return lanes_select(step == 0.0f, same<F>(1e6f),
                        lanes_max(far / lanes_select(step == 0.0f, same<F>(1.0f), step), F{}));
  };
  const F tx = reach(d.x, 0), ty = reach(d.y, 1), tz = reach(d.z, 2);
  const F nearest = lanes_min(lanes_min(tx, ty), lanes_min(tz, same<F>(1e6f)));
  const auto level = ty <= nearest, side = tx <= nearest;  // the floor or the ceiling; else a wall across x; else z
  const Vec<F> at = {ray.x * nearest, ray.y * nearest, ray.z * nearest};
  const Vec<F> world = {s.position[0] + d.x * nearest, s.position[1] + d.y * nearest, s.position[2] + d.z * nearest};
  const F length = lanes_sqrt(dot(d, d));
  const F across = lanes_select(level, d.y, lanes_select(side, d.x, d.z));
  const F steep = lanes_sqrt(length / lanes_max(lanes_max(across, -across), length * 1e-4f));
  const F metres = nearest * steep * s.pixel;
  const F u = lanes_select(level, world.x, lanes_select(side, world.z, world.x));
  const F v = lanes_select(level, world.z, world.y);
  const auto lower = d.y < 0.0f;
  Vec<F> albedo = {};
  if (lanes_any(!level)) albedo = albedo_at<F, I>(library, s.wall, s.offset, u, v, metres);
  if (lanes_any(level & lower))
    albedo = select(level & lower, albedo_at<F, I>(library, s.floor, s.offset, u, v, metres), albedo);
  if (lanes_any(level & !lower))
    albedo = select(level & !lower, albedo_at<F, I>(library, s.ceiling, s.offset, u, v, metres), albedo);
  // The normal points against the ray.
  const F sign = lanes_select(across > 0.0f, same<F>(-1.0f), same<F>(1.0f));
  const F towards = lanes_select(level, same<F>(s.sun_world[1]),
                                 lanes_select(side, same<F>(s.sun_world[0]), same<F>(s.sun_world[2])));
  const F facing = lanes_max(towards * sign, F{});
  const F upwards = lanes_select(level, sign, F{});
  return times(albedo, light(s, facing * sun_share<F, I>(s.view, map, at), upwards));
}

/// Light from behind the objects at a point of the screen; not of a photo.
template <class F, class I, class Map>
STRIATE_RENDER_CALL Vec<F> background_at(const Scene& s, const Library& library, const Map* map, F x, F y) {
  if (s.background == 0) return picture_at<F, I>(s, library, x, y);
  const Vec<F> ray = {x * (1 / s.focal), y * (1 / s.focal), same<F>(1.0f)};
  const auto row = [&](int k) {
    return ray.x * s.rotation[3 * k] + ray.y * s.rotation[3 * k + 1] + s.rotation[3 * k + 2];
  };
  const Vec<F> d = {row(0), row(1), row(2)};
  return s.background == 1 ? land_at<F, I>(s, library, map, ray, d) : room_at<F, I>(s, library, map, ray, d);
}

}  // namespace STRIATE_RENDER_SPACE
