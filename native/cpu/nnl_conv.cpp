// nnl_conv: ops/nnl_conv.h. For each image and each block of 2 * kLanes filters: products (simd/filter_lanes.h), times
// 1 / |v|, window maxima (simd/window_max.h), and on the pooled cells alone the power, a transpose and the store.
// The factors 1 / |v| are made once an image, from float64 window sums of squares. A centred patch has its mean
// subtracted before the products (w . v - mean * sum(w) would lose the digits of a patch of little contrast). Bytes
// enter as 0..255: exact, and a cosine does not care; their products take AMX tiles (simd/filter_tiles.h). Images with
// a number that is not finite take the slower maxima that a NaN wins. Large results pass by the caches (+10 %), a little
// after each row of products.
// Why filters, not images, in the lanes: no remainder of the batch, and batch 1 runs as fast. Zen 5, one thread, W = 4,
// K = 400, n = 40, pool 11/2: 5300 images/s (71 % of the FMA peak; 84 % at W = 8), 3.1 times the best PyTorch form of
// the same run (1700). With places it takes 15 % more time at W = 4, 4 % at W = 8.
#include "ops/nnl_conv.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/pooled_cosines.h"
#include "cpu/simd/power.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr size_t kStreamed = 4 << 20;  // bytes of y from which it is not worth a place in the caches

/// Rows of finished results on their way past the caches. The processor can have few such stores under way, so they are
/// made a few at a time, beside the products of what comes next.
class Stream {
 public:
  /// `count` rows of `bytes`, one after another at `from`, and `pitch` apart at `to`. `from` stays as it is until `finish`.
  void add(char* to, const char* from, int64_t rows, int64_t bytes, int64_t pitch, int64_t turns) {
    if (pitch == bytes) bytes *= rows, rows = 1;
    waiting_[count_++] = {to, from, rows, bytes, pitch};
    step_ += rows * bytes / turns + 1;
  }
  void advance() {
    for (int64_t left = step_; left > 0 && first_ < count_;) left -= copy(waiting_[first_], left);
  }
  void finish() {
    while (first_ < count_) copy(waiting_[first_], waiting_[first_].bytes);
    first_ = count_ = step_ = 0;
  }

 private:
  static constexpr int64_t kVector = sizeof(vf);
  struct Rows {
    char* to;
    const char* from;
    int64_t rows, bytes, pitch, done = 0;
  };

  /// About `most` bytes of a row, whole vectors of `to` wherever it has them.
  int64_t copy(Rows& r, int64_t most) {
    char* to = r.to + r.done;
    const char* from = r.from + r.done;
    const int64_t left = r.bytes - r.done,
                  before = -static_cast<int64_t>(reinterpret_cast<uintptr_t>(to)) & (kVector - 1);
    int64_t n = std::min(left, before);
    std::memcpy(to, from, static_cast<size_t>(n));
    for (const int64_t end = std::min(left, most); n + kVector <= end; n += kVector)
      vstream(reinterpret_cast<float*>(to + n), vload(reinterpret_cast<const float*>(from + n)));
    if (left - n < kVector) {
      std::memcpy(to + n, from + n, static_cast<size_t>(left - n));
      n = left;
    }
    r.done += n;
    if (r.done == r.bytes) {
      r.to += r.pitch, r.from += r.bytes, r.done = 0;
      if (--r.rows == 0) ++first_;
    }
    return n + 1;
  }

  Rows waiting_[4];  // both signs of y and of index
  int64_t first_ = 0, count_ = 0, step_ = 0;
};

/// The outputs of one call.
struct Store {
  float* y = nullptr;
  uint16_t* y_bf16 = nullptr;
  int32_t* index = nullptr;
  int64_t cells;  // P * Q after the pool
  Power power;
  const float* bias = nullptr;  // [vectors * kLanes]
  bool stream = false;          // pass by the caches
  int64_t turns = 0;            // rows of the map that a run takes

  /// Finishes a run: into `stage` in the order of y, [filter][position], and from there to y in long rows; and the
  /// places likewise, through what follows in `stage`.
  template <class Cell>
  void run(const Layer& l, int64_t n, int64_t block, int64_t first, int64_t count, float* run, float* stage,
           Stream& out) const {
    const int vectors = l.block_vectors(block), group = l.signs * vectors, step = group * Cell::kFloats;
    float* stage_index = stage + group * kLanes * count;
    out.finish();
    for (int v = 0; v < group; ++v) {
      float* from = run + v * Cell::kFloats;
      const vf b = bias ? vload(bias + (block * kMaxVectors + v % vectors) * kLanes) : vf{};
      raise(from, step, count, v < vectors ? b : -b);
      to_planes(from, step, count, kLanes, stage + v * kLanes * count, count, false);
      if (Cell::kPlaces && index)
        to_planes(from + kLanes, step, count, kLanes, stage_index + v * kLanes * count, count, false);
    }
    if (y_bf16) narrow(stage, group * kLanes * count);
    const int64_t k = block * kMaxVectors * kLanes, filters = std::min<int64_t>(vectors * kLanes, l.K - k);
    for (int sign = 0; sign < l.signs; ++sign) {
      const int64_t at = ((n * l.signs + sign) * l.K + k) * cells + first, of = sign * vectors * kLanes * count;
      if (y)
        copy_rows(y + at, stage + of, filters, count, out);
      else
        copy_rows(y_bf16 + at, reinterpret_cast<uint16_t*>(stage) + of, filters, count, out);
      if (Cell::kPlaces && index)
        copy_rows(index + at, reinterpret_cast<int32_t*>(stage_index) + of, filters, count, out);
    }
  }

 private:
  /// The power of `count` vectors `step` apart.
  void raise(float* from, int64_t step, int64_t count, vf b) const {
    constexpr int kTogether = 8;
    for (int64_t i = 0; i < count; i += kTogether) {
      vf value[kTogether];
      for (int j = 0; j < kTogether; ++j) value[j] = vload(from + std::min(i + j, count - 1) * step);
      if (bias)
        for (vf& x : value) x += b;
      power.apply(value);
      for (int j = 0; j < kTogether && i + j < count; ++j) vstore(from + (i + j) * step, value[j]);
    }
  }
  static void narrow(float* x, int64_t count) {
    uint16_t* to = reinterpret_cast<uint16_t*>(x);
    for (int64_t i = 0; i < count; i += kLanes) {
      uint16_t lane[kLanes];
      vstore_bf16(lane, vload(x + i));
      std::memcpy(to + i, lane, sizeof lane);
    }
  }
  template <class T>
  void copy_rows(T* to, const T* from, int64_t filters, int64_t count, Stream& out) const {
    const int64_t bytes = count * static_cast<int64_t>(sizeof(T)), pitch = cells * static_cast<int64_t>(sizeof(T));
    if (stream)
      out.add(reinterpret_cast<char*>(to), reinterpret_cast<const char*>(from), filters, bytes, pitch, turns);
    else if (count == cells)
      std::memcpy(to, from, static_cast<size_t>(filters * bytes));
    else
      for (int64_t k = 0; k < filters; ++k) std::memcpy(to + k * cells, from + k * count, static_cast<size_t>(bytes));
  }
};

template <class Cell>
struct Run {
  const Layer& l;
  const Store& store;
  int64_t n, block;
  float* stage;
  Stream& out;
  void take(int64_t first, int64_t count, float* cells) const {
    store.run<Cell>(l, n, block, first, count, cells, stage, out);
  }
  void row_done() const { out.advance(); }
};

}  // namespace

void nnl_conv(core::Context& ctx, const core::View* in, core::View* out, const op::NnlConv::Options& o) {
  Layer l = make_layer(in[0], in[1], o);
  const WindowPlan rows(o.pool_size, o.pool_stride, o.pool_padding, l.P),
      columns(o.pool_size, o.pool_stride, o.pool_padding, l.Q);
  Store store{.cells = rows.outputs * columns.outputs, .power = Power(o.power, o.rectify)};
  if (out[0].dtype == core::Dtype::f32)
    store.y = out[0].as<float>();
  else
    store.y_bf16 = out[0].as<uint16_t>();
  store.stream = out[0].bytes() >= kStreamed;
  store.turns = BlockMemory::rows_of_run(rows, columns) * rows.stride;
  if (out[1].rank >= 0) store.index = out[1].as<int32_t>();

  // Every cell is computed alike whichever task has it, so the split may follow the number of threads: whole images if
  // there are plenty, else each image's filters in parts, at the price of packing it for each.
  const int64_t threads = core::threads();
  const int64_t parts = std::clamp<int64_t>((4 * threads + l.N - 1) / l.N, 1, l.blocks);
  const int64_t tasks = l.N * (threads == 1 ? 1 : parts), slots = std::min(threads, tasks);
  const int64_t image_floats = Image::floats(l);
  const int64_t memory_floats = BlockMemory::floats<AnyPlaceCell>(l, rows, columns);
  const int64_t stage_floats = BlockMemory::rows_of_run(rows, columns) * columns.outputs * l.signs * kMaxVectors *
                               kLanes * (store.index ? 2 : 1);
  const int64_t slot_floats = image_floats + align_up(memory_floats + stage_floats);
  if (in[2].rank >= 0) {
    float* bias = ctx.scratch<float>(static_cast<size_t>(l.vectors * kLanes));
    std::fill(bias, bias + l.vectors * kLanes, 0.0f);
    std::memcpy(bias, in[2].data, in[2].bytes());
    store.bias = bias;
  }
  l.offset = ctx.scratch<int64_t>(static_cast<size_t>(l.taps));
  l.filters = ctx.scratch<float>(static_cast<size_t>(l.filter_floats()));
  int64_t* centred_offset = ctx.scratch<int64_t>(static_cast<size_t>(l.taps));
  for (int64_t t = 0; t < l.taps; ++t) centred_offset[t] = t * kTileStride;
  float* memory = ctx.scratch<float>(static_cast<size_t>(slots * slot_floats));
  pack_filters(l, in[1].as<float>());
  uint32_t infinite = 0;
  for (int64_t i = 0; i < in[1].count(); ++i) infinite |= is_infinite(in[1].as<float>()[i]);
  const int64_t split = tasks / l.N;
  std::atomic<int64_t> next{0};
  core::parallel_for(slots, [&](int64_t slot) {
    float* mine = memory + slot * slot_floats;
    Image image(l, mine);
    float* stage = mine + image_floats + memory_floats;
    Stream stream;
    for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks && !ctx.stop();) {
      const int64_t n = task / split, part = task % split;
      image.fill(l, in[0], n);
      for (int64_t block = l.blocks * part / split; block < l.blocks * (part + 1) / split; ++block) {
        const auto run = [&](auto cell) {
          using Cell = decltype(cell);
          const BlockMemory m = BlockMemory::make<Cell>(l, rows, columns, mine + image_floats, centred_offset);
          any_block<Cell>(l, image, rows, columns, block, m, Run<Cell>{l, store, n, block, stage, stream});
        };
        if (infinite || !image.finite)
          run(AnyPlaceCell{});
        else if (store.index)
          run(PlaceCell{});
        else
          run(ValueCell{});
      }
    }
    stream.finish();
    if (store.stream) stream_fence();
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
