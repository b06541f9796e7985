// Windows of u8 images gathered in a shuffled order: the patches of hebbian_learn and gather_patches. Included after
// simd/vec.h. A patch stays in bytes until its sum and its sum of squares are known; both are exact integers, so its
// mean and norm carry no rounding of a float32 sum.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/random.h"

#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS {

inline constexpr double kZeroPatch = 1e-12;  // |v|^2 of a patch that counts as zero
inline constexpr int kOffsets = 3 * kLanes;  // windows whose offsets are worked out at once

struct Windows {
  const uint8_t* images;  // [N,C,H,W]
  int64_t n, c, h, w, window;
  bool centre, unit;

  int64_t across() const { return w - window + 1; }
  int64_t per_image() const { return (h - window + 1) * across(); }
  int64_t count() const { return n * per_image(); }
  int64_t d() const { return c * window * window; }
};

/// Offsets in `images` of the windows at places [at, at + count) of a shuffled epoch, count <= kOffsets.
inline void shuffled_offsets(const Windows& s, const core::Permutation& order, uint64_t at, int count,
                             int64_t* offset) {
  uint32_t left[kOffsets], right[kOffsets];
  uint64_t index[kOffsets];
  // The first step of the walk for all at once, in lanes: the same arithmetic as core::Permutation. With fewer than
  // 2^31 rows and columns, reducing a sum is the smaller of two unsigned numbers.
  if (order.rows < 1u << 31 && order.columns < 1u << 31) {
    uint32_t l = static_cast<uint32_t>(at / order.columns), r = static_cast<uint32_t>(at % order.columns);
    for (int i = 0; i < kOffsets; ++i) {
      left[i] = l;
      right[i] = r;
      const bool wrap = ++r == order.columns;
      r = wrap ? 0 : r;
      l += wrap;
    }
    const auto half_round = [](uint32_t* __restrict to, const uint32_t* __restrict from, uint32_t key,
                               uint32_t modulus) {
      for (int i = 0; i < kOffsets; ++i) {
        const uint32_t hash = core::Permutation::mix(from[i] + key);
        const uint32_t sum = to[i] + static_cast<uint32_t>((static_cast<uint64_t>(hash) * modulus) >> 32);
        to[i] = sum < sum - modulus ? sum : sum - modulus;
      }
    };
    for (int round = 0; round < 8; round += 2) {
      half_round(left, right, order.keys[round], order.rows);
      half_round(right, left, order.keys[round + 1], order.columns);
    }
    for (int i = 0; i < kOffsets; ++i) index[i] = static_cast<uint64_t>(left[i]) * order.columns + right[i];
    for (int i = 0; i < count; ++i)
      if (index[i] >= order.count) index[i] = order(index[i]);
  } else {
    for (int i = 0; i < count; ++i) index[i] = order(at + static_cast<uint64_t>(i));
  }
  const int64_t per_image = s.per_image(), across = s.across(), pixels = s.c * s.h * s.w;
  for (int i = 0; i < count; ++i) {
    int64_t image, place;
    if (order.count < 1ull << 32) {  // a short division takes half the time
      image = static_cast<uint32_t>(index[i]) / static_cast<uint32_t>(per_image);
      place = static_cast<uint32_t>(index[i]) % static_cast<uint32_t>(per_image);
    } else {
      image = static_cast<int64_t>(index[i]) / per_image;
      place = static_cast<int64_t>(index[i]) % per_image;
    }
    const int64_t y = static_cast<uint32_t>(place) / static_cast<uint32_t>(across);
    offset[i] = image * pixels + y * s.w + (place - y * across);
  }
}

/// Asks for the cache lines of a window, so that they come from memory while another group is ranked.
STRIATE_INLINE void prefetch_window(const Windows& s, int64_t offset) {
  for (int64_t c = 0; c < s.c; ++c) {
    const uint8_t* p = s.images + offset + c * s.h * s.w;
    if (s.w <= 64) {
      const uint8_t* last = p + (s.window - 1) * s.w + s.window - 1;
      for (; p < last; p += 64) __builtin_prefetch(p, 0, 3);
      __builtin_prefetch(last, 0, 3);
    } else {
      for (int64_t r = 0; r < s.window; ++r, p += s.w) {
        for (int64_t i = 0; i < s.window; i += 64) __builtin_prefetch(p + i, 0, 3);
        __builtin_prefetch(p + s.window - 1, 0, 3);
      }
    }
  }
}

/// The bytes of a window, one after the other; writes up to 16 bytes past them.
STRIATE_INLINE void gather_bytes(const Windows& s, int64_t offset, uint8_t* to) {
  const int64_t plane = s.h * s.w, total = s.n * s.c * plane;
  const uint8_t* from = s.images + offset;
  if (s.window == 4) {
    for (int64_t c = 0; c < s.c; ++c, from += plane)
      for (int r = 0; r < 4; ++r, to += 4) std::memcpy(to, from + r * s.w, 4);
  } else if (s.window == 8) {
    for (int64_t c = 0; c < s.c; ++c, from += plane)
      for (int r = 0; r < 8; ++r, to += 8) std::memcpy(to, from + r * s.w, 8);
  } else if (offset + (s.c - 1) * plane + (s.window - 1) * s.w + s.window + 16 <= total) {
    for (int64_t c = 0; c < s.c; ++c, from += plane)
      for (int64_t r = 0; r < s.window; ++r, to += s.window)
        for (int64_t i = 0; i < s.window; i += 16) std::memcpy(to + i, from + r * s.w + i, 16);
  } else {  // the images end here
    for (int64_t c = 0; c < s.c; ++c, from += plane)
      for (int64_t r = 0; r < s.window; ++r)
        for (int64_t i = 0; i < s.window; ++i) *to++ = from[r * s.w + i];
  }
}

STRIATE_INLINE vi vload_bytes(const uint8_t* p) {  // GCC 12 takes __builtin_convertvector of bytes apart, lane by lane
#if STRIATE_SIMD == 4
  return (vi)_mm512_maskz_cvtepu8_epi32(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#elif STRIATE_SIMD == 3
  return (vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
#else
  return vi{p[0], p[1], p[2], p[3]};
#endif
}
STRIATE_INLINE vf vfloat(vi v) { return __builtin_convertvector(v, vf); }
template <int kStep, int... I>
STRIATE_INLINE int32_t vsum_steps(vi v, std::integer_sequence<int, I...> lanes) {
  v += __builtin_shufflevector(v, v, (I ^ kStep)...);
  if constexpr (kStep > 1)
    return vsum_steps<kStep / 2>(v, lanes);
  else
    return v[0];
}
STRIATE_INLINE int32_t vsum(vi v) { return vsum_steps<kLanes / 2>(v, std::make_integer_sequence<int, kLanes>{}); }

/// How bytes become a patch: factor * (bytes - whole - rest).
struct Normalised {
  int32_t whole = 0;
  float rest = 0, factor = 0;
  bool zero = false;  // it counts as zero, and is all zeros
};

/// Of d bytes, followed by zeros up to a whole vector.
STRIATE_INLINE Normalised measure_bytes(const Windows& s, const uint8_t* bytes, int64_t d) {
  int64_t sum = 0, squares = 0;
  for (int64_t from = 0; from < d;) {
    const int64_t until = d - from > (1 << 15) ? from + (1 << 15) : d;  // 2^15 * 255^2 < 2^31
    vi sums{}, squared{};
    for (; from < until; from += kLanes) {
      const vi x = vload_bytes(bytes + from);
      sums += x;
      squared += x * x;
    }
    sum += vsum(sums);
    squares += vsum(squared);
  }
  // The mean as a whole number and a rest below 1, so that the subtraction loses nothing where it cancels. Nor does the
  // norm: sum (x - whole)^2 is an integer of at least |sum (x - whole)| = d |rest| >= 2 d rest^2.
  int64_t whole = 0;
  double rest = 0;
  if (s.centre) {
    whole = (sum + d / 2) / d;
    rest = static_cast<double>(sum - whole * d) / static_cast<double>(d);
  }
  const double square =
      static_cast<double>(squares - 2 * whole * sum + whole * whole * d) - static_cast<double>(d) * rest * rest;
  return {static_cast<int32_t>(whole), static_cast<float>(rest),
          s.unit ? static_cast<float>(1 / std::sqrt(square)) : 1 / 255.0f, square <= kZeroPatch * 255 * 255};
}

/// Turns such bytes into the patch v: a multiple of kLanes numbers, those past d unspecified.
STRIATE_INLINE void normalise_bytes(const Windows& s, const uint8_t* bytes, int64_t d, const Normalised& how,
                                    float* v) {
  if (how.zero) {
    for (int64_t i = 0; i < d; i += kLanes) vstore(v + i, vf{});
    return;
  }
  const vi whole_part = vset(how.whole);
  const vf rest_part = vspread(how.rest), factor = vspread(how.factor);
  for (int64_t i = 0; i < d; i += kLanes) {
    const vf x = vfloat(vload_bytes(bytes + i) - whole_part) - rest_part;
    vstore(v + i, s.unit ? x * factor : x / 255.0f);
  }
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
