// Rows of any number of floats as vectors of which the last may be partial, and sums of such rows, as the Hebbian rules
// add them up unit by unit. Included after simd/vec.h.
#pragma once
#include <cstdint>

#include "cpu/simd/vec.h"
#include "cpu/simd/winners.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

STRIATE_INLINE vf load_row(const float* p, int64_t n) { return n == kLanes ? vload(p) : vload_part(p, n); }
STRIATE_INLINE void store_row(float* p, int64_t n, vf v) { n == kLanes ? vstore(p, v) : vstore_part(p, v, n); }

/// Calls f(i, n) for the vectors of a row of d numbers; n lanes count.
template <class F>
STRIATE_INLINE void over_row(int64_t d, F&& f) {
  for (int64_t i = 0; i < d; i += kLanes) f(i, d - i < kLanes ? d - i : kLanes);
}

/// Rows of patches by entry: entry e is g = weight[e & 1] times patch e / 2.
struct EntryRows {
  const float* rows;
  int64_t stride, d;
  const float* weight;

  /// Calls f(i, n, sum of g v over the entries) for the vectors of a row; n lanes count. Few passes over the entries,
  /// as their number differs from row to row and each pass ends in a mispredicted branch.
  template <class F>
  STRIATE_INLINE void sum(const int64_t* entries, int64_t count, F&& f) const {
    for (int64_t i = 0; i < d;) {
      const int64_t vectors = (d - i + kLanes - 1) / kLanes;
      i += some<6>(vectors > 6 && vectors < 12 ? (vectors + 1) / 2 : vectors, entries, count, i, f);
    }
  }

 private:
  /// The first U vectors from i on, or `vectors` if they are fewer; returns how many numbers that was.
  template <int U, class F>
  STRIATE_INLINE int64_t some(int64_t vectors, const int64_t* entries, int64_t count, int64_t i, F&& f) const {
    if constexpr (U > 1)
      if (vectors < U) return some<U - 1>(vectors, entries, count, i, f);
    const int64_t rest = d - i - (U - 1) * kLanes, wide = rest < kLanes ? rest : kLanes;  // of the last vector
    vf sum[U];
    for (int u = 0; u < U; ++u) sum[u] = vf{};
    for (int64_t n = 0; n < count; ++n) {
      const int64_t e = entries[n];
      const vf g = vbroadcast(weight[e & 1]);
      const float* v = rows + (e >> 1) * stride + i;
      for (int u = 0; u < U; ++u)
        sum[u] = vfma(g, u < U - 1 ? vload(v + u * kLanes) : load_row(v + u * kLanes, wide), sum[u]);
    }
    for (int u = 0; u < U; ++u) f(i + u * kLanes, u < U - 1 ? kLanes : wide, sum[u]);
    return U * kLanes;
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
