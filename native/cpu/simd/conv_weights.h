// gw[k,c,r,s] = sum over images and positions of gy[n,k,p,q] x[n,c,p stride + r - padding, q stride + s - padding].
// Rows of a tile are weights of one tap (so that positions which the tap takes outside the image are left out), lanes
// are filters, the depth runs over the images of a position, side by side in both factors. With few channels a tile's
// rows are weights of several taps, and x stands in a frame of zeros. Included after simd/begin.h.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/context.h"
#include "core/parallel.h"

#include "cpu/simd/conv_tile.h"

namespace striate::cpu::STRIATE_SIMD_NS::conv {
namespace {

struct WeightShape {
  int64_t C, H, W, K, R, S, P, Q, stride, padding;
};

class WeightProduct {
 public:
  /// For groups of at most `images`; none: nothing is asked for.
  WeightProduct(core::Context& ctx, const WeightShape& shape, int64_t images)
      : s_(shape),
        taps_(shape.R * shape.S),
        mixed_(shape.C % kRows != 0 && shape.C < 2 * kRows),
        step_(rows_at_once(panels_of(shape.K))),
        frame_(mixed_ ? shape.padding : 0),
        wide_(shape.W + 2 * frame_),
        plane_((shape.H + 2 * frame_) * wide_),
        part_(step_ * (mixed_ ? kTiles : std::max<int64_t>(1, kTiles / taps_))),
        part_rows_(mixed_ ? part_ : part_ * taps_),
        parts_(((mixed_ ? shape.C * taps_ : shape.C) + part_ - 1) / part_),
        panels_(panels_of(shape.K)),
        together_(panels_at_once(panels_)) {
    if (images == 0) return;
    slots_ = std::min<int64_t>(core::threads(), parts_ * sets());
    lines_ = std::clamp<int64_t>(kBlockRows / (shape.Q * images), 1, shape.P);
    x_ = ctx.scratch<float>(static_cast<size_t>(shape.C * plane_ * images));
    totals_ = ctx.scratch<float>(static_cast<size_t>(parts_ * sets() * together_ * part_rows_ * kPanel));
    runs_ = ctx.scratch<int64_t>(static_cast<size_t>(slots_ * 3 * lines_ * shape.Q));
  }

  /// Adds a group: x [images,C,H,W], g its gradients in channels last. The `last` one writes gw.
  template <class T>
  void add(core::Context& ctx, const T* x, int64_t images, const float* g, bool first, bool last, float* gw) {
    images_last(x, images, s_.C, s_.H, s_.W, frame_, x_);
    const int64_t tasks = parts_ * sets(), g_stride = (s_.P * s_.Q * images + 1) * kPanel;
    std::atomic<int64_t> next{0};
    core::parallel_for(slots_, [&](int64_t slot) {
      for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks && !ctx.stop();) {
        const int64_t panel = task / parts_ * together_, part = task % parts_;
        float* total = totals_ + task * together_ * part_rows_ * kPanel;
        sum_part(images, part, g + panel * g_stride, g_stride, s_.K - panel * kPanel, first,
                 runs_ + slot * 3 * lines_ * s_.Q, total);
        for (int64_t i = 0; last && i < together_ && panel + i < panels_; ++i)
          write_part(part, (panel + i) * kPanel, total + i * part_rows_ * kPanel, gw);
      }
    });
  }

 private:
  int64_t sets() const { return (panels_ + together_ - 1) / together_; }  // of panels

  static constexpr int64_t kTiles = 8;         // of a task that share a block of gy
  static constexpr int64_t kBlockRows = 1024;  // of gy: 128 KiB of a panel

  /// Runs of the positions [p0, p1) x Q whose place for this tap is in the image.
  int64_t list_runs(int64_t images, int64_t tap, int64_t p0, int64_t p1, int64_t* from, int64_t* lane,
                    int64_t* steps) const {
    const int64_t st = s_.stride, down = mixed_ ? 0 : tap / s_.S - s_.padding,
                  side = mixed_ ? 0 : tap % s_.S - s_.padding;
    const int64_t q0 = side < 0 ? (-side + st - 1) / st : 0;
    const int64_t q1 = mixed_ ? s_.Q : s_.W - 1 < side ? 0 : std::min(s_.Q, (s_.W - 1 - side) / st + 1);
    int64_t count = 0;
    for (int64_t p = p0; p < p1 && q0 < q1; ++p) {
      const int64_t h = p * st + down;
      if (!mixed_ && (h < 0 || h >= s_.H)) continue;
      const int64_t each = st == 1 ? q1 - q0 : 1;
      for (int64_t q = q0; q < q1; q += each, ++count) {
        from[count] = (h * wide_ + q * st + side) * images;
        lane[count] = (p * s_.Q + q) * images;
        steps[count] = each * images;
      }
    }
    return count;
  }

  void sum_part(int64_t images, int64_t part, const float* g, int64_t g_stride, int64_t lanes, bool first,
                int64_t* runs, float* total) const {
    int64_t *from = runs, *lane = runs + lines_ * s_.Q, *steps = lane + lines_ * s_.Q;
    const int64_t begin = part * part_, end = std::min(mixed_ ? s_.C * taps_ : s_.C, begin + part_);
    for (int64_t p = 0; p < s_.P; p += lines_)
      for (int64_t tap = 0; tap < (mixed_ ? 1 : taps_); ++tap) {
        const int64_t count = list_runs(images, tap, p, std::min(s_.P, p + lines_), from, lane, steps);
        for (int64_t row = begin; row < end; row += step_) {
          const float* rows[kRows];
          for (int64_t r = 0; r < step_; ++r) {
            const int64_t i = std::min(row + r, end - 1), c = mixed_ ? i / taps_ : i, t = i % taps_;
            rows[r] = x_ + (c * plane_ + (mixed_ ? t / s_.S * wide_ + t % s_.S : 0)) * images;
          }
          const int some = static_cast<int>(std::min<int64_t>(step_, end - row));
          tile_for<ShiftedRuns>(some, lanes)({rows, from, lane, steps, count, g, g_stride}, nullptr, !first || p > 0,
                                             total + (tap * part_ + row - begin) * kPanel, part_rows_ * kPanel, some);
        }
      }
  }

  void write_part(int64_t part, int64_t filter, const float* total, float* gw) const {
    const int64_t weights = s_.C * taps_, begin = part * part_ * (mixed_ ? 1 : taps_);
    const int64_t end = std::min(weights, begin + part_rows_);
    for (int64_t k = filter; k < std::min(s_.K, filter + kPanel); k += kLanes)
      for (int64_t i = begin; i < end; i += kLanes) {
        const int some = static_cast<int>(std::min<int64_t>(kLanes, end - i));
        transpose_block(
            some, s_.K - k,
            [&](int64_t j) {
              const int64_t at = i - begin + j;
              return vload(total + (mixed_ ? at : at % taps_ * part_ + at / taps_) * kPanel + k - filter);
            },
            [&](int64_t j, vf v) {
              float* to = gw + (k + j) * weights + i;
              some == kLanes ? vstore(to, v) : vstore_some(to, v, some);
            });
      }
  }

  WeightShape s_;
  int64_t taps_;
  bool mixed_;
  int64_t step_, frame_, wide_, plane_, part_, part_rows_, parts_, panels_, together_, slots_ = 0, lines_ = 0;
  float *x_ = nullptr, *totals_ = nullptr;
  int64_t* runs_ = nullptr;
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::conv
