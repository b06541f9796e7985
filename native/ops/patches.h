// What the ops on patches of images share.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct Patches {
  /// How a patch is scaled: divided by its 2-norm, or not at all.
  enum Normalise : int32_t { patch, none };
  static void normalise(OptionVisitor& v, int32_t& value) { v.choice("normalise", value, {"patch", "none"}); }
  /// Windows in all the images: the patches of one epoch.
  static int64_t patches(int64_t n, int64_t h, int64_t w, int64_t window) {
    return n * (h - window + 1) * (w - window + 1);
  }
};

}  // namespace striate::op
