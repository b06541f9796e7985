// nnl_conv: ops/nnl_conv.h. For each image and each block of 2 * kLanes filters: products (simd/filter_lanes.h), times 1 / |v|,
// window maxima (simd/window_max.h), and on the pooled cells alone the power, a transpose and the store.
// 1 / |v| is made once an image from float64 window sums of squares. A centred patch has its mean subtracted before the products
// (w . v - mean * sum(w) would lose the digits of a patch of little contrast). Bytes enter as 0..255: exact, and a cosine does not
// care. Images with a number that is not finite take the slower maxima that a NaN wins.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/parallel.h"
#include "cpu/kernels.h"
#include "cpu/simd/begin.h"
#include "cpu/simd/vec.h"

#include "cpu/simd/pooled_cosines.h"
#include "cpu/simd/power.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// The outputs of one call.
struct Store {
  float* y = nullptr;
  uint16_t* y_bf16 = nullptr;
  int32_t* index = nullptr;
  int64_t cells;  // P * Q after the pool
  Power power;

  /// Asks for the cache lines that the run will write, so that they come while it is computed.
  void expect(const Layer& l, int64_t n, int64_t block, int64_t first, int64_t count) const {
    const int64_t size = y ? 4 : 2, k = block * kMaxVectors * kLanes;
    const int64_t last = std::min(l.K, k + l.block_vectors(block) * kLanes);
    const char* base = y ? reinterpret_cast<const char*>(y) : reinterpret_cast<const char*>(y_bf16);
    for (int64_t row = n * l.K + k; row < n * l.K + last; ++row)
      for (int64_t i = 0; i < count * size; i += 64) __builtin_prefetch(base + (row * cells + first) * size + i, 1, 2);
  }

  template <class Cell>
  void run(const Layer& l, int64_t n, int64_t block, int64_t first, int64_t count, const float* cells_of_run) const {
    const int vectors = l.block_vectors(block);
    for (int v = 0; v < vectors; ++v) {
      const int64_t k = (block * kMaxVectors + v) * kLanes;
      const int lanes = static_cast<int>(std::min<int64_t>(kLanes, l.K - k));
      const int64_t to = (n * l.K + k) * cells + first;
      for (int64_t i = 0; i < count; i += kLanes) {
        const int some = static_cast<int>(std::min<int64_t>(kLanes, count - i));
        const float* from = cells_of_run + (i * vectors + v) * Cell::kFloats;
        vf row[kLanes];
        gather(row, from, vectors * Cell::kFloats, some);
        constexpr int kTogether = kLanes < 8 ? kLanes : 8;  // and as many results: the registers
        for (int j = 0; j < kLanes; j += kTogether) power.apply(*reinterpret_cast<vf(*)[kTogether]>(row + j));
        transpose(row);
        if (y && some == kLanes && lanes == kLanes) {
#pragma GCC unroll 16
          for (int lane = 0; lane < kLanes; ++lane) vstore(y + to + lane * cells + i, row[lane]);
        } else if (y) {
          for (int lane = 0; lane < lanes; ++lane) vstore_some(y + to + lane * cells + i, row[lane], some);
        } else {
          for (int lane = 0; lane < lanes; ++lane) store_bf16(row[lane], to + lane * cells + i, some);
        }
        if (Cell::kFloats == kLanes || !index) continue;
        gather(row, from + kLanes, vectors * Cell::kFloats, some);
        transpose(row);
        for (int lane = 0; lane < lanes; ++lane)
          vstore_some(reinterpret_cast<float*>(index) + to + lane * cells + i, row[lane], some);
      }
    }
  }

 private:
  STRIATE_INLINE static void gather(vf (&row)[kLanes], const float* from, int64_t step, int some) {
    if (some == kLanes) {
      for (int j = 0; j < kLanes; ++j) row[j] = vload(from + j * step);
      return;
    }
    for (int j = 0; j < kLanes; ++j) row[j] = vload(from + (j < some ? j : 0) * step);
  }
  STRIATE_INLINE void store_bf16(vf value, int64_t at, int some) const {
    float lane[kLanes];
    std::memcpy(lane, &value, sizeof value);
    uint16_t narrow[kLanes];
    for (int i = 0; i < kLanes; ++i) narrow[i] = to_bf16(lane[i]);
    std::memcpy(y_bf16 + at, narrow, static_cast<size_t>(some) * 2);
  }
};

template <class Cell>
struct Run {
  const Layer& l;
  const Store& store;
  int64_t n, block;
  void expect(int64_t first, int64_t count) const { store.expect(l, n, block, first, count); }
  void take(int64_t first, int64_t count, const float* cells) const { store.run<Cell>(l, n, block, first, count, cells); }
};

}  // namespace

void nnl_conv(core::Context& ctx, const core::View* in, core::View* out, const op::NnlConv::Options& o) {
  Layer l = make_layer(in[0], in[1], o);
  const WindowPlan rows(o.pool_size, o.pool_stride, l.P), columns(o.pool_size, o.pool_stride, l.Q);
  Store store{.cells = rows.outputs * columns.outputs, .power = Power(o.power)};
  if (out[0].dtype == core::Dtype::f32)
    store.y = out[0].as<float>();
  else
    store.y_bf16 = out[0].as<uint16_t>();
  if (out[1].rank >= 0) store.index = out[1].as<int32_t>();

  // Every cell is computed alike whichever task has it, so the split may follow the number of threads: whole images if there are
  // plenty, else each image's filters in parts, at the price of packing it for each.
  const int64_t threads = core::threads();
  const int64_t parts = std::clamp<int64_t>((4 * threads + l.N - 1) / l.N, 1, l.blocks);
  const int64_t tasks = l.N * (threads == 1 ? 1 : parts), slots = std::min(threads, tasks);
  const int64_t image_floats = Image::floats(l);
  const int64_t memory_floats = BlockMemory::floats<PlaceCell>(l, rows, columns);
  l.offset = ctx.scratch<int64_t>(static_cast<size_t>(l.taps));
  l.filters = ctx.scratch<float>(static_cast<size_t>(l.filter_floats()));
  int64_t* centred_offset = ctx.scratch<int64_t>(static_cast<size_t>(l.taps));
  for (int64_t t = 0; t < l.taps; ++t) centred_offset[t] = t * kTileStride;
  float* memory = ctx.scratch<float>(static_cast<size_t>(slots * (image_floats + memory_floats)));
  pack_filters(l, in[1].as<float>());
  uint32_t infinite = 0;
  for (int64_t i = 0; i < in[1].count(); ++i) infinite |= is_infinite(in[1].as<float>()[i]);
  const bool plain = !store.index && !infinite;

  const int64_t split = tasks / l.N;
  std::atomic<int64_t> next{0};
  core::parallel_for(slots, [&](int64_t slot) {
    float* mine = memory + slot * (image_floats + memory_floats);
    Image image(l, mine);
    for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks && !ctx.stop();) {
      const int64_t n = task / split, part = task % split;
      image.fill(l, in[0], n);
      for (int64_t block = l.blocks * part / split; block < l.blocks * (part + 1) / split; ++block) {
        if (plain && image.finite) {
          const BlockMemory m = BlockMemory::make<ValueCell>(l, rows, columns, mine + image_floats, centred_offset);
          any_block<ValueCell>(l, image, rows, columns, block, m, Run<ValueCell>{l, store, n, block});
        } else {
          const BlockMemory m = BlockMemory::make<PlaceCell>(l, rows, columns, mine + image_floats, centred_offset);
          any_block<PlaceCell>(l, image, rows, columns, block, m, Run<PlaceCell>{l, store, n, block});
        }
      }
    }
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
