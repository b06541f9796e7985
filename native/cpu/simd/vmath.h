// exp and square root of a vector, and a scalar spread over the lanes as it is. Included after simd/vec.h.
// vexp: x = n ln 2 + r with |r| <= ln 2 / 2 (ln 2 in two parts, so that n times the first is exact), a polynomial of
// degree 7 for e^r, and 2^n in two factors, as 2^128 is none. Largest error over every 211th float32 from -87.3 to 88.7:
// 1.04 ulp with fused multiply-add, 0.99 without; 0 below, where e^x is no normal number, and such numbers are slow on
// some processors; infinity above 89, NaN stays NaN.
#pragma once
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {

/// x in every lane, the sign of zero kept (x - 0 folds away; x + 0 must not).
STRIATE_INLINE vf vspread(float x) { return x - vf{}; }

STRIATE_INLINE vf vsqrt(vf x) {
#if STRIATE_SIMD == 4
  return (vf)_mm512_maskz_sqrt_ps(0xffff, (__m512)x);  // unmasked in effect; GCC 12 warns of the plain one
#elif STRIATE_SIMD == 3
  return (vf)_mm256_sqrt_ps((__m256)x);
#elif defined(__ARM_NEON) && defined(__aarch64__)
  return (vf)vsqrtq_f32((float32x4_t)x);
#elif defined(__SSE2__)
  return (vf)_mm_sqrt_ps((__m128)x);
#else
  for (int i = 0; i < kLanes; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

STRIATE_INLINE vf vexp(vf x) {
  const vf least = vspread(-87.3365f);                      // e^least is the smallest normal number, 2^-126
  const vf bounded = vmin(vmax(least, x), vspread(89.0f));  // a NaN passes vmax and is put back below
  const vf magic = vspread(12582912.0f);                    // 1.5 * 2^23: adding it rounds to an integer
  const vf shifted = vfma(bounded, vspread(1.44269504f), magic);
  const vf n = shifted - magic;
  vf r = vfma(n, vspread(-0.693359375f), bounded);
  r = vfma(n, vspread(2.12194440e-4f), r);
  vf p = vspread(1.0f / 5040);
  p = vfma(p, r, vspread(1.0f / 720));
  p = vfma(p, r, vspread(1.0f / 120));
  p = vfma(p, r, vspread(1.0f / 24));
  p = vfma(p, r, vspread(1.0f / 6));
  p = vfma(p, r, vspread(0.5f));
  p = vfma(p, r * r, r) + 1.0f;
  const vi exponent = (vi)shifted - (vi)magic, half = exponent >> 1;
  const vf low = (vf)((half + 127) << 23), high = (vf)((exponent - half + 127) << 23);
  const vf y = p * low * high;
  return vselect(x != x, x, vselect(x > 89.0f, vspread(__builtin_inff()), vselect(x < least, vf{}, y)));
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
