// render_scenes   N images of scenes of triangle meshes, 4 samples a pixel, in linear light and then sRGB; what of
//                 object 0 is seen, and what hides it. Columns of the inputs are named below; lib/ops/render.ts says
//                 them for callers.
//   Frames        poses map an object's frame to the camera's: x right, y up, z forward. A pose may mirror (meshes are
//                 right-handed, the camera's frame is left-handed): the outside of a mesh stays its outside. Linear
//                 parts are taken for rotations times one factor where normals and sizes of texels are concerned.
//   Coverage      a vertex is moved in float64 and rounded to float32, projected in float64 and rounded to 1/256 of a
//                 pixel; edge functions are then integers, with a top-left rule, at 4 samples on a rotated grid
//                 (kSampleX, kSampleY in core/render_geometry.h). Nearness is the integer 2^23 / z, linear over the
//                 snapped triangle with slopes of float32 (float64 sums, held to the range of its vertices). The nearest
//                 sample is seen; of equals the one of the lower object, then of the lower triangle. Triangles are cut
//                 at z = 1/32 and at 2^13 pixels from the middle. Faces turned away are left out unless their material
//                 is two-sided. Objects stand before every background.
//   Shading       once for each triangle seen in a pixel, at the mean of its samples there:
//                   albedo (sun max(0, n.s) lit + ambient(n)) + specular sun lit x / (e - e x + x),  x = max(0, n.h)
//                 ambient between below and above by n's share upwards; the highlight is Schlick's form of Blinn's with
//                 exponent e. Albedo: colour and second colour mixed by the texture (trilinear, level by distance alone),
//                 whose coordinates leave out the object's axis nearest to the sum of the three vertex normals.
//   Shadows       `lit` from a map of the faces turned away from the sun (both, of two-sided materials), in a square
//                 around all objects of the scene, as wide as the image (64 to 512, a multiple of 16), four neighbours
//                 weighted, 2 texels of bias.
//   Backgrounds   core/render_background.h.
//   counts        i32 [N,6]: samples of object 0 that are seen, samples of it in the frame that other objects hide, box
//                 of the pixels with a seen sample (left, top, right, bottom, the last two exclusive; zeros when unseen)
// Counts, masks and depths are the same on every device. Images repeat to the bit on one device and instruction set.
// Rows out of range, and poses and worlds that are not finite, are DataErrors when the queue reaches them.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct RenderScenes {
  static constexpr const char* signature =
      "vertices f32 [V,6], triangles i32 [F,4], meshes i32 [M,4], textures u8 [T,87381], materials f32 [K,12], "
      "places i32 [N,B,2], poses f32 [N,B,14], worlds f32 [N,50], photos? u8 [N,3,S,S] -> images? u8 [N,3,S,S], "
      "counts i32 [N,6], masks? u8 [N,S,S], depths? f32 [N,S,S]";

  // Columns of meshes.
  enum Mesh : int { first_vertex, vertex_count, first_triangle, triangle_count };
  // Columns of materials.
  enum Material : int { colour = 0, second_colour = 3, texture = 6, tiles, specular, exponent, two_sided };
  static constexpr int kMaterial = 12, kPose = 14, kWorld = 50;
  // Columns of worlds.
  enum World : int {
    rotation = 0,  // camera -> world, rows
    position = 9,  // of the camera
    focal = 12,    // 1 / tan(field of view / 2)
    sun = 13,      // direction to it, of length 1
    sun_colour = 16,
    above = 19,  // ambient light
    below = 22,
    background = 25,  // Background
    floor = 26,       // rows of materials
    wall = 27,
    ceiling = 28,
    horizon = 29,  // colours
    zenith = 32,
    low = 35,  // corners of the room; the height of the land is low's
    high = 38,
    haze = 41,        // distance at which half is haze
    hills = 42,       // height, as the tangent of the elevation
    hill_phase = 43,  // radians
    picture = 44,     // 2 x 2, rows: from (x, y) in -1 .. 1 to tiles
    offset = 48,      // of every texture of the background, in tiles
  };
  enum Background : int { in_picture, on_land, in_room, of_photo, kBackgrounds };
  // A texture is a grey tile of 256 x 256 bytes and its levels of half the side, down to one byte.
  static constexpr int kTile = 256, kLevels = 9, kTexels = 87381;
  static constexpr int64_t kLargest = 2048, kMostTextures = 24000;  // their bytes have numbers of 31 bits

  /// Texels a side of the sun's map of an image.
  static int32_t sun_map_size(int64_t size) {
    const int64_t wide = (size + 15) / 16 * 16;
    return static_cast<int32_t>(wide < 64 ? 64 : wide > 512 ? 512 : wide);
  }

  struct Options {
    int64_t size = 64;
    bool shadows = true;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.integer("size", o.size, 1, kLargest);
    v.flag("shadows", o.shadows);
  }
  static void infer(Shapes& s, const Options& o) {
    if (s['T'] > kMostTextures)
      s.refuse("textures", core::shape_text(s.input("textures")), "at most " + std::to_string(kMostTextures) + " rows");
    if (s.has("photos") && s['S'] != o.size)
      s.refuse("photos", core::shape_text(s.input("photos")), "[N,3,S,S] with S = " + std::to_string(o.size));
    s.set('S', o.size);
  }
};

}  // namespace striate::op
