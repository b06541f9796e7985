// The two best units for few patches: units in the lanes, a patch's numbers broadcast to them. With patches in the lanes
// (simd/winners.h) most of a vector would be empty. Included after simd/winners.h.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/context.h"

#include "cpu/simd/winners.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

struct UnitLanes {
  int64_t d;
  float* at;  // [vectors of units][D][kLanes]; 0 past the last unit; null where it does not pay

#if STRIATE_SIMD == 4 || defined(__ARM_NEON)
  static constexpr int kFew = 10;  // patches at once: 20 sums, 2 vectors of units and a number, of 32 registers
#else
  static constexpr int kFew = 5;  // 10 sums of 16
#endif

  /// Whether lanes would be idle in a quarter of the work or more if patches were in them.
  static bool pay(int64_t patches) {
    const int64_t lanes = (patches + kLanes - 1) / kLanes * kLanes;
    return patches <= kGroup && 4 * patches <= 3 * lanes;
  }
  static UnitLanes make(core::Context& context, int64_t k, int64_t d) {
    const int64_t numbers = (k + kLanes - 1) / kLanes * kLanes * d;
    float* const at = context.scratch<float>(numbers);
    std::fill_n(at, numbers, 0.0f);
    return {d, at};
  }
  void set(int64_t k, const float* row) const {
    float* to = at + k / kLanes * d * kLanes + k % kLanes;
    for (int64_t i = 0; i < d; ++i, to += kLanes) *to = row[i];
  }

  /// Of units [from, from + count), numbered from there, for the patches of a tile [D][width]; from begins a vector.
  /// False if a patch has currents that are NaN or -infinity and must be ranked with care.
  template <class Meanwhile>
  bool rank(int64_t from, int64_t count, const float* tile, int64_t width, int64_t patches, Winners& out,
            Meanwhile&& meanwhile) const {
    bool sure = true;
    const int64_t parts = (patches + kFew - 1) / kFew;
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t first = patches * part / parts, size = patches * (part + 1) / parts - first;
      sure &= some<kFew>(size, from, count, tile + first, width, first, out, meanwhile);
    }
    return sure;
  }

 private:
  template <int P, class Meanwhile>
  bool some(int64_t size, int64_t from, int64_t count, const float* tile, int64_t width, int64_t first, Winners& out,
            Meanwhile& meanwhile) const {
    if constexpr (P > 1)
      if (size < P) return some<P - 1>(size, from, count, tile, width, first, out, meanwhile);
    BestTwo<P> best;
    best.start();
    vi unit = lane_numbers(std::make_integer_sequence<int, kLanes>{});
    for (int64_t k = 0; k < count; k += 2 * kLanes) {
      meanwhile();
      const float* const one = at + (from + k) * d;
      const float* const two = count - k > kLanes ? one + d * kLanes : one;
      vf sum[P][2];
#pragma GCC unroll 10
      for (int p = 0; p < P; ++p) sum[p][0] = sum[p][1] = vf{};
      for (int64_t i = 0; i < d; ++i) {
        const vf w[2] = {vload(one + i * kLanes), vload(two + i * kLanes)};
#pragma GCC unroll 10
        for (int p = 0; p < P; ++p) {
          const vf x = vbroadcast(tile[i * width + p]);
          sum[p][0] = vfma(x, w[0], sum[p][0]);
          sum[p][1] = vfma(x, w[1], sum[p][1]);
        }
      }
      for (int half = 0; half < 2; ++half, unit += kLanes) {
        const vi there = unit < static_cast<int32_t>(count);
#pragma GCC unroll 10
        for (int p = 0; p < P; ++p) best.take(p, vselect(there, sum[p][half], vbroadcast(kNever)), unit);
      }
    }
    bool sure = true;
#pragma GCC unroll 10
    for (int p = 0; p < P; ++p) {
      gather_best<kLanes / 2>(best, p);
      out.first[first + p] = best.first_unit[p][0];
      out.last[first + p] = best.second_unit[p][0];
      out.first_current[first + p] = best.first[p][0];
      out.last_current[first + p] = best.second[p][0];
      sure &= best.second[p][0] > kNever;
    }
    return sure;
  }

  template <int... I>
  static vi lane_numbers(std::integer_sequence<int, I...>) {
    return vi{I...};
  }
  template <int kStep, class V, int... I>
  static STRIATE_INLINE V others(V x, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(x, x, (I ^ kStep)...);
  }

  /// Brings the best two of all lanes into every lane.
  template <int kStep, int P>
  static STRIATE_INLINE void gather_best(BestTwo<P>& b, int p) {
    constexpr auto lanes = std::make_integer_sequence<int, kLanes>{};
    const auto before = [](vf a, vi i, vf b, vi j) { return (a > b) | ((a == b) & (i < j)); };
    const vf first = others<kStep>(b.first[p], lanes), second = others<kStep>(b.second[p], lanes);
    const vi first_unit = others<kStep>(b.first_unit[p], lanes), second_unit = others<kStep>(b.second_unit[p], lanes);
    const vi best = before(first, first_unit, b.first[p], b.first_unit[p]);
    const vf mine = vselect(best, b.first[p], b.second[p]), theirs = vselect(best, second, first);
    const vi my_unit = vselect(best, b.first_unit[p], b.second_unit[p]);
    const vi their_unit = vselect(best, second_unit, first_unit);
    const vi next = before(theirs, their_unit, mine, my_unit);
    b.second[p] = vselect(next, theirs, mine);
    b.second_unit[p] = vselect(next, their_unit, my_unit);
    b.first[p] = vselect(best, first, b.first[p]);
    b.first_unit[p] = vselect(best, first_unit, b.first_unit[p]);
    if constexpr (kStep > 1) gather_best<kStep / 2>(b, p);
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
