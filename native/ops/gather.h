// gather_images   y[n] = images[rows[n]], moved: with shift [N,3] = (down, right, flip),
//                 y[n,c,h,w] = images[rows[n], c, h - down, w' - right], w' = flip ? W - 1 - w : w,
//                 zeros where that lies outside (a random crop of a padded image, mirrored). y has the element type of
//                 images. A row outside [0, M) is a DataError when the queue reaches it.
// gather_patches  minibatch `step` of the endless sequence that hebbian_learn visits (its head says how): patches of
//                 u8 images / 255, or of f32 images as they are, [C,window,window] each, minus its own mean if
//                 `centre`, divided by its 2-norm if normalise is 'patch' (a patch with |v|^2 <= 1e-12 becomes zeros).
//                 Sums are exact integers of bytes, and float64 of floats.
// Repeatable to the bit.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct GatherImages {
  static constexpr const char* signature =
      "images u8|f32 [M,C,H,W], rows i32 [N], shift? i32 [N,3] -> y u8|f32 [N,C,H,W]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes& s, const Options&) { s.set_output("y", s.input("images").dtype); }
};

struct GatherPatches : Patches {
  static constexpr const char* signature = "images u8|f32 [N,C,H,W] -> patches f32 [B,D]";
  struct Options {
    int64_t window = 4, batch = 1000, step = 0, seed = 0;
    int32_t normalise = patch;
    bool centre = false;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.integer("window", o.window, 1, 1 << 12);
    v.integer("batch", o.batch, 1, 1 << 24);
    v.integer("step", o.step, 0, int64_t(1) << 40);
    v.integer("seed", o.seed, 0, (int64_t(1) << 53) - 1);
    Patches::normalise(v, o.normalise);
    v.flag("centre", o.centre);
  }
  static void infer(Shapes& s, const Options& o) {
    if (o.window > s['H'] || o.window > s['W'])
      s.refuse("window", std::to_string(o.window), "at most the images' height and width", core::ErrorKind::option);
    const int64_t count = patches(s['N'], s['H'], s['W'], o.window);
    if (o.batch > count)
      s.refuse("batch", std::to_string(o.batch), "at most the " + std::to_string(count) + " patches of the images",
               core::ErrorKind::option);
    s.set('B', o.batch);
    s.set('D', s['C'] * o.window * o.window);
  }
};

}  // namespace striate::op
