// The responses of one vector of planes along a stretch of one row (core/wavelet_plan.h says by which sums): rows that
// mirror each other are added and subtracted once for the stretch, columns in registers, where a few positions by a few
// values accumulate; then the values join to filters, and real and imaginary parts to moduli. Included after
// simd/begin.h.
#pragma once
#include <array>
#include <cstdint>
#include <utility>

#include "core/wavelet_plan.h"

#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS::wavelet {
namespace {

using core::wavelet::kParities, core::wavelet::odd_columns, core::wavelet::odd_rows, core::wavelet::Plan,
    core::wavelet::Term;

#if STRIATE_SIMD == 4
constexpr int kMostValues = 6, kAccumulators = 24;
constexpr int64_t kStretch = 16;
#else
constexpr int kMostValues = 6, kAccumulators = 12;
constexpr int64_t kStretch = 24;
#endif

struct Stretch {
  const float* const* rows;  // at the centre of the first position
  int64_t count, reach, step;
  const float* w;
  int64_t w_step;
  float* out;
  int64_t value_step;
};

/// kV values at kP positions: those whose parity along rows the `rows` have already.
template <int kV, int kP, bool kOdd>
void sum_values(const Stretch& s) {
  vf sum[kV][kP] = {};
  const float* w = s.w;
  const int64_t apart = s.step * kLanes;
  const auto add = [&](const vf(&x)[kP]) {
#pragma GCC unroll 6
    for (int v = 0; v < kV; ++v) {
      const vf weight = vspread(w[v]);
#pragma GCC unroll 8
      for (int p = 0; p < kP; ++p) sum[v][p] = vfma(weight, x[p], sum[v][p]);
    }
    w += s.w_step;
  };
  for (int64_t row = 0; row < s.count; ++row) {
    const float *right = s.rows[row], *left = right;
    vf x[kP];
    if (!kOdd) {
#pragma GCC unroll 8
      for (int p = 0; p < kP; ++p) x[p] = vload(right + p * apart);
      add(x);
    }
    for (int64_t b = 1; b <= s.reach; ++b) {
      right += kLanes;
      left -= kLanes;
#pragma GCC unroll 8
      for (int p = 0; p < kP; ++p)
        x[p] = kOdd ? vload(right + p * apart) - vload(left + p * apart)
                    : vload(right + p * apart) + vload(left + p * apart);
      add(x);
    }
  }
#pragma GCC unroll 6
  for (int v = 0; v < kV; ++v)
#pragma GCC unroll 8
    for (int p = 0; p < kP; ++p) vstore(s.out + v * s.value_step + p * kLanes, sum[v][p]);
}

template <int kV>
constexpr int kPositions = kAccumulators / kV < 8 ? kAccumulators / kV : 8;

using SumValues = void (*)(const Stretch&);
template <bool kOdd, int... I>
constexpr std::array<SumValues, 2 * sizeof...(I)> sum_table(std::integer_sequence<int, I...>) {
  return {sum_values<I + 1, kPositions<I + 1>, kOdd>..., sum_values<I + 1, 1, kOdd>...};
}

class BankRows {
 public:
  explicit BankRows(const Plan& plan, int64_t step) : plan_(plan), step_(step) {}

  /// Scratch memory of a worker.
  int64_t floats() const {
    return (2 * plan_.reach * ((kStretch - 1) * step_ + plan_.side) + plan_.total * kStretch) * kLanes;
  }
  float* values(float* scratch) const {
    return scratch + 2 * plan_.reach * ((kStretch - 1) * step_ + plan_.side) * kLanes;
  }

  /// The values of `count` positions whose window begins at `from`, rows `pitch` floats apart: values(scratch) becomes
  /// [value][kStretch][kLanes].
  void sum(const float* from, int64_t pitch, int64_t count, float* scratch) const {
    constexpr int kMostSide = 31;
    const int64_t reach = plan_.reach, width = ((count - 1) * step_ + plan_.side) * kLanes;
    const float *sums[kMostSide / 2 + 1], *differences[kMostSide / 2 + 1];
    const float* centre = from + reach * pitch;
    sums[0] = centre;
    for (int64_t a = 1; a <= reach; ++a) {
      float *plus = scratch + (a - 1) * width, *minus = plus + reach * width;
      const float *below = centre + a * pitch, *above = centre - a * pitch;
      for (int64_t i = 0; i < width; i += kLanes) {
        const vf x = vload(below + i), y = vload(above + i);
        vstore(plus + i, x + y);
        vstore(minus + i, x - y);
      }
      sums[a] = plus;
      differences[a] = minus;
    }
    for (int parity = 0; parity < kParities; ++parity)
      for (int v = 0; v < plan_.count[parity]; v += kMostValues)
        sum_group(parity, v, odd_rows(parity) ? differences + 1 : sums, count, scratch);
  }

  /// f(position, vector) for each position, of one filter.
  template <class F>
  STRIATE_INLINE void join(int64_t filter, int64_t count, const float* values, F&& f) const {
    const auto& terms = plan_.terms[static_cast<size_t>(filter)];
    const auto value = [&](size_t i, int64_t p) {
      return vspread(terms[i].sign) * vload(values + (terms[i].value * kStretch + p) * kLanes);
    };
    if (terms.size() == 1)
      for (int64_t p = 0; p < count; ++p) f(p, value(0, p));
    else if (terms.size() == 2)
      for (int64_t p = 0; p < count; ++p) f(p, value(0, p) + value(1, p));
    else
      for (int64_t p = 0; p < count; ++p) {
        vf sum = {};
        for (size_t i = 0; i < terms.size(); ++i) sum += value(i, p);
        f(p, sum);
      }
  }

  /// The maps of the positions summed: to + map * map_step + position * position_step, kLanes numbers each.
  void maps(int32_t nonlinearity, int64_t count, float* scratch, float* to, int64_t map_step,
            int64_t position_step) const {
    float* value = values(scratch);
    const auto keep = [&](int64_t filter, float* out) {
      join(filter, count, value, [&](int64_t p, vf v) { vstore(out + p * position_step, v); });
    };
    if (nonlinearity == op::WaveletConv::none) {
      for (int64_t f = 0; f < plan_.filters; ++f) keep(f, to + f * map_step);
      return;
    }
    keep(0, to);
    for (int64_t f = 1; f < plan_.filters; f += 2) {
      float* out = to + (f / 2 + 1) * map_step;
      if (nonlinearity == op::WaveletConv::relu) {
        // The order keeps a NaN.
        join(f, count, value, [&](int64_t p, vf v) { vstore(out + p * position_step, vmax(vf{}, v)); });
        continue;
      }
      vf real[kStretch];
      join(f, count, value, [&](int64_t p, vf v) { real[p] = v * v; });
      join(f + 1, count, value, [&](int64_t p, vf v) { vstore(out + p * position_step, vsqrt(vfma(v, v, real[p]))); });
    }
  }

 private:
  void sum_group(int parity, int v, const float* const* rows, int64_t count, float* scratch) const {
    static constexpr auto kEven = sum_table<false>(std::make_integer_sequence<int, kMostValues>()),
                          kOdd = sum_table<true>(std::make_integer_sequence<int, kMostValues>());
    const int some = std::min(kMostValues, plan_.count[parity] - v);
    const auto& table = odd_columns(parity) ? kOdd : kEven;
    const int64_t together = std::min(kAccumulators / some, 8);
    const float* at[16];
    const auto run = [&](SumValues sums, int64_t p) {
      for (int64_t i = 0; i < plan_.rows(parity); ++i) at[i] = rows[i] + (p * step_ + plan_.reach) * kLanes;
      sums({at, plan_.rows(parity), plan_.reach, step_, plan_.weights[parity].data() + v, plan_.count[parity],
            values(scratch) + ((plan_.first[parity] + v) * kStretch + p) * kLanes, kStretch * kLanes});
    };
    int64_t p = 0;
    for (; p + together <= count; p += together) run(table[static_cast<size_t>(some - 1)], p);
    // What is left: once more together with positions before it, where there are any.
    if (p < count && count >= together)
      run(table[static_cast<size_t>(some - 1)], count - together);
    else
      for (; p < count; ++p) run(table[static_cast<size_t>(kMostValues + some - 1)], p);
  }

  const Plan& plan_;
  int64_t step_;
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::wavelet
