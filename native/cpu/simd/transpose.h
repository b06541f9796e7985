// A square of kLanes vectors turned in registers. Included after simd/begin.h.
#pragma once
#include <cstdint>
#include <utility>

#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {

/// Exchanges the bit `kBit` of the row number and of the lane number.
template <int kBit, int... kLane>
STRIATE_INLINE void exchange(vf& a, vf& b, std::integer_sequence<int, kLane...>) {
#if defined(__clang__)
  const vf low = __builtin_shufflevector(a, b, (kLane & kBit ? kLanes + kLane - kBit : kLane)...);
  b = __builtin_shufflevector(a, b, (kLane & kBit ? kLanes + kLane : kLane + kBit)...);
#else
  const vf low = __builtin_shuffle(a, b, vi{(kLane & kBit ? kLanes + kLane - kBit : kLane)...});
  b = __builtin_shuffle(a, b, vi{(kLane & kBit ? kLanes + kLane : kLane + kBit)...});
#endif
  a = low;
}
template <int kBit = 1>
STRIATE_INLINE void transpose(vf (&rows)[kLanes]) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i)
    if (!(i & kBit)) exchange<kBit>(rows[i], rows[i + kBit], std::make_integer_sequence<int, kLanes>{});
  if constexpr (2 * kBit < kLanes) transpose<2 * kBit>(rows);
}

/// The first `rows` of from(i), zeros for the rest, turned: to(j, v) for each j below `columns`.
template <class From, class To>
STRIATE_INLINE void transpose_block(int64_t rows, int64_t columns, From&& from, To&& to) {
  vf block[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) block[i] = i < rows ? from(i) : vf{};
  transpose(block);
#pragma GCC unroll 16
  for (int j = 0; j < kLanes; ++j)
    if (j < columns) to(j, block[j]);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
