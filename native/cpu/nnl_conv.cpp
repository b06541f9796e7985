// nnl_conv: ops/nnl_conv.h. For each image and each block of 2 * kLanes filters: products (simd/filter_lanes.h), times
// 1 / |v|, window maxima (simd/window_max.h), and on the pooled cells alone the power, a transpose and the store.
// The factors 1 / |v| are made once an image, from float64 window sums of squares. A centred patch has its mean
// subtracted before the products (w . v - mean * sum(w) would lose the digits of a patch of little contrast). Bytes
// enter as 0..255: exact, and a cosine does not care; their products take AMX tiles (simd/filter_tiles.h). Images with
// a number that is not finite take the slower maxima that a NaN wins. Large results pass by the caches (+10 %), a little
// after each tile of products.
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
  /// `count` rows of `bytes`, `from_pitch` apart at `from` and `pitch` apart at `to`, beside the products of about
  /// `positions`. `from` stays as it is until `finish`.
  void add(char* to, const char* from, int64_t rows, int64_t bytes, int64_t pitch, int64_t from_pitch,
           int64_t positions) {
    if (pitch == bytes && from_pitch == bytes) bytes *= rows, rows = 1;
    waiting_[count_++] = {to, from, rows, bytes, pitch, from_pitch};
    step_ += rows * bytes / positions + 1;
  }
  void advance(int64_t positions) {
    if ((due_ += positions * step_) < kBurst) return;
    while (due_ >= kVector && first_ < count_) due_ -= copy(waiting_[first_], due_);
  }
  void finish() {
    while (first_ < count_) copy(waiting_[first_], waiting_[first_].bytes);
    first_ = count_ = step_ = due_ = 0;
  }

 private:
  static constexpr int64_t kVector = sizeof(vf), kBurst = 256;
  struct Rows {
    char* to;
    const char* from;
    int64_t rows, bytes, pitch, from_pitch, done = 0;
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
      r.to += r.pitch, r.from += r.from_pitch, r.done = 0;
      if (--r.rows == 0) ++first_;
    }
    return n;
  }

  Rows waiting_[4];                                     // both signs of y and of index
  int64_t first_ = 0, count_ = 0, step_ = 0, due_ = 0;  // bytes a position, and owed
};

STRIATE_INLINE void put(float* to, vf v, int64_t count) {
  count >= kLanes ? vstore(to, v) : vstore_some(to, v, static_cast<int>(count));
}
STRIATE_INLINE void put(uint16_t* to, vf v, int64_t count) {
  if (count >= kLanes) return vstore_bf16(to, v);
  uint16_t lane[kLanes];
  vstore_bf16(lane, v);
  std::memcpy(to, lane, static_cast<size_t>(count) * sizeof *to);
}

/// The outputs of one call.
struct Store {
  void *y, *index = nullptr;
  bool bf16;
  int64_t cells;  // P * Q after the pool
  Power power;
  const float* bias = nullptr;  // [vectors * kLanes]
  int64_t staged = 0;           // cells of each filter that pass by the caches together; 0: none does
  int64_t positions = 0;        // of the map that so many take

  static constexpr int64_t kStaged = 800;
  int64_t y_bytes() const { return bf16 ? 2 : 4; }
  /// Of a stage, [filter][cell] and the places likewise.
  int64_t stage_bytes(const Layer& l) const {
    return align_up(l.signs * kMaxVectors * kLanes * staged * (y_bytes() + (index ? 4 : 0)) / 4) * 4;
  }
  char* y_at(int64_t i) const { return static_cast<char*>(y) + i * y_bytes(); }
  char* index_at(int64_t i) const { return static_cast<char*>(index) + i * 4; }

  /// to[lane * pitch + i] = the power of from[i * step + lane], if so asked, for `count` cells of `lanes` filters. One
  /// square at a time stays in registers from the one to the other.
  template <bool kRaise, class T>
  void planes(const float* from, int64_t step, int64_t count, int64_t lanes, T* to, int64_t pitch, vf b) const {
    for (int64_t i = 0; i < count; i += kLanes)
      square<kRaise>(from + i * step, step, count - i, lanes, to + i, pitch, b);
  }

 private:
  template <bool kRaise, class T>
  __attribute__((noinline)) void square(const float* from, int64_t step, int64_t count, int64_t lanes, T* to,
                                        int64_t pitch, vf b) const {
    constexpr int kTogether = kLanes < 8 ? kLanes : 8;
    vf row[kLanes];
#pragma GCC unroll 2
    for (int i = 0; i < kLanes; i += kTogether) {
      vf value[kTogether];
#pragma GCC unroll 8
      for (int j = 0; j < kTogether; ++j) value[j] = vload(from + (i + j) * step);
      if constexpr (kRaise) {
        if (bias)
          for (vf& x : value) x += b;
        power.apply(value);
      }
#pragma GCC unroll 8
      for (int j = 0; j < kTogether; ++j) row[i + j] = value[j];
    }
    transpose(row);
#pragma GCC unroll 16
    for (int j = 0; j < kLanes; ++j)
      if (j < lanes) put(to + j * pitch, row[j], count);
  }
};

/// Two stages, one of which is on its way to y while the other is filled.
struct Stages {
  char* memory;
  int64_t bytes;  // of each
  Stream stream{};
  int64_t now = 0;
  char* at(int64_t offset) const { return memory + now * bytes + offset; }
};

template <class Cell>
struct Run {
  const Layer& l;
  const Store& store;
  int64_t n, block;
  Stages& stages;

  void take(int64_t first, int64_t count, const float* cells) const {
    const int64_t vectors = l.block_vectors(block), group = l.signs * vectors, step = group * Cell::kFloats;
    const int64_t k = block * kMaxVectors * kLanes, filters = std::min(vectors * kLanes, l.K - k);
    const bool places = Cell::kPlaces && store.index;
    const int64_t stage_index = group * kLanes * store.staged * store.y_bytes();
    const auto plane = [&](int64_t sign) { return ((n * l.signs + sign) * l.K + k) * store.cells; };
    for (int64_t i = 0; i < count;) {
      const int64_t at = store.staged ? (first + i) % store.staged : 0;
      const int64_t some = store.staged ? std::min(count - i, store.staged - at) : count;
      const int64_t pitch = store.staged ? store.staged : store.cells;
      for (int64_t v = 0; v < group; ++v) {
        const int64_t lane = v % vectors * kLanes, lanes = std::min<int64_t>(kLanes, filters - lane);
        const float* from = cells + i * step + v * Cell::kFloats;
        const int64_t to = store.staged ? v * kLanes * pitch + at : plane(v / vectors) + lane * pitch + first + i;
        char* y = store.staged ? stages.at(to * store.y_bytes()) : store.y_at(to);
        vf b = store.bias ? vload(store.bias + k + lane) : vf{};
        if (v >= vectors) b = -b;
        if (store.bf16)
          store.planes<true>(from, step, some, lanes, reinterpret_cast<uint16_t*>(y), pitch, b);
        else
          store.planes<true>(from, step, some, lanes, reinterpret_cast<float*>(y), pitch, b);
        if (places)
          store.planes<false>(
              from + kLanes, step, some, lanes,
              reinterpret_cast<float*>(store.staged ? stages.at(stage_index + to * 4) : store.index_at(to)), pitch, b);
      }
      i += some;
      if (!store.staged || (at + some < store.staged && first + i < store.cells)) continue;
      stages.stream.finish();
      for (int64_t sign = 0; sign < l.signs; ++sign) {
        const int64_t to = plane(sign) + first + i - at - some, of = sign * vectors * kLanes * pitch;
        const auto add = [&](char* y, int64_t offset, int64_t bytes) {
          stages.stream.add(y, stages.at(offset + of * bytes), filters, (at + some) * bytes, store.cells * bytes,
                            pitch * bytes, store.positions);
        };
        add(store.y_at(to), 0, store.y_bytes());
        if (places) add(store.index_at(to), stage_index, 4);
      }
      stages.now ^= 1;
    }
  }
  void done(int64_t positions) const { stages.stream.advance(positions); }
};

}  // namespace

void nnl_conv(core::Context& ctx, const core::View* in, core::View* out, const op::NnlConv::Options& o) {
  Layer l = make_layer(in[0], in[1], o);
  const WindowPlan rows(o.pool_size, o.pool_stride, o.pool_padding, l.P),
      columns(o.pool_size, o.pool_stride, o.pool_padding, l.Q);
  Store store{.y = out[0].data,
              .index = out[1].rank >= 0 ? out[1].data : nullptr,
              .bf16 = out[0].dtype == core::Dtype::bf16,
              .cells = rows.outputs * columns.outputs,
              .power = Power(o.power, o.rectify)};
  if (out[0].bytes() >= kStreamed) {
    const int64_t parts = std::max<int64_t>(1, store.cells / Store::kStaged);
    store.staged = parts == 1 ? store.cells : align_up((store.cells + parts - 1) / parts);
    store.positions = std::max<int64_t>(1, l.P * l.Q * store.staged / store.cells);
  }

  // Every cell is computed alike whichever task has it, so the split may follow the number of threads: whole images if
  // there are plenty, else each image's filters in parts, at the price of packing it for each.
  const int64_t threads = core::threads();
  const int64_t parts = std::clamp<int64_t>((4 * threads + l.N - 1) / l.N, 1, l.blocks);
  const int64_t tasks = l.N * (threads == 1 ? 1 : parts), slots = std::min(threads, tasks);
  const int64_t image_floats = Image::floats(l);
  const int64_t memory_floats = BlockMemory::floats<AnyPlaceCell>(l, rows, columns);
  const int64_t stage_bytes = store.stage_bytes(l);
  const int64_t slot_floats = image_floats + align_up(memory_floats) + 2 * stage_bytes / 4;
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
    Stages stages{.memory = reinterpret_cast<char*>(mine + image_floats + align_up(memory_floats)),
                  .bytes = stage_bytes};
    for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks && !ctx.stop();) {
      const int64_t n = task / split, part = task % split;
      image.fill(l, in[0], n);
      for (int64_t block = l.blocks * part / split; block < l.blocks * (part + 1) / split; ++block) {
        const auto run = [&](auto cell) {
          using Cell = decltype(cell);
          const BlockMemory m = BlockMemory::make<Cell>(l, rows, columns, mine + image_floats, centred_offset);
          any_block<Cell>(l, image, rows, columns, block, m, Run<Cell>{l, store, n, block, stages});
        };
        if (infinite || !image.finite)
          run(AnyPlaceCell{});
        else if (store.index)
          run(PlaceCell{});
        else
          run(ValueCell{});
      }
    }
    stages.stream.finish();
    if (store.staged) stream_fence();
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
