// How a bank of filters is taken apart before it meets an image. Every filter is the sum of four parts that are even or
// odd along each axis. A part needs a quarter of the taps, on sums and differences of the four pixels that mirror each
// other, which all filters share; and the parts of several filters are often one and the same: theta and pi - theta
// differ in the sign of the part that is odd across, a real filter has no part of odd parity and an imaginary one none
// of even. What is left are the bank's `values`: 17 filters of 81 taps become 17 values of 16 to 25 taps. Whatever the
// bank, the result is right; its symmetries only make it fast, where they hold to the bit.
#pragma once
#include <cstdint>
#include <vector>

namespace striate::core::wavelet {

enum Parity : int { even_even, even_odd, odd_even, odd_odd, kParities };  // along rows, along columns
constexpr bool odd_rows(int parity) { return parity & 2; }
constexpr bool odd_columns(int parity) { return parity & 1; }

/// One term of a filter: the value of that number, added or taken off.
struct Term {
  int value;
  float sign;
};

struct Plan {
  int64_t side, reach, filters;
  int total = 0;  // values
  int first[kParities], count[kParities];
  std::vector<float> weights[kParities];  // [tap][count], taps row by row: from 1 along an odd axis, else from 0
  std::vector<std::vector<Term>> terms;   // of each filter

  int64_t rows(int parity) const { return reach + !odd_rows(parity); }
  int64_t columns(int parity) const { return reach + !odd_columns(parity); }

  /// Of the rows of a bank from `row` on. `imaginary`: whether rows 2, 4 ... are wanted at all.
  Plan(const float* bank, int64_t row, int64_t filters_, int64_t side_, bool imaginary)
      : side(side_), reach(side_ / 2), filters(filters_), terms(static_cast<size_t>(filters_)) {
    for (int parity = 0; parity < kParities; ++parity) {
      std::vector<std::vector<double>> known;
      first[parity] = total;
      for (int64_t f = 0; f < filters; ++f) {
        if (!imaginary && row + f > 0 && (row + f) % 2 == 0) continue;
        const std::vector<double> part = part_of(bank + (row + f) * side * side, parity);
        int sign = 0;
        size_t at = 0;
        bool zero = true;
        for (const double v : part) zero = zero && v == 0;
        if (zero) continue;
        for (; at < known.size() && sign == 0; at += sign == 0) sign = same(known[at], part);
        if (sign == 0) {
          known.push_back(part);
          sign = 1;
        }
        terms[static_cast<size_t>(f)].push_back({total + static_cast<int>(at), static_cast<float>(sign)});
      }
      count[parity] = static_cast<int>(known.size());
      total += count[parity];
      for (size_t tap = 0; tap < static_cast<size_t>(rows(parity) * columns(parity)); ++tap)
        for (const std::vector<double>& part : known) weights[parity].push_back(static_cast<float>(part[tap]));
    }
  }

 private:
  /// Of the filter turned by half a turn: a convolution as a correlation.
  std::vector<double> part_of(const float* f, int parity) const {
    const auto at = [&](int64_t a, int64_t b) { return static_cast<double>(f[(reach - a) * side + reach - b]); };
    const double down = odd_rows(parity) ? -1 : 1, across = odd_columns(parity) ? -1 : 1;
    std::vector<double> part;
    for (int64_t a = odd_rows(parity); a <= reach; ++a)
      for (int64_t b = odd_columns(parity); b <= reach; ++b)
        part.push_back((at(a, b) + down * at(-a, b) + across * (at(a, -b) + down * at(-a, -b))) / 4);
    return part;
  }
  /// 1 if equal, -1 if opposite, else 0.
  static int same(const std::vector<double>& a, const std::vector<double>& b) {
    bool equal = true, opposite = true;
    for (size_t i = 0; i < a.size(); ++i) {
      equal = equal && a[i] == b[i];
      opposite = opposite && a[i] == -b[i];
    }
    return equal ? 1 : opposite ? -1 : 0;
  }
};

}  // namespace striate::core::wavelet
