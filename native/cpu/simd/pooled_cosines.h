// One block of filters over one packed image: conv rows, their window maxima, and the finished cells handed out in runs
// of neighbouring positions. Nothing larger than a few rows of one block is kept, all of it in the nearest cache at
// usual sizes. Included after simd/vec.h.
#pragma once
#include <algorithm>

#include "cpu/simd/filter_lanes.h"
#include "cpu/simd/transpose.h"
#include "cpu/simd/window_max.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// Scratch memory of one task.
struct BlockMemory {
  static constexpr int64_t kRun = 64;  // positions from which they are handed out, still in the nearest cache
  CentredTiles centred;
  float *raw, *values, *blocks, *ring, *run;

  template <class Cell>
  static int64_t floats(const Layer& l, const WindowPlan& rows, const WindowPlan& columns) {
    const int64_t group = l.signs * kMaxVectors, cells = group * columns.outputs,
                  row = (l.Q + 2 * columns.padding) * group;
    return CentredTiles::floats(l) + row * kLanes + 2 * row * Cell::kFloats + WindowRows<Cell>::floats(rows, cells) +
           (kRun + columns.outputs + kLanes) * group * Cell::kFloats;
  }
  template <class Cell>
  static BlockMemory make(const Layer& l, const WindowPlan& rows, const WindowPlan& columns, float* memory,
                          int64_t* offset) {
    BlockMemory m;
    const int64_t group = l.signs * kMaxVectors, cells = group * columns.outputs,
                  row = (l.Q + 2 * columns.padding) * group;
    m.centred = {memory, offset};
    m.raw = memory + CentredTiles::floats(l);
    m.values = m.raw + row * kLanes;
    m.blocks = m.values + row * Cell::kFloats;
    m.ring = m.blocks + row * Cell::kFloats;
    m.run = m.ring + WindowRows<Cell>::floats(rows, cells);
    return m;
  }
};

/// Products [position][vector] of a row, in place to [position][vector, then the same with its sign turned].
template <int kVectors>
STRIATE_INLINE void with_negatives(float* row, int64_t positions) {
  for (int64_t q = positions; q-- > 0;) {
    vf product[kVectors];
    for (int v = 0; v < kVectors; ++v) product[v] = vload(row + (q * kVectors + v) * kLanes);
    float* to = row + q * 2 * kVectors * kLanes;
    for (int v = 0; v < kVectors; ++v) {
      vstore(to + v * kLanes, product[v]);
      vstore(to + (kVectors + v) * kLanes, -product[v]);
    }
  }
}

/// Calls sink.take(first position, positions, cells) with cells[position][vector of the block] for runs of positions, all
/// but the last of whole squares of kLanes; with two signs those of the negatives stand after them. Up to kLanes - 1
/// positions past a run may be read. sink.done(positions) is called after the products of so many.
template <class Cell, int kVectors, class Sink>
void pooled_block(const Layer& l, const Image& image, const WindowPlan& rows, const WindowPlan& columns, int64_t block,
                  const BlockMemory& m, const Sink& sink) {
  const bool pooled = rows.size > 1 || rows.stride > 1;
  const int64_t group = l.signs * kVectors, cell = group * Cell::kFloats;
  const WindowRows<Cell> window{rows, columns.outputs * group, m.ring};
  const int64_t padding = columns.padding, edge = padding * group * kLanes;
#if defined(STRIATE_AMX)
  const tiles::Registers registers(l.tiles.used ? l.tiles.rows : 0);
#endif
  const auto products = [&](int64_t p, float* to) {
#if defined(STRIATE_AMX)
    if (l.tiles.used) {
      l.tiles.conv_row<kVectors>(image.tiles, l.block_tiles(block), p, image.factor + p * l.Q, to);
      return sink.done(l.Q);
    }
#endif
    conv_row<kVectors>(l, image, l.block_filters(block), p, m.centred, to,
                       [&](int64_t positions) { sink.done(positions); });
  };
  int64_t taken = 0, held = 0;  // positions
  for (int64_t row = 0; row < rows.last(); ++row) {
    if (window.skips(row)) continue;
    const int64_t p = row - rows.padding;
    const bool within = p >= 0 && p < l.P;
    float* to = m.run + held * cell;
    float* raw = pooled || Cell::kPlaces ? m.raw : to;
    const int32_t origin = static_cast<int32_t>(p * l.Q);
    if (within) {
      products(p, raw + edge);
      if (l.signs == 2) with_negatives<kVectors>(raw + edge, l.Q);
    }
    bool done = true;
    if (pooled) {
      if (within) {
        std::fill(raw, raw + edge, -__builtin_inff());
        std::fill(raw + edge + l.Q * group * kLanes, raw + 2 * edge + l.Q * group * kLanes, -__builtin_inff());
        window_row<Cell>(columns, group, l.Q + 2 * padding, raw, origin - static_cast<int32_t>(padding), origin,
                         m.values, m.blocks, window.place(row), window.starts(row));
      } else {
        window.pad(row, group, columns);
      }
      done = window.finish(row, to);
    } else if (Cell::kPlaces) {
      for (int64_t i = 0; i < l.Q * group; ++i)
        Cell::of(vload(raw + i * kLanes), origin + static_cast<int32_t>(i / group)).store(to + i * Cell::kFloats);
    }
    if (!done) continue;
    held += columns.outputs;
    const bool last = taken + held == rows.outputs * columns.outputs;
    if (held < BlockMemory::kRun && !last) continue;
    const int64_t rest = last ? 0 : held % kLanes, count = held - rest;
    sink.take(taken, count, m.run);
    taken += count;
    held = rest;
    std::memcpy(m.run, m.run + count * cell, static_cast<size_t>(rest * cell) * sizeof(float));
  }
}

template <class Cell, class Sink>
void any_block(const Layer& l, const Image& image, const WindowPlan& rows, const WindowPlan& columns, int64_t block,
               const BlockMemory& m, const Sink& sink) {
  if (l.block_vectors(block) == 2)
    pooled_block<Cell, 2>(l, image, rows, columns, block, m, sink);
  else
    pooled_block<Cell, 1>(l, image, rows, columns, block, m, sink);
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
