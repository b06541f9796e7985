// The bank over a map smaller than its filters: each reaches all of the map, so that every response is a sum over all
// pixels, borders included, whose weights are found once for a call. Planes in the lanes. Included after simd/begin.h.
#pragma once
#include <algorithm>
#include <cstdint>

#include "cpu/simd/wavelet_layer.h"

namespace striate::cpu::STRIATE_SIMD_NS::wavelet {
namespace {

class SmallBank {
 public:
  /// No more pixels than a filter's even part has taps, and all of them reached.
  static bool fits(const Layer& l) {
    const int64_t pixels = l.planes.height * l.planes.width, taps = (l.plan.reach + 1) * (l.plan.reach + 1);
    return std::max(l.planes.down.grid, l.planes.across.grid) <= l.plan.side && pixels <= std::min(taps, kMostPixels);
  }

  SmallBank(core::Context& ctx, const Layer& layer, const float* bank)
      : l_(layer),
        pixels_(l_.planes.height * l_.planes.width),
        places_(l_.P * l_.Q),
        low_blocks_(blocks_of(places_)),
        blocks_(low_blocks_ + blocks_of(places_ * (l_.maps - 1) * (paired() ? 2 : 1))) {
    weights_ = ctx.scratch<float>(static_cast<size_t>(blocks_ * pixels_ * kSums));
    std::fill(weights_, weights_ + blocks_ * pixels_ * kSums, 0.0f);
    for (int64_t i = 0; i < places_; ++i) weigh(bank, i, i);
    const int64_t step = l_.nonlinearity == op::WaveletConv::relu ? 2 : 1, rows = l_.plan.filters - 1;
    for (int64_t f = 0, sum = low_blocks_ * kSums; f < rows; f += (paired() ? 2 : step))
      for (int64_t i = 0; i < places_; ++i)
        for (int64_t part = 0; part < 1 + paired(); ++part)
          weigh(bank + (f + 1 + part) * l_.plan.side * l_.plan.side, i, sum++);
  }

  /// Numbers that `maps` writes.
  int64_t floats() const { return blocks_ * kSums * kLanes; }

  /// The maps of a vector of up to `planes` planes at x: to [map][place][kLanes].
  template <class T>
  void maps(const T* x, int64_t planes, float* to) const {
    float pixel[kMostPixels * kLanes];
    for (int64_t i = 0; i < pixels_; i += kLanes)
      transpose_block(
          planes, pixels_ - i, [&](int64_t j) { return conv::load_values(x + j * pixels_ + i, pixels_ - i); },
          [&](int64_t j, vf v) { vstore(pixel + (i + j) * kLanes, v); });
    float* out = to;
    for (int64_t block = 0; block < blocks_; ++block) {
      vf sum[kSums] = {};
      const float* w = weights_ + block * pixels_ * kSums;
      for (int64_t i = 0; i < pixels_; ++i, w += kSums) {
        const vf value = vload(pixel + i * kLanes);
#pragma GCC unroll 24
        for (int s = 0; s < kSums; ++s) sum[s] = vfma(vspread(w[s]), value, sum[s]);
      }
      if (block < low_blocks_ || l_.nonlinearity == op::WaveletConv::none) {
        for (int s = 0; s < kSums; ++s, out += kLanes) vstore(out, sum[s]);
      } else if (l_.nonlinearity == op::WaveletConv::relu) {
        for (int s = 0; s < kSums; ++s, out += kLanes) vstore(out, vmax(vf{}, sum[s]));  // The order keeps a NaN.
      } else {
        for (int s = 0; s < kSums; s += 2, out += kLanes)
          vstore(out, vsqrt(vfma(sum[s + 1], sum[s + 1], sum[s] * sum[s])));
      }
      // The low-passes' last block is not full.
      if (block + 1 == low_blocks_) out = to + places_ * kLanes;
    }
  }

 private:
#if STRIATE_SIMD == 4
  static constexpr int64_t kSums = 24;  // of 32 registers
#else
  static constexpr int64_t kSums = 12;  // of 16
#endif
  static constexpr int64_t kMostPixels = 64;

  bool paired() const { return l_.nonlinearity == op::WaveletConv::modulus; }
  static int64_t blocks_of(int64_t sums) { return (sums + kSums - 1) / kSums; }

  /// The weights of the pixels in sum number `sum`, a filter's response at a place.
  void weigh(const float* filter, int64_t place, int64_t sum) {
    const int64_t side = l_.plan.side;
    const int32_t *row = l_.planes.row_of + place / l_.Q * l_.step,
                  *column = l_.planes.column_of + place % l_.Q * l_.step;
    double total[kMostPixels] = {};
    for (int64_t a = 0; a < side; ++a)
      for (int64_t b = 0; b < side; ++b)
        total[row[a] * l_.planes.width + column[b]] += filter[(side - 1 - a) * side + side - 1 - b];
    for (int64_t i = 0; i < pixels_; ++i)
      weights_[(sum / kSums * pixels_ + i) * kSums + sum % kSums] = static_cast<float>(total[i]);
  }

  const Layer& l_;
  int64_t pixels_, places_, low_blocks_, blocks_;
  float* weights_;  // [block][pixel][kSums]
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::wavelet
