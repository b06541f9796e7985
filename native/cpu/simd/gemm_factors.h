// What gemm.h multiplies: factors as they lie in memory, packed in panels, or read in place. Included after
// simd/begin.h.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "cpu/simd/wide.h"
#include "cpu/simd/widen.h"

namespace striate::cpu::STRIATE_SIMD_NS::gemm {
namespace {

#if STRIATE_SIMD == 4
constexpr int kRows = 8, kVectors = 3;  // 24 of 32 registers accumulate
constexpr int64_t kBlockRows = 14 * kRows;
#else
constexpr int kRows = 6, kVectors = 2;  // 12 of 16
constexpr int64_t kBlockRows = 20 * kRows;
#endif
constexpr int64_t kDepth = 384, kBlockBytes = 720 << 10, kChunkBytes = 384 << 10, kNearBytes = 128 << 10, kStep = 16;

/// What a product in S (the type of c) is made of: vectors, four numbers of one row, and the width of a tile.
template <class S>
struct Numbers;
template <>
struct Numbers<float> {
  using Vector = vf;
  using Four = float __attribute__((vector_size(16)));
};
template <>
struct Numbers<double> {
  using Vector = vd;
  using Four = double __attribute__((vector_size(32)));
};
template <class S>
constexpr int kLanesOf = kLanes * 4 / sizeof(S);
template <class S>
constexpr int kColumns = kVectors * kLanesOf<S>;

/// a or b. `x` stands for a row of a or a column of b; element (x, k) is data[x * stride + k] where k is contiguous,
/// else data[k * stride + x].
template <class T>
struct Factor {
  using Packed = std::conditional_t<sizeof(T) == 8, double, float>;
  const T* data;
  int64_t stride;
  bool k_contiguous;
};
/// Float32 rows (one a k) minus a row in float64, rounded once.
struct Centred {
  using Packed = float;
  const float* data;
  int64_t stride;
  const double* centre;
};

template <class S>
STRIATE_INLINE typename Numbers<S>::Four load4(const S* p) {
  typename Numbers<S>::Four v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
STRIATE_INLINE Numbers<float>::Four load4(const uint16_t* p) {
  return Numbers<float>::Four{widen(p[0]), widen(p[1]), widen(p[2]), widen(p[3])};
}

/// `count` numbers and zeros, or a whole vector.
template <class T>
STRIATE_INLINE auto load_rest(const T* p, int64_t count) {
  return count < kLanesOf<typename Factor<T>::Packed> ? load_some(p, count) : load_lanes(p);
}

/// One panel: dst[k * W + x] for x in [0, width), zero beyond in the vectors that hold any.
template <int W, class T, class S>
void pack_panel(const Factor<T>& f, int64_t x0, int width, int64_t k0, int64_t kc, S* dst) {
  using Four = typename Numbers<S>::Four;
  if (!f.k_contiguous) {
    const T* p = f.data + k0 * f.stride + x0;
    for (int64_t k = 0; k < kc; ++k, p += f.stride, dst += W) {
      constexpr int kWhole = W / kLanesOf<S> * kLanesOf<S>;
      if (width < W) {
        if constexpr (kWhole == W)  // Tiles read no vector of zeros.
          for (int x = 0; x < width; x += kLanesOf<S>) vstore(dst + x, load_rest(p + x, width - x));
        else
          for (int x = 0; x < W; ++x) dst[x] = x < width ? widen(p[x]) : 0;
        continue;
      }
#pragma GCC unroll 8
      for (int x = 0; x < kWhole; x += kLanesOf<S>) vstore(dst + x, load_lanes(p + x));
      for (int x = kWhole; x < W; x += 4) {  // The last four overlap with others.
        const Four last = load4(p + std::min(x, W - 4));
        std::memcpy(dst + std::min(x, W - 4), &last, sizeof last);
      }
    }
    return;
  }
  // Transposed by 4 x 4, eight cache lines of each of four rows at a time: with a stride of a power of two more rows
  // would share a cache set, and shorter runs leave the prefetcher behind.
  const T* p = f.data + x0 * f.stride + k0;
  const int whole = width / 4 * 4;
  for (int64_t k = 0; k + 4 <= kc; k += 128) {
    const int64_t end = std::min<int64_t>(k + 128, kc - 3);
    for (int x = 0; x < whole; x += 4)
      for (int64_t i = k; i < end; i += 4) {
        const T* q = p + x * f.stride + i;
        const Four a = load4(q), b = load4(q + f.stride), c = load4(q + 2 * f.stride), d = load4(q + 3 * f.stride);
        const Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
        const Four ef = __builtin_shufflevector(a, b, 2, 6, 3, 7), gh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
        const Four r[4] = {__builtin_shufflevector(ab, cd, 0, 1, 4, 5), __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
                           __builtin_shufflevector(ef, gh, 0, 1, 4, 5), __builtin_shufflevector(ef, gh, 2, 3, 6, 7)};
        for (int j = 0; j < 4; ++j) std::memcpy(dst + (i + j) * W + x, &r[j], sizeof(Four));
      }
    for (int x = whole; x < width; ++x)
      for (int64_t i = k; i < end; i += 4) {
        const Four a = load4(p + x * f.stride + i);
        for (int j = 0; j < 4; ++j) dst[(i + j) * W + x] = a[j];
      }
  }
  for (int64_t k = kc / 4 * 4; k < kc; ++k)
    for (int x = 0; x < width; ++x) dst[k * W + x] = widen(p[x * f.stride + k]);
  for (int x = width; x < W; ++x)
    for (int64_t k = 0; k < kc; ++k) dst[k * W + x] = 0;
}

template <int W>
void pack_panel(const Centred& f, int64_t x0, int width, int64_t k0, int64_t kc, float* dst) {
  const double* centre = f.centre + x0;
  const float* p = f.data + k0 * f.stride + x0;
  for (int64_t k = 0; k < kc; ++k, p += f.stride, dst += W) {
    if (width == W) {
      constexpr int kHalf = kLanes / 2;
      for (int x = 0; x < W; x += kHalf) {
        const int at = std::min(x, W - kHalf);  // the last ones overlap with others
        vstore_narrow(dst + at, vload_wide(p + at) - vload(centre + at));
      }
      continue;
    }
    for (int x = 0; x < W; ++x) dst[x] = x < width ? static_cast<float>(static_cast<double>(p[x]) - centre[x]) : 0;
  }
}

template <class T>
STRIATE_INLINE bool k_contiguous(const Factor<T>& f) {
  return f.k_contiguous;
}
STRIATE_INLINE bool k_contiguous(const Centred&) { return false; }

/// Panels [x0, x1) of the factor, `apart` numbers from one to the next. Where a row of memory lies across the panels, all
/// of them take a few rows at a time: with a stride of a power of two more would share a cache set.
template <int W, class F, class S>
void pack(const F& f, int64_t x0, int64_t x1, int64_t k0, int64_t kc, S* dst, int64_t apart) {
  const int64_t step = k_contiguous(f) ? std::max<int64_t>(1, kc) : kStep;
  for (int64_t k = 0; k < kc; k += step) {
    S* to = dst + k * W;
    for (int64_t x = x0; x < x1; x += W, to += apart)
      pack_panel<W>(f, x, static_cast<int>(std::min<int64_t>(W, x1 - x)), k0 + k, std::min(step, kc - k), to);
  }
}

/// Element (x, k) in memory, where tiles may read the factor as it is; else null.
template <class T>
STRIATE_INLINE const typename Factor<T>::Packed* in_place(const Factor<T>& f, int64_t x, int64_t k) {
  if constexpr (std::is_same_v<T, typename Factor<T>::Packed>)
    return f.data + (f.k_contiguous ? x * f.stride + k : k * f.stride + x);
  return nullptr;
}
STRIATE_INLINE const float* in_place(const Centred&, int64_t, int64_t) { return nullptr; }

/// Fetches one of `parts` shares of what a panel of kRows rows of a will be packed from.
template <class T>
STRIATE_INLINE void fetch(const Factor<T>& f, int64_t x0, int64_t k0, int64_t kc, int64_t part, int64_t parts) {
  constexpr int64_t kLine = 64 / sizeof(T);
  const int64_t lines = (kc + kLine - 1) / kLine;
  for (int64_t i = lines * part / parts; i < lines * (part + 1) / parts; ++i)
    for (int r = 0; r < kRows; ++r) __builtin_prefetch(f.data + (x0 + r) * f.stride + k0 + i * kLine, 0, 2);
}
STRIATE_INLINE void fetch(const Centred&, int64_t, int64_t, int64_t, int64_t, int64_t) {}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::gemm
