// rectified_power       y = max(x, 0)^n                        (equation 3 of Grinberg, Hopfield, Krotov 2019)
// rectified_power_grad  gx = gy * n * max(x, 0)^(n-1)          0 where y is, for every n, n = 1 included
// Element by element, any shape. Relative error at most (n + 4) * 2^-24 (repeated squaring in float32 doubles earlier
// roundings); other n through logarithm and exponential in more than
// float32. y is 0 where it would be below 2^-126, the smallest normal number: a response of 1e-38 is nothing, and numbers
// below it cost some processors a hundred cycles each. NaN stays NaN. Repeatable to the bit.
#pragma once
#include <cmath>

#include "ops/contract.h"

namespace striate::op {

/// The least x whose power n counts: that of smaller ones is below 2^-126, to the rounding of this number.
inline float least_base(double n) { return static_cast<float>(std::exp2(-126 / n)); }

struct RectifiedPower {
  static constexpr const char* signature = "x f32 [...] -> y f32 [...]";
  struct Options {
    double power = 1;
  };
  static void options(OptionVisitor& v, Options& o) { v.real("power", o.power, 1, 200); }
  static void infer(Shapes&, const Options&) {}
};

struct RectifiedPowerGrad : RectifiedPower {
  static constexpr const char* signature = "x f32 [...], gy f32 [...] -> gx f32 [...]";
};

}  // namespace striate::op
