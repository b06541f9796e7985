// What core/render_shade.h asks of vectors of pixels; then that, core/render_geometry.h and core/render_background.h
// made of them.
#pragma once
#include "cpu/simd/vmath.h"
#include "cpu/simd/wide.h"

#define STRIATE_RENDER_SPACE striate::cpu::STRIATE_SIMD_NS
#define STRIATE_RENDER_CALL STRIATE_INLINE
#define STRIATE_RENDER_SQRT __builtin_sqrt

namespace striate::cpu::STRIATE_SIMD_NS {

STRIATE_INLINE vf lanes_min(vf a, vf b) { return vmin(a, b); }
STRIATE_INLINE vf lanes_max(vf a, vf b) { return vmax(a, b); }
STRIATE_INLINE vf lanes_sqrt(vf a) { return vsqrt(a); }
STRIATE_INLINE float lanes_sqrt(float a) { return __builtin_sqrtf(a); }
STRIATE_INLINE vf lanes_select(vi mask, vf yes, vf no) { return vselect(mask, yes, no); }
STRIATE_INLINE vi lanes_select(vi mask, vi yes, vi no) { return vselect(mask, yes, no); }
STRIATE_INLINE vi lanes_int(vf a) { return __builtin_convertvector(a, vi); }
STRIATE_INLINE vf lanes_float(vi a) { return __builtin_convertvector(a, vf); }
STRIATE_INLINE vi lanes_bits(vf a) { return (vi)a; }

/// Numbers at some places, and those after them.
STRIATE_INLINE void lanes_pair(const float* from, vi at, vf& first, vf& second) {
  for (int l = 0; l < kLanes; ++l) {
    first[l] = from[at[l]];
    second[l] = from[at[l] + 1];
  }
}
/// The first lane of each four in all of them.
STRIATE_INLINE vi first_of_four(vi x) {
#if STRIATE_SIMD == 4
  return (vi)_mm512_maskz_shuffle_epi32(0xffff, (__m512i)x, _MM_PERM_AAAA);
#elif STRIATE_SIMD == 3
  return (vi)_mm256_shuffle_epi32((__m256i)x, 0);
#else
  return vset(x[0]);
#endif
}
/// A bit for each lane of a comparison that holds.
STRIATE_INLINE unsigned lane_bits(vi mask) {
#if STRIATE_SIMD == 4
  return _mm512_movepi32_mask((__m512i)mask);
#elif STRIATE_SIMD == 3
  return static_cast<unsigned>(_mm256_movemask_ps((__m256)mask));
#elif defined(__SSE2__)
  return static_cast<unsigned>(_mm_movemask_ps((__m128)mask));
#else
  unsigned bits = 0;
  for (int i = 0; i < kLanes; ++i) bits |= static_cast<unsigned>(mask[i] & 1) << i;
  return bits;
#endif
}
/// Bytes at two places as floats. The second is mostly the next one: a word brings both. None reaches past `end`.
STRIATE_INLINE void lanes_bytes(const uint8_t* from, vi at, vi next, [[maybe_unused]] vi end, vf& first, vf& second) {
#if STRIATE_SIMD >= 3
  const auto words = [&](vi place) {
    const vi last = end - 4, start = vselect(place > last, last, place);
#if STRIATE_SIMD == 4
    const vi word = (vi)_mm512_mask_i32gather_epi32(_mm512_setzero_si512(), 0xffff, (__m512i)start, from, 1);
    return (vi)_mm512_maskz_srlv_epi32(0xffff, (__m512i)word, (__m512i)((place - start) << 3));
#else
    const vi word = (vi)_mm256_i32gather_epi32(reinterpret_cast<const int32_t*>(from), (__m256i)start, 1);
    return (vi)_mm256_srlv_epi32((__m256i)word, (__m256i)((place - start) << 3));
#endif
  };
  const vi both = words(at), apart = next != at + 1;
  first = lanes_float(both & 255);
  second = lanes_float((both >> 8) & 255);
  if (lane_bits(apart)) second = vselect(apart, lanes_float(words(next) & 255), second);
#else
  for (int i = 0; i < kLanes; ++i) {
    first[i] = static_cast<float>(from[at[i]]);
    second[i] = static_cast<float>(from[next[i]]);
  }
#endif
}

STRIATE_INLINE bool lanes_any(vi mask) { return lane_bits(mask) != 0; }
/// Stores numbers from 0 to 255 as kLanes bytes.
STRIATE_INLINE void store_bytes(uint8_t* to, vi x) {
#if STRIATE_SIMD == 4
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_maskz_cvtepi32_epi8(0xffff, (__m512i)x));
#elif STRIATE_SIMD == 3
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128((__m256i)x), _mm256_extracti128_si256((__m256i)x, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
#else
  for (int i = 0; i < kLanes; ++i) to[i] = static_cast<uint8_t>(x[i]);
#endif
}

STRIATE_INLINE void widen(vi x, vd (&wide)[2]) {
#if STRIATE_SIMD == 4
  wide[0] = (vd)_mm512_maskz_cvtepi32_pd(0xff, _mm512_extracti32x8_epi32((__m512i)x, 0));
  wide[1] = (vd)_mm512_maskz_cvtepi32_pd(0xff, _mm512_extracti32x8_epi32((__m512i)x, 1));
#elif STRIATE_SIMD == 3
  wide[0] = (vd)_mm256_cvtepi32_pd(_mm256_castsi256_si128((__m256i)x));
  wide[1] = (vd)_mm256_cvtepi32_pd(_mm256_extracti128_si256((__m256i)x, 1));
#else
  wide[0] = vd{static_cast<double>(x[0]), static_cast<double>(x[1])};
  wide[1] = vd{static_cast<double>(x[2]), static_cast<double>(x[3])};
#endif
}
/// Whole parts.
STRIATE_INLINE vi whole(const vd (&wide)[2]) {
#if STRIATE_SIMD == 4
  return (vi)_mm512_inserti32x8(_mm512_castsi256_si512(_mm512_maskz_cvttpd_epi32(0xff, (__m512d)wide[0])),
                                _mm512_maskz_cvttpd_epi32(0xff, (__m512d)wide[1]), 1);
#elif STRIATE_SIMD == 3
  return (vi)_mm256_set_m128i(_mm256_cvttpd_epi32((__m256d)wide[1]), _mm256_cvttpd_epi32((__m256d)wide[0]));
#else
  return vi{static_cast<int32_t>(wide[0][0]), static_cast<int32_t>(wide[0][1]), static_cast<int32_t>(wide[1][0]),
            static_cast<int32_t>(wide[1][1])};
#endif
}
STRIATE_INLINE vd vmin(vd a, vd b) {
#if STRIATE_SIMD == 4
  return (vd)_mm512_maskz_min_pd(0xff, (__m512d)a, (__m512d)b);
#elif STRIATE_SIMD == 3
  return (vd)_mm256_min_pd((__m256d)a, (__m256d)b);
#else
  return a < b ? a : b;
#endif
}
STRIATE_INLINE vd vmax(vd a, vd b) {
#if STRIATE_SIMD == 4
  return (vd)_mm512_maskz_max_pd(0xff, (__m512d)a, (__m512d)b);
#elif STRIATE_SIMD == 3
  return (vd)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
  return a > b ? a : b;
#endif
}

}  // namespace striate::cpu::STRIATE_SIMD_NS

#include "core/render_background.h"
