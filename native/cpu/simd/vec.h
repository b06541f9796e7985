// Float vectors as wide as the instruction set has them: 16 lanes (v4), 8 (v3), 4 (baseline: SSE2, NEON). Included
// after simd/begin.h, once per instruction set; everything is in its namespace. Plain GCC/clang vector types: operators
// work lane by lane, `a * b + c` contracts to one fused multiply-add where the set has it.
#pragma once
#if STRIATE_SIMD >= 3
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif
#include <cstring>

#define STRIATE_INLINE inline __attribute__((always_inline))

namespace striate::cpu::STRIATE_SIMD_NS {

#if STRIATE_SIMD == 4
inline constexpr int kLanes = 16;
#elif STRIATE_SIMD == 3
inline constexpr int kLanes = 8;
#else
inline constexpr int kLanes = 4;
#endif
using vf = float __attribute__((vector_size(kLanes * 4)));
using vi = int32_t __attribute__((vector_size(kLanes * 4)));

STRIATE_INLINE vf vload(const float* p) {  // any alignment
  vf v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
STRIATE_INLINE void vstore(float* p, vf v) { std::memcpy(p, &v, sizeof v); }
STRIATE_INLINE vi vload(const int32_t* p) {
  vi v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
STRIATE_INLINE void vstore(int32_t* p, vi v) { std::memcpy(p, &v, sizeof v); }

/// The first n <= kLanes numbers at p, then zeros, reading nothing beyond.
STRIATE_INLINE vf vload_part(const float* p, int64_t n) {
#if STRIATE_SIMD == 4
  return (vf)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
#else
  float lane[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) lane[i] = p[i];
  return vload(lane);
#endif
}
STRIATE_INLINE void vstore_part(float* p, vf v, int64_t n) {
#if STRIATE_SIMD == 4
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), (__m512)v);
#else
  float lane[kLanes];
  vstore(lane, v);
  for (int64_t i = 0; i < n; ++i) p[i] = lane[i];
#endif
}

STRIATE_INLINE vf vset(float x) { return vf{} + x; }  // -0.0f becomes 0.0f
STRIATE_INLINE vi vset(int32_t x) { return vi{} + x; }

STRIATE_INLINE vf vfma(vf a, vf b, vf c) {
#if STRIATE_SIMD == 4
  return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif STRIATE_SIMD == 3
  return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_NEON)
  return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}
/// a > b ? a : b in each lane (b where either is NaN, as the x86 instruction does).
STRIATE_INLINE vf vmax(vf a, vf b) {
#if STRIATE_SIMD == 4
  return (vf)_mm512_maskz_max_ps(0xffff, (__m512)a, (__m512)b);  // unmasked in effect; GCC 12 warns of the plain one
#elif STRIATE_SIMD == 3
  return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
  return (vf)_mm_max_ps((__m128)a, (__m128)b);
#else
  return a > b ? a : b;
#endif
}
STRIATE_INLINE vf vmin(vf a, vf b) {
#if STRIATE_SIMD == 4
  return (vf)_mm512_maskz_min_ps(0xffff, (__m512)a, (__m512)b);
#elif STRIATE_SIMD == 3
  return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
  return (vf)_mm_min_ps((__m128)a, (__m128)b);
#else
  return a < b ? a : b;
#endif
}
STRIATE_INLINE vf vselect(vi mask, vf yes, vf no) { return mask ? yes : no; }  // mask from a comparison: a > b
STRIATE_INLINE vi vselect(vi mask, vi yes, vi no) { return mask ? yes : no; }

/// Sum of the lanes in a fixed tree: half of them to the other half, and so on.
STRIATE_INLINE float vsum(vf v) {
#if STRIATE_SIMD == 4
  const auto eight = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                     __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
#elif STRIATE_SIMD == 3
  const vf eight = v;
#endif
#if STRIATE_SIMD >= 3
  const auto four =
      __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
#else
  const vf four = v;
#endif
  const auto two = four + __builtin_shufflevector(four, four, 2, 3, 2, 3);
  return two[0] + two[1];
}

/// Widens kLanes bf16 numbers to float32, exactly.
STRIATE_INLINE vf vload_bf16(const uint16_t* p) {
  uint32_t wide[kLanes];
  for (int i = 0; i < kLanes; ++i) wide[i] = static_cast<uint32_t>(p[i]) << 16;
  vf v;
  std::memcpy(&v, wide, sizeof v);
  return v;
}
/// Rounds to the nearest bf16, ties to even; NaN stays NaN.
STRIATE_INLINE uint16_t to_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  const bool number = (bits & 0x7fffffffu) <= 0x7f800000u;
  return static_cast<uint16_t>((number ? bits + 0x7fff + ((bits >> 16) & 1) : bits | 0x400000u) >> 16);
}
/// The bf16 numbers nearest to the lanes (as to_bf16), in float32.
STRIATE_INLINE vf nearest_bf16(vf x) {
  const vi number = x == x, bits = (vi)x;
  const vi nearest = ((bits & number) + 0x7fff + ((bits >> 16) & 1)) & static_cast<int32_t>(0xffff0000);
  return (vf)vselect(number, nearest, bits | 0x400000);
}
STRIATE_INLINE void vstore_bf16(uint16_t* p, vf v) {
  using vh = uint16_t __attribute__((vector_size(kLanes * 2)));
  using vu = uint32_t __attribute__((vector_size(kLanes * 4)));
  const vh halves = __builtin_convertvector((vu)nearest_bf16(v) >> 16, vh);
  std::memcpy(p, &halves, sizeof halves);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
