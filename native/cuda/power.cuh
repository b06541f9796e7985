// x^n for x > 0 and a fixed n in [0, 200], as the ops that raise a rectified value to a power share it
// (ops/rectified_power.h). Integer n: repeated squaring in two floats. Other n: exp2(n log2 x) with log2 and the
// product in two floats: |n log2 x| <= 150 wherever the result is finite and not zero, so log2 x needs a relative error
// near 2^-33 for the result to keep float32 accuracy.
#pragma once
#include <bit>
#include <cmath>

#include "cuda/launch.cuh"
#include "ops/rectified_power.h"

namespace striate::cuda {

/// An exponent, prepared on the host.
struct Power {
  float high, low;  // n = high + low
  int whole;        // n when it is an integer, else -1
  float least;      // x below it count as 0
  // n = m 2^squares with an odd m: the bits of m after its first, from the top of the word, and a 1 behind them
  unsigned odd_bits = 0x80000000u;
  int squares = 0;

  explicit Power(double n)
      : high(static_cast<float>(n)),
        low(static_cast<float>(n - static_cast<double>(static_cast<float>(n)))),
        whole(n == std::floor(n) ? static_cast<int>(n) : -1),
        least(op::least_base(n)) {
    if (whole <= 0) return;
    squares = std::countr_zero(static_cast<unsigned>(whole));
    const unsigned odd = static_cast<unsigned>(whole) >> squares;
    odd_bits = (2 * odd + 1) << std::countl_zero(2 * odd) << 1;
  }
  /// n - 1, of the x whose power n counts; of all where that is x itself, and may be below 0.
  static Power below(double n, bool rectified = true) {
    Power power(n - 1);
    power.least = rectified ? op::least_base(n) : -INFINITY;
    return power;
  }
};

__device__ __forceinline__ float power_whole(float x, int n) {
  // Plain repeated squaring doubles what was lost at every square (n roundings in all): the square and the product
  // carry their rounding errors along.
  float x_low = 0, y = n & 1 ? x : 1.0f, y_low = 0;
  for (n >>= 1; n; n >>= 1) {  // the last square is one that the result uses, so none overflows in vain
    const float square = x * x;
    x_low = fmaf(x, x, -square) + 2.0f * x * x_low;
    x = square;
    if (n & 1) {
      const float product = y * x;
      y_low = fmaf(y, x, -product) + fmaf(y, x_low, y_low * x);
      y = product;
    }
  }
  return y < INFINITY ? y + y_low : y;
}

__device__ __forceinline__ float power_real(float x, float n_high, float n_low) {
  if (!(x < INFINITY)) return x;
  int exponent = 0;
  if (x < 1.17549435e-38f) {
    x *= 16777216.0f;
    exponent = -24;
  }
  // x = m 2^exponent with m in [sqrt(1/2), sqrt(2))
  const unsigned bits = __float_as_uint(x);
  int shift = static_cast<int>(bits >> 23) - 127;
  float m = __uint_as_float((bits & 0x007fffffu) | 0x3f800000u);
  if (m > 1.41421354f) {
    m *= 0.5f;
    shift += 1;
  }
  exponent += shift;
  // log2 m = (2 / ln 2) atanh(s), s = (m - 1) / (m + 1), in two floats
  const float numerator = m - 1.0f;  // exact
  const float denominator = m + 1.0f, denominator_low = m - (denominator - 1.0f);
  const float s = numerator / denominator;
  const float s_low = (fmaf(-s, denominator, numerator) - s * denominator_low) / denominator;
  const float t = s * s, t_low = fmaf(s, s, -t) + 2.0f * s * s_low;
  // atanh(s) = s (1 + t (1/3 + t q)); 1/3 in two floats as its term reaches 2^-6.7 of the whole
  const float q = fmaf(t, fmaf(t, fmaf(t, 1.0f / 11, 1.0f / 9), 1.0f / 7), 0.2f);
  const float third = 0.333333343f, third_low = -9.93410776e-9f;
  const float u = t * q;
  const float p = third + u, p_low = (u - (p - third)) + third_low;
  const float r = t * p, r_low = fmaf(t, p, -r) + fmaf(t, p_low, t_low * p);
  const float a = 1.0f + r, a_low = (r - (a - 1.0f)) + r_low;
  const float b = s * a, b_low = fmaf(s, a, -b) + fmaf(s, a_low, s_low * a);
  const float scale = 2.88539004f, scale_low = 3.85192598e-8f;  // 2 / ln 2
  const float l = b * scale, l_low = fmaf(b, scale, -l) + fmaf(b, scale_low, b_low * scale);
  const float e = static_cast<float>(exponent);
  const float log2 = e + l, log2_low = (fabsf(e) >= fabsf(l) ? l - (log2 - e) : e - (log2 - l)) + l_low;
  // n log2 x = whole + part
  const float z = n_high * log2, z_low = fmaf(n_high, log2, -z) + fmaf(n_high, log2_low, n_low * log2);
  if (z < -250.0f) return 0.0f;
  if (z > 250.0f) return INFINITY;
  const float whole = rintf(z);
  const float part = ((z - whole) + z_low) * 0.693147182f + ((z - whole) + z_low) * -1.90465421e-9f;
  float y = fmaf(part, 1.9841270e-4f, 1.3888889e-3f);
  y = fmaf(part, y, 8.3333333e-3f);
  y = fmaf(part, y, 4.1666667e-2f);
  y = fmaf(part, y, 1.6666667e-1f);
  y = fmaf(part, y, 0.5f);
  y = fmaf(part, fmaf(part, y, 1.0f), 1.0f);
  // 2^whole in two factors: only the last product may round to a subnormal
  const int i = static_cast<int>(whole), half = i / 2;
  return (y * __uint_as_float(static_cast<unsigned>(half + 127) << 23)) *
         __uint_as_float(static_cast<unsigned>(i - half + 127) << 23);
}

/// x^n for x > 0; 1 for n = 0.
__device__ __forceinline__ float power(float x, const Power& n) {
  return n.whole >= 0 ? power_whole(x, n.whole) : power_real(x, n.high, n.low);
}

/// max(x, 0)^n; NaN stays NaN.
__device__ __forceinline__ float rectified_power(float x, const Power& n) {
  return x >= n.least ? power(x, n) : (x < n.least ? 0.0f : x);
}

/// max(x, 0)^n with up to n + 4 roundings: plain repeated squaring where n is whole and not 0. Several at once share the
/// look at n.
template <int kCount>
__device__ __forceinline__ void rectify_by_squares(float (&x)[kCount], const Power& n) {
  float y[kCount];
  STRIATE_UNROLL
  for (int i = 0; i < kCount; ++i) y[i] = n.whole < 0 ? rectified_power(x[i], n) : x[i];
  const auto square = [&] {
    STRIATE_UNROLL
    for (int i = 0; i < kCount; ++i) y[i] *= y[i];
  };
  if (n.whole >= 0) {
    for (unsigned bits = n.odd_bits; bits != 0x80000000u; bits <<= 1) {
      square();
      STRIATE_UNROLL
      for (int i = 0; bits >> 31 && i < kCount; ++i) y[i] *= x[i];
    }
    for (int i = 0; i < n.squares; ++i) square();
  }
  STRIATE_UNROLL
  for (int i = 0; i < kCount; ++i) x[i] = x[i] >= n.least ? y[i] : (x[i] < n.least ? 0.0f : x[i]);
}

__device__ __forceinline__ float rectified_power_by_squares(float x, const Power& n) {
  float y[1] = {x};
  rectify_by_squares(y, n);
  return y[0];
}

}  // namespace striate::cuda
