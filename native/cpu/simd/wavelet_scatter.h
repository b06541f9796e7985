// The way back of simd/wavelet_rows.h: what the maps of a stretch are blamed for becomes gradients of the bank's values,
// these spread over a quarter of the window each, and sums and differences of mirrored rows and columns go back to the
// pixels. Every pixel's gradient is summed by one worker, row after row. Included after simd/begin.h.
#pragma once
#include <algorithm>
#include <cstdint>

#include "cpu/simd/wavelet_layer.h"

namespace striate::cpu::STRIATE_SIMD_NS::wavelet {
namespace {

/// Value gradients at kP positions to a row of sums (or differences) of mirrored rows: `even` and `odd` of columns.
struct Spread {
  const float *even, *odd;  // [value][kStretch][kLanes], at the first position
  int64_t even_count, odd_count;
  const float *even_weights, *odd_weights;  // of this row: [column][count]
  int64_t reach, apart;                     // floats from position to position of `to`
  float* to;                                // at the centre of the first position
};

template <int kP>
void spread_values(const Spread& s) {
  const auto sum = [&](const float* from, const float* w, int64_t count, vf(&total)[kP]) {
    for (int64_t v = 0; v < count; ++v) {
      const vf weight = vspread(w[v]);
#pragma GCC unroll 8
      for (int p = 0; p < kP; ++p) total[p] = vfma(weight, vload(from + (v * kStretch + p) * kLanes), total[p]);
    }
  };
  vf centre[kP] = {};
  sum(s.even, s.even_weights, s.even_count, centre);
#pragma GCC unroll 8
  for (int p = 0; p < kP; ++p) vstore(s.to + p * s.apart, vload(s.to + p * s.apart) + centre[p]);
  for (int64_t b = 1; b <= s.reach; ++b) {
    vf even[kP] = {}, odd[kP] = {};
    sum(s.even, s.even_weights + b * s.even_count, s.even_count, even);
    sum(s.odd, s.odd_weights + (b - 1) * s.odd_count, s.odd_count, odd);
#pragma GCC unroll 8
    for (int p = 0; p < kP; ++p) {
      float *right = s.to + p * s.apart + b * kLanes, *left = s.to + p * s.apart - b * kLanes;
      vstore(right, vload(right) + (even[p] + odd[p]));
      vstore(left, vload(left) + (even[p] - odd[p]));
    }
  }
}

class BankScatter {
 public:
  explicit BankScatter(const Layer& layer) : l_(layer), rows_(layer.plan, layer.step) {}
  const BankRows& rows() const { return rows_; }

  /// Scratch memory of a worker: that of the rows, gradients of the values, and of the sums and differences.
  int64_t floats() const {
    const int64_t width = (kStretch - 1) * l_.step + l_.plan.side;
    return rows_.floats() + (l_.plan.total * kStretch + (2 * l_.plan.reach + 1) * width) * kLanes;
  }

  /// Of `count` positions from (p, q) on, whose values are in `scratch` (BankRows::sum): adds to `plane` [H][W][kLanes]
  /// what their maps' gradients g + map * map_step + position * position_step give.
  void add(const float* g, int64_t map_step, int64_t position_step, int64_t p, int64_t q, int64_t count, float* scratch,
           float* plane) const {
    float *values = scratch + rows_.floats(), *spread = values + l_.plan.total * kStretch * kLanes;
    value_gradients(g, map_step, position_step, count, rows_.values(scratch), values);
    const Plan& plan = l_.plan;
    const int64_t width = (count - 1) * l_.step + plan.side, row_floats = width * kLanes, reach = plan.reach;
    std::fill(spread, spread + (2 * reach + 1) * row_floats, 0.0f);
    for (int64_t a = 0; a <= reach; ++a) {
      spread_row(0, a, count, values, spread + a * row_floats);
      if (a > 0) spread_row(2, a, count, values, spread + (reach + a) * row_floats);
    }
    const int32_t* column = l_.planes.column_of + q * l_.step;
    const int64_t first = p * l_.step + reach;
    const auto line = [&](int64_t row) { return plane + l_.planes.row_of[row] * l_.planes.width * kLanes; };
    for (int64_t a = 0; a <= reach; ++a) {
      const float *plus = spread + a * row_floats, *minus = spread + (reach + a) * row_floats;
      float *below = line(first + a), *above = line(first - a);
      for (int64_t i = 0; i < width; ++i) {
        float *to = below + column[i] * kLanes, *mirror = above + column[i] * kLanes;
        const vf x = vload(plus + i * kLanes);
        if (a == 0) {
          vstore(to, vload(to) + x);
          continue;
        }
        const vf y = vload(minus + i * kLanes);
        vstore(to, vload(to) + (x + y));
        vstore(mirror, vload(mirror) + (x - y));
      }
    }
  }

  /// plane [H][W][kLanes] to `planes` of gx, [H][W] each.
  void store(const float* plane, int64_t planes, float* gx) const {
    const int64_t pixels = l_.planes.height * l_.planes.width;
    for (int64_t i = 0; i < pixels; i += kLanes) {
      const int some = static_cast<int>(std::min<int64_t>(kLanes, pixels - i));
      transpose_block(
          some, planes, [&](int64_t j) { return vload(plane + (i + j) * kLanes); },
          [&](int64_t j, vf v) {
            float* to = gx + j * pixels + i;
            some == kLanes ? vstore(to, v) : vstore_some(to, v, some);
          });
    }
  }

 private:
  void value_gradients(const float* g, int64_t map_step, int64_t position_step, int64_t count, const float* values,
                       float* to) const {
    const Plan& plan = l_.plan;
    std::fill(to, to + plan.total * kStretch * kLanes, 0.0f);
    vf of[2][kStretch], response[2][kStretch];
    const auto blame = [&](int64_t filter, const vf* gradient) {
      for (const Term& term : plan.terms[static_cast<size_t>(filter)]) {
        float* at = to + term.value * kStretch * kLanes;
        const vf sign = vspread(term.sign);
        for (int64_t i = 0; i < count; ++i) vstore(at + i * kLanes, vfma(sign, gradient[i], vload(at + i * kLanes)));
      }
    };
    const auto load = [&](int64_t map) {
      for (int64_t i = 0; i < count; ++i) of[0][i] = vload(g + map * map_step + i * position_step);
    };
    const bool none = l_.nonlinearity == op::WaveletConv::none;
    for (int64_t f = 0; f < (none ? plan.filters : 1); ++f) {
      load(f);
      blame(f, of[0]);
    }
    for (int64_t f = 1; f < plan.filters && !none; f += 2) {
      load(f / 2 + 1);
      rows_.join(f, count, values, [&](int64_t i, vf v) { response[0][i] = v; });
      if (l_.nonlinearity == op::WaveletConv::relu) {
        for (int64_t i = 0; i < count; ++i) of[0][i] = vselect(response[0][i] <= 0.0f, vf{}, of[0][i]);
        blame(f, of[0]);
        continue;
      }
      rows_.join(f + 1, count, values, [&](int64_t i, vf v) { response[1][i] = v; });
      for (int64_t i = 0; i < count; ++i) {
        const vf re = response[0][i], im = response[1][i], modulus = vsqrt(vfma(im, im, re * re));
        const vf each = vselect(modulus == 0.0f, vf{}, of[0][i] / modulus);
        of[0][i] = each * re;
        of[1][i] = each * im;
      }
      blame(f, of[0]);
      blame(f + 1, of[1]);
    }
  }

  /// The parities `parity` (even along columns) and `parity` + 1, at row a of the quarter.
  void spread_row(int parity, int64_t a, int64_t count, const float* values, float* to) const {
    const Plan& plan = l_.plan;
    const int64_t row = a - odd_rows(parity);
    const float* weights[2];
    for (int odd = 0; odd < 2; ++odd)
      weights[odd] = plan.weights[parity + odd].data() + row * plan.columns(parity + odd) * plan.count[parity + odd];
    constexpr int kTogether = 6;
    const auto run = [&](auto spread, int64_t p) {
      spread({values + (plan.first[parity] * kStretch + p) * kLanes,
              values + (plan.first[parity + 1] * kStretch + p) * kLanes, plan.count[parity], plan.count[parity + 1],
              weights[0], weights[1], plan.reach, l_.step * kLanes, to + (p * l_.step + plan.reach) * kLanes});
    };
    int64_t p = 0;
    for (; p + kTogether <= count; p += kTogether) run(spread_values<kTogether>, p);
    for (; p < count; ++p) run(spread_values<1>, p);
  }

  const Layer& l_;
  BankRows rows_;
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::wavelet
