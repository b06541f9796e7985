// Float64 vectors for the few places that need them, half as many lanes as vf; and stores past the caches or of a few
// lanes. Included after simd/vec.h.
#pragma once
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {

using vd = double __attribute__((vector_size(kLanes * 4)));
using vl = int64_t __attribute__((vector_size(kLanes * 4)));
using vhalf = float __attribute__((vector_size(kLanes * 2)));

// GCC converts such vectors half by half, through memory.
STRIATE_INLINE void widen(vf x, vd (&wide)[2]) {
#if STRIATE_SIMD == 4
  wide[0] = (vd)_mm512_maskz_cvtps_pd(0xff, _mm512_extractf32x8_ps((__m512)x, 0));
  wide[1] = (vd)_mm512_maskz_cvtps_pd(0xff, _mm512_extractf32x8_ps((__m512)x, 1));
#elif STRIATE_SIMD == 3
  wide[0] = (vd)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x));
  wide[1] = (vd)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x, 1));
#else
  vhalf half[2];
  std::memcpy(half, &x, sizeof x);
  wide[0] = __builtin_convertvector(half[0], vd);
  wide[1] = __builtin_convertvector(half[1], vd);
#endif
}
/// kLanes / 2 float32 numbers as float64.
STRIATE_INLINE vd vload_wide(const float* p) {
#if STRIATE_SIMD == 4
  return (vd)_mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(p));
#elif STRIATE_SIMD == 3
  return (vd)_mm256_cvtps_pd(_mm_loadu_ps(p));
#else
  vhalf half;
  std::memcpy(&half, p, sizeof half);
  return __builtin_convertvector(half, vd);
#endif
}
/// Rounds to the nearest float32, subnormals included.
STRIATE_INLINE vf narrow(const vd (&wide)[2]) {
#if STRIATE_SIMD == 4
  const __m256 low = _mm512_maskz_cvtpd_ps(0xff, (__m512d)wide[0]),
               high = _mm512_maskz_cvtpd_ps(0xff, (__m512d)wide[1]);
  return (vf)_mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
#elif STRIATE_SIMD == 3
  return (vf)_mm256_set_m128(_mm256_cvtpd_ps((__m256d)wide[1]), _mm256_cvtpd_ps((__m256d)wide[0]));
#else
  const vhalf half[2] = {__builtin_convertvector(wide[0], vhalf), __builtin_convertvector(wide[1], vhalf)};
  vf x;
  std::memcpy(&x, half, sizeof x);
  return x;
#endif
}
/// As many numbers as x has, each rounded to the nearest float32.
STRIATE_INLINE void vstore_narrow(float* p, vd x) {
#if STRIATE_SIMD == 4
  _mm256_storeu_ps(p, _mm512_maskz_cvtpd_ps(0xff, (__m512d)x));
#elif STRIATE_SIMD == 3
  _mm_storeu_ps(p, _mm256_cvtpd_ps((__m256d)x));
#else
  const vhalf half = __builtin_convertvector(x, vhalf);
  std::memcpy(p, &half, sizeof half);
#endif
}
STRIATE_INLINE vd vload(const double* p) {
  vd v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
STRIATE_INLINE void vstore(double* p, vd v) { std::memcpy(p, &v, sizeof v); }
STRIATE_INLINE vd load_lanes(const double* p) { return vload(p); }
/// The first n < kLanes / 2 numbers; the other lanes are 0.
STRIATE_INLINE vd load_some(const double* p, int64_t n) {
#if STRIATE_SIMD == 4
  return (vd)_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p);
#else
  double lane[kLanes / 2] = {};
  for (int64_t i = 0; i < n; ++i) lane[i] = p[i];
  return vload(lane);
#endif
}
STRIATE_INLINE double widen(double x) { return x; }

/// x in every lane, the sign of zero kept.
STRIATE_INLINE vd vspread(double x) { return x - vd{}; }
STRIATE_INLINE vd vfma(vd a, vd b, vd c) {
#if STRIATE_SIMD == 4
  return (vd)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif STRIATE_SIMD == 3
  return (vd)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__ARM_NEON)
  return (vd)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
  return a * b + c;
#endif
}
/// Sum of the lanes in a fixed tree.
STRIATE_INLINE double vsum(vd v) {
  double lane[kLanes / 2];
  std::memcpy(lane, &v, sizeof v);
#pragma GCC unroll 4
  for (int width = kLanes / 4; width > 0; width /= 2)
#pragma GCC unroll 4
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  return lane[0];
}

STRIATE_INLINE vd vsqrt(vd x) {
#if STRIATE_SIMD == 4
  return (vd)_mm512_maskz_sqrt_pd(0xff, (__m512d)x);
#elif STRIATE_SIMD == 3
  return (vd)_mm256_sqrt_pd((__m256d)x);
#elif defined(__SSE2__)
  return (vd)_mm_sqrt_pd((__m128d)x);
#else
  for (int i = 0; i < kLanes / 2; ++i) x[i] = __builtin_sqrt(x[i]);
  return x;
#endif
}

/// Stores past the caches where the set can; p is aligned to the vector. A thread ends its stores with stream_fence.
STRIATE_INLINE void vstream(float* p, vf v) {
#if STRIATE_SIMD == 4
  _mm512_stream_ps(p, (__m512)v);
#elif STRIATE_SIMD == 3
  _mm256_stream_ps(p, (__m256)v);
#elif defined(__SSE2__)
  _mm_stream_ps(p, (__m128)v);
#else
  vstore(p, v);
#endif
}
STRIATE_INLINE void stream_fence() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

/// Writes the first `count` lanes, 1 to kLanes.
STRIATE_INLINE void vstore_some(float* p, vf v, int count) {
#if STRIATE_SIMD == 4
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), (__m512)v);
#elif STRIATE_SIMD == 3
  const vi lane = {0, 1, 2, 3, 4, 5, 6, 7};
  _mm256_maskstore_ps(p, (__m256i)(lane < count), (__m256)v);
#else
  for (int i = 0; i < count; ++i) p[i] = v[i];
#endif
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
