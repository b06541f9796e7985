// Maxima over windows of `size` positions that start every `stride`-th position, of vectors, along a row and then down
// the rows as they come. A few windows that share a place are each made of the best up to it and the best from there on,
// which grow from window to window: 2 maxima a position for 11/2 along a row, and so down the rows with stride 1. Else
// blocks of `stride` positions are folded first; windows of 1, 2, 4, ... blocks follow from one another in place, and two
// of the longest that fit (overlapping) and the first positions of the next block make a window. A cell is one vector of
// values, or values with the position of each; equal values keep the earlier position, and a NaN wins (AnyPlaceCell; the
// others are for numbers alone). Padding is positions of -inf; a window of nothing more than that keeps the place of its
// first position within. Included after simd/vec.h.
#pragma once
#include <cstring>

#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

struct ValueCell {
  static constexpr int kFloats = kLanes;
  static constexpr bool kPlaces = false, kNumbers = true;
  vf value;
  STRIATE_INLINE static ValueCell of(vf value, int32_t) { return {value}; }
  STRIATE_INLINE static ValueCell load(const float* p) { return {vload(p)}; }
  STRIATE_INLINE void store(float* p) const { vstore(p, value); }
  STRIATE_INLINE ValueCell moved(int32_t, int32_t) const { return *this; }
  STRIATE_INLINE static ValueCell best(ValueCell earlier, ValueCell later) {
    return {vmax(earlier.value, later.value)};
  }
};

/// Values and places, one vector each.
template <bool kNan>
struct PlacesCell {
  static constexpr int kFloats = 2 * kLanes;
  static constexpr bool kPlaces = true, kNumbers = !kNan;
  vf value;
  vi place;
  STRIATE_INLINE static PlacesCell of(vf value, int32_t place) { return {value, vset(place)}; }
  STRIATE_INLINE static PlacesCell load(const float* p) { return {vload(p), (vi)vload(p + kLanes)}; }
  STRIATE_INLINE void store(float* p) const {
    vstore(p, value);
    vstore(p + kLanes, (vf)place);
  }
  /// The same cell, its place counted from `origin` further back, and no less than `least`.
  STRIATE_INLINE PlacesCell moved(int32_t origin, int32_t least) const {
    const vi at = place + origin;
    return {value, vselect(at > vset(least), at, vset(least))};
  }
  STRIATE_INLINE static PlacesCell best(PlacesCell earlier, PlacesCell later) {
    if constexpr (!kNan)
      return {vmax(later.value, earlier.value), vselect(later.value > earlier.value, later.place, earlier.place)};
    const vi take = ~(later.value <= earlier.value) & (earlier.value == earlier.value);
    return {vselect(take, later.value, earlier.value), vselect(take, later.place, earlier.place)};
  }
};
using PlaceCell = PlacesCell<false>;
using AnyPlaceCell = PlacesCell<true>;

struct WindowPlan {
  int64_t size, stride, padding, outputs;
  int64_t whole, rest;  // blocks in a window, and positions after them
  int64_t power;        // largest power of two <= whole, or 0

  WindowPlan(int64_t size, int64_t stride, int64_t padding, int64_t positions)
      : size(size),
        stride(stride),
        padding(padding),
        outputs((positions + 2 * padding - size) / stride + 1),
        whole(size / stride),
        rest(size % stride),
        power(0) {
    for (int64_t width = 1; width <= whole; width *= 2) power = width;
  }
  /// Positions that some window covers, counted from the padding's first.
  int64_t last() const { return (outputs - 1) * stride + size; }
};

/// to[i] = best(a[i], b[i]) for `count` cells.
template <class Cell>
STRIATE_INLINE void fold(float* to, const float* a, const float* b, int64_t count) {
  for (int64_t i = 0; i < count * Cell::kFloats; i += Cell::kFloats)
    Cell::best(Cell::load(a + i), Cell::load(b + i)).store(to + i);
}

/// Up to kMost windows of a row of `raw` values, kSize and kStride known, that all hold the place kSize - 1: each is
/// the best of what it holds up to there, which stays in a register, and of what it holds beyond. Places are counted
/// from the tile's first value, as constants, until the end.
template <class Cell, int kSize, int kStride>
struct WindowTile {
  static constexpr int kMost = (kSize - 1) / kStride + 1;

  STRIATE_INLINE static void run(int64_t outputs, const float* raw, int64_t step, int32_t origin, int32_t least,
                                 float* to, int64_t to_step, bool first) {
    const auto value = [&](int at) __attribute__((always_inline)) { return Cell::of(vload(raw + at * step), at); };
    Cell head[kMost], best = value(kSize - 1);
#pragma GCC unroll 32
    for (int at = kSize - 1; at >= 0; --at) {
      if (at < kSize - 1) best = Cell::best(value(at), best);
      if (at % kStride == 0) head[at / kStride] = best;
    }
#pragma GCC unroll 32
    for (int b = 0; b < kMost; ++b) {
      if (b == outputs) return;
      Cell window = head[b];
      if (b > 0) {
#pragma GCC unroll 32
        for (int j = 0; j < kStride; ++j) {
          const Cell next = value(kSize + (b - 1) * kStride + j);
          best = b > 1 || j > 0 ? Cell::best(best, next) : next;
        }
        window = Cell::best(window, best);
      }
      window = window.moved(origin, least);
      float* at = to + b * to_step;
      if (!first) window = Cell::best(Cell::load(at), window);
      window.store(at);
    }
  }
};
template <class Cell, int kSize, int kStride>
void window_tiles(int64_t outputs, int64_t group, const float* raw, int32_t origin, int32_t least, float* to,
                  bool first) {
  using Tile = WindowTile<Cell, kSize, kStride>;
  const int64_t step = group * kLanes, to_step = group * Cell::kFloats;
  for (int64_t b = 0; b < outputs; b += Tile::kMost)
    for (int64_t i = 0; i < group; ++i)
      Tile::run(outputs - b, raw + b * kStride * step + i * kLanes, step, origin + static_cast<int32_t>(b * kStride),
                least, to + b * to_step + i * Cell::kFloats, to_step, first);
}

/// Those of a usual pool, or none.
template <class Cell>
auto known_tiles(const WindowPlan& plan) {
  struct Known {
    int64_t size, stride;
    decltype(&window_tiles<Cell, 1, 1>) tiles;
  };
  static constexpr Known kKnown[] = {
      {11, 2, window_tiles<Cell, 11, 2>}, {2, 2, window_tiles<Cell, 2, 2>},   {3, 2, window_tiles<Cell, 3, 2>},
      {5, 2, window_tiles<Cell, 5, 2>},   {7, 2, window_tiles<Cell, 7, 2>},   {9, 2, window_tiles<Cell, 9, 2>},
      {2, 1, window_tiles<Cell, 2, 1>},   {3, 1, window_tiles<Cell, 3, 1>},   {5, 1, window_tiles<Cell, 5, 1>},
      {11, 1, window_tiles<Cell, 11, 1>}, {11, 3, window_tiles<Cell, 11, 3>},
  };
  for (const Known& known : kKnown)
    if (known.size == plan.size && known.stride == plan.stride) return known.tiles;
  return decltype(Known::tiles){};
}

/// One row: `raw` holds `group` vectors of values a position, the first of which is position `origin`, padding
/// included, and the first within the map is `least`; `values` (of `positions` positions) and `blocks` are scratch
/// memory of as many cells. Writes `outputs` * group cells to `to`, or folds them into what is there. Overwrites `raw`.
template <class Cell>
void window_row(const WindowPlan& plan, int64_t group, int64_t positions, float* raw, int32_t origin, int32_t least,
                float* values, float* blocks, float* to, bool first) {
  const int64_t step = group * Cell::kFloats, n = plan.outputs;
  const int64_t count = n + plan.whole - 1;
  if constexpr (Cell::kNumbers) {
    if (const auto tiles = known_tiles<Cell>(plan)) return tiles(n, group, raw, origin, least, to, first);
  }
  if constexpr (Cell::kPlaces) {
    for (int64_t q = 0; q < positions; ++q)
      for (int64_t i = q * group; i < (q + 1) * group; ++i)
        Cell::of(vload(raw + i * kLanes), std::max(least, origin + static_cast<int32_t>(q)))
            .store(values + i * Cell::kFloats);
  } else {
    values = raw;
  }
  if (plan.whole == 0 || plan.stride == 1) {
    blocks = values;
  } else {
    for (int64_t b = 0; b < count; ++b)
      for (int64_t i = 0; i < step; i += Cell::kFloats) {
        const float* from = values + b * plan.stride * step + i;
        Cell best = Cell::load(from);
        for (int64_t j = 1; j < plan.stride; ++j) best = Cell::best(best, Cell::load(from + j * step));
        best.store(blocks + b * step + i);
      }
  }
  for (int64_t width = 1; 2 * width <= plan.whole; width *= 2)
    fold<Cell>(blocks, blocks, blocks + width * step, (count - 2 * width + 1) * group);
  for (int64_t b = 0; b < n; ++b)
    for (int64_t i = 0; i < step; i += Cell::kFloats) {
      const float* tail = values + (b + plan.whole) * plan.stride * step + i;
      Cell best;
      int64_t j = 0;
      if (plan.whole == 0) {
        best = Cell::load(tail);
        j = 1;
      } else {
        best = Cell::load(blocks + b * step + i);
        if (plan.whole != plan.power)
          best = Cell::best(best, Cell::load(blocks + (b + plan.whole - plan.power) * step + i));
      }
      for (; j < plan.rest; ++j) best = Cell::best(best, Cell::load(tail + j * step));
      float* at = to + b * step + i;
      (first ? best : Cell::best(Cell::load(at), best)).store(at);
    }
}

/// The rows' windows as the rows come, in a ring of whole + 1 rows of `cells` cells. With stride 1 the ring has one row
/// less, which are rows and, of those before the last multiple of the size, the best from there up to it; the row left
/// over is the best from there on.
template <class Cell>
struct WindowRows {
  const WindowPlan& plan;
  int64_t cells;
  float* ring;
  static constexpr int kFew = 6;  // blocks of a window that are compared anew for each

  static int64_t floats(const WindowPlan& plan, int64_t cells) { return (plan.whole + 1) * cells * Cell::kFloats; }
  float* slot(int64_t block) const {
    return ring + block % (plan.stride == 1 ? plan.whole : plan.whole + 1) * cells * Cell::kFloats;
  }
  bool skips(int64_t row) const { return row % plan.stride >= plan.size; }
  /// Where row `row` belongs; it must be folded in there unless it starts its block.
  float* place(int64_t row) const { return slot(row / plan.stride); }
  bool starts(int64_t row) const { return row % plan.stride == 0; }

  /// Row `row` is padding, of `group` vectors a window. Only padding above the map has a place that counts: the first
  /// of the map's positions under the window.
  void pad(int64_t row, int64_t group, const WindowPlan& columns) const {
    if (!starts(row)) return;
    float* to = place(row);
    for (int64_t i = 0; i < cells; ++i, to += Cell::kFloats)
      Cell::of(vset(-__builtin_inff()),
               static_cast<int32_t>(std::max<int64_t>(0, i / group * columns.stride - columns.padding)))
          .store(to);
  }
  /// After row `row` is in its place: writes a finished row of windows to `to` and returns true, if there is one.
  bool finish(int64_t row, float* to) const {
    const int64_t block = row / plan.stride, place = row % plan.stride, blocks = plan.whole + (plan.rest > 0);
    const bool few = blocks <= (plan.stride == 1 ? 3 : kFew);  // else each row is folded in where it is needed
    if (plan.stride == 1 && !few) return finish_next(row, to);
    if (place == plan.stride - 1 && !few)
      for (int64_t width = 1; 2 * width <= plan.whole; width *= 2) {
        const int64_t at = block - 2 * width + 1;
        if (at >= 0) fold<Cell>(slot(at), slot(at), slot(at + width), cells);
      }
    if (place != (plan.rest ? plan.rest : plan.stride) - 1) return false;
    const int64_t window = block - blocks + 1;
    if (window < 0 || window >= plan.outputs) return false;
    if (few) {
      best_of(window, blocks, to);
      return true;
    }
    const float *begin = slot(window), *next = slot(block);
    const float* end = plan.whole > plan.power ? slot(window + plan.whole - plan.power) : begin;
    const bool more = plan.rest;
    for (int64_t i = 0; i < cells * Cell::kFloats; i += Cell::kFloats) {
      Cell best = Cell::best(Cell::load(begin + i), Cell::load(end + i));
      if (more) best = Cell::best(best, Cell::load(next + i));
      best.store(to + i);
    }
    return true;
  }

 private:
  template <int kBlocks = kFew>
  void best_of(int64_t window, int64_t blocks, float* to) const {
    if constexpr (kBlocks > 1) {
      if (blocks < kBlocks) return best_of<kBlocks - 1>(window, blocks, to);
      const float* from[kBlocks];
      for (int b = 0; b < kBlocks; ++b) from[b] = slot(window + b);
      for (int64_t i = 0; i < cells * Cell::kFloats; i += Cell::kFloats) {
        Cell best = Cell::load(from[0] + i);
#pragma GCC unroll 8
        for (int b = 1; b < kBlocks; ++b) best = Cell::best(best, Cell::load(from[b] + i));
        best.store(to + i);
      }
    } else {
      std::memcpy(to, slot(window), static_cast<size_t>(cells * Cell::kFloats) * sizeof(float));
    }
  }
  bool finish_next(int64_t row, float* to) const {
    const int64_t place = row % plan.size, count = cells * Cell::kFloats;
    const bool done = row >= plan.size - 1;
    float *now = slot(row), *since = ring + plan.whole * count;
    if (place == plan.size - 1) {
      for (float* earlier = now - count; earlier >= ring; earlier -= count)
        fold<Cell>(earlier, earlier, earlier + count, cells);
      std::memcpy(to, ring, static_cast<size_t>(count) * sizeof(float));
      return done;
    }
    for (int64_t i = 0; i < count; i += Cell::kFloats) {
      Cell best = Cell::load(now + i);
      if (place > 0) best = Cell::best(Cell::load(since + i), best);
      best.store(since + i);
      if (done) Cell::best(Cell::load(now + count + i), best).store(to + i);
    }
    return done;
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
