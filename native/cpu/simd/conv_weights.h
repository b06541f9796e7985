// gw[k,c,r,s] = sum over images and positions of gy[n,k,p,q] x[n,c,p stride + r - padding, q stride + s - padding].
// Rows of a tile are weights of one tap (so that positions which the tap takes outside the image are left out), lanes
// are filters, the depth runs along the positions of a line, and over the images of a position, side by side in both
// factors: for that the columns of x are sorted by their residue modulo the stride. Included after simd/begin.h.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/context.h"
#include "core/parallel.h"

#include "cpu/simd/conv_tile.h"

namespace striate::cpu::STRIATE_SIMD_NS::conv {
namespace {

class WeightProduct {
 public:
  /// For groups of at most `images`; none: nothing is asked for.
  WeightProduct(core::Context& ctx, const Shape& shape, int64_t images)
      : s_(shape),
        taps_(shape.R * shape.S),
        step_(rows_at_once(panels_of(shape.K))),
        phase_((shape.W + shape.stride - 1) / shape.stride),
        wide_(phase_ * shape.stride),
        part_(step_ * std::max<int64_t>(1, kTiles / taps_)),
        parts_((shape.C + part_ - 1) / part_),
        panels_(panels_of(shape.K)),
        together_(panels_at_once(panels_)) {
    if (images == 0) return;
    slots_ = std::min<int64_t>(core::threads(), parts_ * sets());
    lines_ = std::clamp<int64_t>(kBlockRows / (shape.Q * images), 1, shape.P);
    pieces_ = std::clamp<int64_t>((shape.Q * images + kBlockRows - 1) / kBlockRows, 1, shape.Q);
    x_ = ctx.scratch<float>(static_cast<size_t>(shape.C * shape.H * wide_ * images));
    totals_ = ctx.scratch<float>(static_cast<size_t>(parts_ * sets() * together_ * part_ * taps_ * kPanel));
    runs_ = ctx.scratch<int64_t>(static_cast<size_t>(slots_ * 3 * lines_));
    if (shape.stride == 1) return;
    place_ = ctx.scratch<int32_t>(static_cast<size_t>(shape.H * shape.W));
    for (int64_t i = 0; i < shape.H * shape.W; ++i)
      place_[i] =
          static_cast<int32_t>(i / shape.W * wide_ + i % shape.W % shape.stride * phase_ + i % shape.W / shape.stride);
  }

  /// Adds a group: x [images,C,H,W], g its gradients in channels last. The `last` one writes gw.
  template <class T>
  void add(core::Context& ctx, const T* x, int64_t images, const float* g, bool first, bool last, float* gw) {
    const float* lines = as_it_lies(x);
    if (images > 1 || place_ || !lines) {
      images_last(x, images, s_.C, s_.H * s_.W, place_, s_.H * wide_, x_);
      lines = x_;
    }
    const int64_t tasks = parts_ * sets(), g_stride = (s_.P * s_.Q * images + 1) * kPanel;
    std::atomic<int64_t> next{0};
    core::parallel_for(slots_, [&](int64_t slot) {
      for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks && !ctx.stop();) {
        const int64_t panel = task / parts_ * together_, part = task % parts_;
        float* total = totals_ + task * together_ * part_floats();
        sum_part(lines, images, part, g + panel * g_stride, g_stride, s_.K - panel * kPanel, first,
                 runs_ + slot * 3 * lines_, total);
        for (int64_t i = 0; last && i < together_ && panel + i < panels_; ++i)
          write_part(part, (panel + i) * kPanel, total + i * part_floats(), gw);
      }
    });
  }

 private:
  static constexpr int64_t kTiles = 8;        // of a task that share a block of gy
  static constexpr int64_t kBlockRows = 128;  // of gy: 32 KiB of two panels, which stay in L1

  int64_t sets() const { return (panels_ + together_ - 1) / together_; }  // of panels
  int64_t part_floats() const { return part_ * taps_ * kPanel; }
  static const float* as_it_lies(const float* x) { return x; }
  static const float* as_it_lies(const uint8_t*) { return nullptr; }

  /// Runs of the positions [p0, p1) x [from_q, to_q) whose place for this tap is in the image.
  int64_t list_runs(int64_t images, int64_t tap, int64_t p0, int64_t p1, int64_t from_q, int64_t to_q, int64_t* from,
                    int64_t* lane, int64_t* steps) const {
    const int64_t st = s_.stride, down = tap / s_.S - s_.padding, side = tap % s_.S - s_.padding;
    const int64_t q0 = std::max(from_q, side < 0 ? (-side + st - 1) / st : 0);
    const int64_t q1 = s_.W - 1 < side ? 0 : std::min(to_q, (s_.W - 1 - side) / st + 1);
    const int64_t column = q0 * st + side;
    int64_t count = 0;
    for (int64_t p = p0; p < p1 && q0 < q1; ++p) {
      const int64_t h = p * st + down;
      if (h < 0 || h >= s_.H) continue;
      from[count] = (h * wide_ + column % st * phase_ + column / st) * images;
      lane[count] = (p * s_.Q + q0) * images;
      steps[count++] = (q1 - q0) * images;
    }
    return count;
  }

  void sum_part(const float* x, int64_t images, int64_t part, const float* g, int64_t g_stride, int64_t lanes,
                bool first, int64_t* runs, float* total) const {
    int64_t *from = runs, *lane = runs + lines_, *steps = lane + lines_;
    const int64_t begin = part * part_, end = std::min(s_.C, begin + part_);
    for (int64_t i = 0; i < (s_.P + lines_ - 1) / lines_ * pieces_; ++i) {
      const int64_t p = i / pieces_ * lines_, piece = i % pieces_;
      for (int64_t tap = 0; tap < taps_; ++tap) {
        const int64_t count = list_runs(images, tap, p, std::min(s_.P, p + lines_), s_.Q * piece / pieces_,
                                        s_.Q * (piece + 1) / pieces_, from, lane, steps);
        for (int64_t row = begin; row < end; row += step_) {
          const float* rows[kRows];
          for (int64_t r = 0; r < step_; ++r) rows[r] = x + std::min(row + r, end - 1) * s_.H * wide_ * images;
          const int some = static_cast<int>(std::min<int64_t>(step_, end - row));
          tile_for<ShiftedRuns>(some, lanes)({rows, from, lane, steps, count, g, g_stride}, nullptr, !first || i > 0,
                                             total + (tap * part_ + row - begin) * kPanel, part_floats(), some);
        }
      }
    }
  }

  void write_part(int64_t part, int64_t filter, const float* total, float* gw) const {
    const int64_t weights = s_.C * taps_, begin = part * part_ * taps_, end = std::min(weights, begin + part_ * taps_);
    for (int64_t k = filter; k < std::min(s_.K, filter + kPanel); k += kLanes)
      for (int64_t i = begin; i < end; i += kLanes) {
        const int some = static_cast<int>(std::min<int64_t>(kLanes, end - i));
        transpose_block(
            some, s_.K - k,
            [&](int64_t j) {
              const int64_t at = i - begin + j;
              return vload(total + (at % taps_ * part_ + at / taps_) * kPanel + k - filter);
            },
            [&](int64_t j, vf v) {
              float* to = gw + (k + j) * weights + i;
              some == kLanes ? vstore(to, v) : vstore_some(to, v, some);
            });
      }
  }

  Shape s_;
  int64_t taps_, step_, phase_, wide_, part_, parts_, panels_, together_, slots_ = 0, lines_ = 0, pieces_ = 0;
  float *x_ = nullptr, *totals_ = nullptr;
  int64_t* runs_ = nullptr;
  int32_t* place_ = nullptr;
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::conv
