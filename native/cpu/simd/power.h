// max(x, 0)^n for vectors, 0 where it is below the normal numbers: decided on x, so that no product is subnormal. Integer
// n: repeated squaring, every partial power between 1 and the result, so that none overflows unless the result does.
// Other n: exp2(n log2 x) in float64 (relative error 1e-9 before the one rounding to float32). Included after simd/vec.h.
#pragma once
#include "ops/rectified_power.h"

#include "cpu/simd/wide.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// x[i] = start[i] * x[i]^n, n >= 1; multiplied low bit first.
template <int kCount>
STRIATE_INLINE void raise(vf (&x)[kCount], uint32_t n) {
  for (; !(n & 1); n >>= 1)
    for (int i = 0; i < kCount; ++i) x[i] *= x[i];
  vf result[kCount];
  for (int i = 0; i < kCount; ++i) result[i] = x[i];
  while (n >>= 1) {
    for (int i = 0; i < kCount; ++i) x[i] *= x[i];
    if (n & 1)
      for (int i = 0; i < kCount; ++i) result[i] *= x[i];
  }
  for (int i = 0; i < kCount; ++i) x[i] = result[i];
}

/// x^n for x >= 0, in float64: x = 2^e m with m in [sqrt(1/2), sqrt(2)), log2 m = 2/ln 2 * atanh((m - 1) / (m + 1)).
STRIATE_INLINE vd raise_real(vd x, double n) {
  const vl bits = (vl)x;
  const vl exponent = (bits - 0x3fe6a09e667f3bcd) >> 52;
  const vd m = (vd)(bits - (exponent << 52));
  const double shift = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves a small integer in the low bits
  const vd e = (vd)(exponent + 0x4338000000000000) - shift;
  const vd s = (m - 1.0) / (m + 1.0), z = s * s;  // z <= 0.0295: the first term left out is z^7 / 15 < 2e-12 of the sum
  vd series = z * (1.0 / 13) + 1.0 / 11;
  series = series * z + 1.0 / 9;
  series = series * z + 1.0 / 7;
  series = series * z + 1.0 / 5;
  series = series * z + 1.0 / 3;
  series = series * z + 1.0;
  vd t = n * (e + 2.8853900817779268 * s * series);
  t = t < -1000.0 ? vd{} - 1000.0
                  : t;  // beyond float32 either way, even times a small factor: 0 or infinity once rounded
  t = t > 1000.0 ? vd{} + 1000.0 : t;
  const vd whole = t + shift;
  const vd f =
      (t - (whole - shift)) * 0.69314718055994531;  // |f| <= 0.347: the first term left out is f^9 / 9! < 3e-10
  vd exp = f * (1.0 / 40320) + 1.0 / 5040;
  exp = exp * f + 1.0 / 720;
  exp = exp * f + 1.0 / 120;
  exp = exp * f + 1.0 / 24;
  exp = exp * f + 1.0 / 6;
  exp = exp * f + 0.5;
  exp = exp * f + 1.0;
  exp = exp * f + 1.0;
  return (vd)((vl)exp + ((vl)whole << 52));
}

/// The exponent of one call, sorted into its two methods once.
struct Power {
  explicit Power(double n, bool rectified = true)
      : real(n),
        integer(n == static_cast<double>(static_cast<uint32_t>(n)) ? static_cast<uint32_t>(n) : 0),
        least(rectified ? op::least_base(n) : -__builtin_inff()) {}
  double real;
  uint32_t integer;  // 0: not an integer
  float least;       // x below it count as 0; none does where n is 1 and x stays as it is

  /// 0 where the power is (of -0 too); NaN stays.
  STRIATE_INLINE vf rectify(vf x) const { return x < least ? vf{} : x; }

  /// x[i] = max(x[i], 0)^n
  template <int kCount>
  STRIATE_INLINE void apply(vf (&x)[kCount]) const {
    for (int i = 0; i < kCount; ++i) x[i] = rectify(x[i]);
    if (integer) return raise(x, integer);
    for (int i = 0; i < kCount; ++i) {
      vd wide[2];
      widen(x[i], wide);
      for (vd& half : wide) half = raise_real(half, real);
      const vf y = narrow(wide);
      x[i] = x[i] == x[i] ? y : x[i];
    }
  }
  /// x[i] = gy[i] * n * max(x[i], 0)^(n - 1), 0 where max(x[i], 0)^n is. gy * n is multiplied in first: the product then
  /// stays between that and the result.
  template <int kCount>
  STRIATE_INLINE void slope(vf (&x)[kCount], const vf (&gy)[kCount]) const {
    for (int i = 0; i < kCount; ++i) {
      x[i] = rectify(x[i]);
      vf y;
      if (integer) {
        y = gy[i] * static_cast<float>(integer);
        vf square = x[i];
        for (uint32_t rest = integer - 1; rest;) {
          if (rest & 1) y *= square;
          if (rest >>= 1) square *= square;  // not once more than is used: that one may be subnormal
        }
      } else {
        vd wide[2], factor[2];
        widen(x[i], wide);
        widen(gy[i], factor);
        for (int half = 0; half < 2; ++half) wide[half] = raise_real(wide[half], real - 1) * (factor[half] * real);
        y = narrow(wide);
      }
      y = x[i] < least ? vf{} : y;
      x[i] = x[i] == x[i] ? y : x[i];
    }
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
