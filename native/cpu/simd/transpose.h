// Squares of kLanes vectors turned in registers. Included after simd/begin.h.
#pragma once
#include <cstdint>
#include <utility>

#include "cpu/simd/vec.h"
#include "cpu/simd/wide.h"

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

/// One square of to_planes. Where it is inlined GCC keeps a pointer for every row in memory.
template <bool kStream>
__attribute__((noinline)) void rows_to_planes(const float* from, int64_t step, int64_t count, int64_t planes, float* to,
                                              int64_t plane) {
  const auto row = [&](int64_t j) { return vload(from + j * step); };
  if (count >= kLanes)
    transpose_block(kLanes, planes, row,
                    [&](int64_t j, vf v) { kStream ? vstream(to + j * plane, v) : vstore(to + j * plane, v); });
  else
    transpose_block(count, planes, row,
                    [&](int64_t j, vf v) { vstore_some(to + j * plane, v, static_cast<int>(count)); });
}

/// to[lane * plane + i] = from[i * step + lane] for `count` rows of `lanes` numbers. A thread that streams ends with stream_fence.
inline void to_planes(const float* from, int64_t step, int64_t count, int64_t lanes, float* to, int64_t plane,
                      bool stream) {
  const bool aligned = reinterpret_cast<uintptr_t>(to) % sizeof(vf) == 0 && plane % kLanes == 0;
  const auto block = stream && aligned ? rows_to_planes<true> : rows_to_planes<false>;
  for (int64_t l = 0; l < lanes; l += kLanes)
    for (int64_t i = 0; i < count; i += kLanes)
      block(from + i * step + l, step, count - i, lanes - l, to + l * plane + i, plane);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
