// Images as the wavelet kernels read them: kLanes planes (a channel of an image each) side by side, [vector][row]
// [column][kLanes], with everything that a filter reaches beyond the border written out, so that a position p of a row
// reads columns [p step, p step + side). All planes are filtered alike, so it does not matter which images they are of.
// Included after simd/begin.h.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/context.h"
#include "core/parallel.h"
#include "ops/wavelet.h"

#include "cpu/simd/conv_panels.h"

namespace striate::cpu::STRIATE_SIMD_NS::wavelet {
namespace {

/// f(slot, i) for each i in [0, count): a slot is a worker's own scratch memory.
template <class F>
void by_slots(core::Context& ctx, int64_t slots, int64_t count, F&& f) {
  std::atomic<int64_t> next{0};
  core::parallel_for(slots, [&](int64_t slot) {
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count && !ctx.stop();) f(slot, i);
  });
}

struct Planes {
  int64_t height, width, side;  // of a plane, and of a filter
  op::WaveletAxis down, across;
  int64_t rows, columns;  // with what is reached beyond the border
  int32_t *row_of, *column_of;

  Planes(core::Context& ctx, int64_t height_, int64_t width_, int64_t side_, int64_t step)
      : height(height_),
        width(width_),
        side(side_),
        down(height_, step),
        across(width_, step),
        rows(down.extent(side_)),
        columns(across.extent(side_)),
        row_of(ctx.scratch<int32_t>(static_cast<size_t>(rows))),
        column_of(ctx.scratch<int32_t>(static_cast<size_t>(columns))) {
    for (int64_t i = 0; i < rows; ++i) row_of[i] = static_cast<int32_t>(down.reached(i, side));
    for (int64_t i = 0; i < columns; ++i) column_of[i] = static_cast<int32_t>(across.reached(i, side));
  }
  int64_t floats() const { return rows * columns * kLanes; }  // of a vector
  static int64_t vectors(int64_t planes) { return (planes + kLanes - 1) / kLanes; }

  /// Of `planes` planes in bundles of `bundle`, each of which begins a vector; lanes that no plane fills become 0.
  template <class T>
  void pack(core::Context& ctx, const T* x, int64_t planes, int64_t bundle, float* to) const {
    const int64_t slots = core::threads(), line_floats = (width + kLanes) * kLanes, each = vectors(bundle);
    const int64_t bundles = (planes + bundle - 1) / bundle, pixels = height * width;
    float* lines = ctx.scratch<float>(static_cast<size_t>(slots * line_floats));
    by_slots(ctx, slots, bundles * each * rows, [&](int64_t slot, int64_t task) {
      const int64_t v = task / rows, row = task % rows, first = v / each * bundle + v % each * kLanes;
      const int64_t some = std::min(planes, (v / each + 1) * bundle) - first;
      const T* from = x + first * pixels + row_of[row] * width;
      float *line = lines + slot * line_floats, *at = to + v * floats() + row * columns * kLanes;
      for (int64_t i = 0; i < width; i += kLanes)
        transpose_block(
            some, kLanes, [&](int64_t j) { return conv::load_values(from + j * pixels + i, width - i); },
            [&](int64_t j, vf value) { vstore(line + (i + j) * kLanes, value); });
      for (int64_t i = 0; i < columns; ++i) vstore(at + i * kLanes, vload(line + column_of[i] * kLanes));
    });
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::wavelet
