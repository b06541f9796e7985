// conv2d of few channels, such as a stem on pixels, and the gradient of its filters: what a tap meets at neighbouring
// positions is made neighbours in memory, so a tile of positions (or a run of them, for the gradient) has one pointer a
// tap. Bands of images are packed as [channel][line][column % stride][column / stride][image], in a frame of zeros.
//   y   lanes are filters, rows neighbouring positions (simd/position_tile.h), the depth is all taps
//   gw  lanes are filters, rows weights, the depth runs along the positions of a few lines, whose gradients are turned
//       just before they are used. Sums of several bands stand apart and meet at the end; their number depends on
//       shapes alone. Included after simd/begin.h.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/context.h"
#include "core/parallel.h"

#include "cpu/simd/conv_tile.h"
#include "cpu/simd/position_tile.h"

namespace striate::cpu::STRIATE_SIMD_NS::conv {
namespace {

class FewChannels {
 public:
  explicit FewChannels(const Shape& shape)
      : s_(shape),
        taps_(shape.C * shape.R * shape.S),
        phase_(((shape.Q - 1) * shape.stride + shape.S + shape.stride - 1) / shape.stride),
        together_(std::clamp<int64_t>(kPositions / shape.Q, 1, shape.N)),
        groups_((shape.N + together_ - 1) / together_),
        band_(std::clamp<int64_t>(kBandFloats / (shape.C * shape.stride * line(together_)), 1, shape.P)) {}

  template <class T>
  void forward(core::Context& ctx, const T* x, const float* w, const float* bias, float* y) const {
    const int64_t vectors = (s_.K + kLanes - 1) / kLanes, pixels = s_.P * s_.Q;
    float* filters = ctx.scratch<float>(static_cast<size_t>(vectors * kLanes * taps_));
    float* biases = ctx.scratch<float>(static_cast<size_t>(vectors * kLanes));
    pack_filters(w, s_.K, taps_, filters);
    std::fill(biases, biases + vectors * kLanes, 0.0f);
    if (bias) std::copy(bias, bias + s_.K, biases);
    const bool stream = s_.N * s_.K * pixels >= kStreamed;
    // A result is computed alike whichever band has it, so bands may follow the number of threads.
    const int64_t threads = core::threads();
    const int64_t band = threads == 1 ? band_ : std::clamp<int64_t>(s_.P * groups_ / (4 * threads), 1, band_);
    const int64_t outs = s_.Q * together_ * kMaxVectors * kLanes;
    each_band(ctx, band, groups_ * bands(band), outs, [&](const Band& b, float* packed, float* out) {
      b.fill(x, packed);
      for (int64_t p = 0; p < b.rows; ++p)
        for (int64_t v = 0; v < vectors; v += kMaxVectors) {
          const float* block = filters + v * taps_ * kLanes;
          const Plus plus{biases + v * kLanes};
          const float* from = packed + p * s_.stride * b.line;
          float* to = y + (b.first * s_.K + v * kLanes) * pixels + (b.p + p) * s_.Q;
          const int64_t lanes = s_.K - v * kLanes;
          if (vectors - v > 1)
            row<2>(b, from, block, plus, out, lanes, to, stream);
          else
            row<1>(b, from, block, plus, out, lanes, to, stream);
        }
    });
  }

  template <class T>
  void weight_gradient(core::Context& ctx, const T* x, const float* gy, float* gw) const {
    const int64_t panels = panels_of(s_.K), together = panels_at_once(panels),
                  sets = (panels + together - 1) / together;
    const int64_t step = rows_at_once(panels), tiles = (taps_ + step - 1) / step, units = groups_ * bands(band_);
    const int64_t segments = std::clamp<int64_t>(kSums / sets, 1, units);
    const int64_t lines = std::clamp<int64_t>(kBlockRows / (s_.Q * together_), 1, band_);
    const int64_t apart = tiles * step * kPanel, g_apart = lines * s_.Q * together_ * kPanel;
    float* totals = ctx.scratch<float>(static_cast<size_t>(sets * segments * together * apart));
    each_task(ctx, band_, sets * segments, together * g_apart,
              [&](int64_t task, int64_t* offset, float* packed, float* g) {
                const int64_t panel = task / segments * together, segment = task % segments;
                float* total = totals + task * together * apart;
                const int64_t begin = units * segment / segments, end = units * (segment + 1) / segments;
                for (int64_t unit = begin; unit < end && !ctx.stop(); ++unit) {
                  const Band b = make_band(unit, band_, offset);
                  b.fill(x, packed);
                  for (int64_t p = 0; p < b.rows; p += lines)
                    add_lines(b, p, std::min(lines, b.rows - p), gy, panel, packed, unit > begin || p > 0, g, g_apart,
                              total, apart);
                }
              });
    core::parallel_for(panels * ((taps_ + kLanes - 1) / kLanes), [&](int64_t task) {
      const int64_t panel = task % panels, i = task / panels * kLanes, some = std::min<int64_t>(kLanes, taps_ - i);
      const float* first = totals + (panel / together * segments * together + panel % together) * apart + i * kPanel;
      for (int64_t k = panel * kPanel; k < std::min(s_.K, (panel + 1) * kPanel); k += kLanes)
        transpose_block(
            some, s_.K - k,
            [&](int64_t j) {
              vf sum = vload(first + j * kPanel + k % kPanel);
              for (int64_t segment = 1; segment < segments; ++segment)
                sum += vload(first + segment * together * apart + j * kPanel + k % kPanel);
              return sum;
            },
            [&](int64_t j, vf v) {
              float* to = gw + (k + j) * taps_ + i;
              some == kLanes ? vstore(to, v) : vstore_some(to, v, static_cast<int>(some));
            });
    });
  }

 private:
  static constexpr int64_t kPositions = 48;         // in a line, at least: images stand side by side to make as many
  static constexpr int64_t kBandFloats = 32 << 10;  // of a packed band
  static constexpr int64_t kBlockRows = 128;        // of gradients that are turned at once: half of L1
  static constexpr int64_t kSums = 32;              // of gradients that may be made at once

  struct Plus {
    const float* bias;
    STRIATE_INLINE vf operator()(vf sum, int, int v) const { return sum + vload(bias + v * kLanes); }
  };

  /// Rows [p, p + rows) of the map for images [first, first + images).
  struct Band {
    const Shape& s;
    int64_t first, images, p, rows, line, phase;
    int64_t* offset;  // [taps] from a position to its pixel

    int64_t lines() const { return (rows - 1) * s.stride + s.R; }

    void place_taps() const {
      int64_t* at = offset;
      for (int64_t c = 0; c < s.C; ++c)
        for (int64_t r = 0; r < s.R; ++r)
          for (int64_t i = 0; i < s.S; ++i)
            *at++ = (c * lines() + r) * line + (i % s.stride * phase + i / s.stride) * images;
    }
    template <class T>
    void fill(const T* x, float* to) const {
      for (int64_t c = 0; c < s.C; ++c)
        for (int64_t l = 0; l < lines(); ++l) {
          const int64_t h = p * s.stride + l - s.padding;
          for (int64_t residue = 0; residue < s.stride; ++residue, to += phase * images) {
            // Of the columns residue + i * stride those from `begin` to `end` are the image's.
            const auto column = [&](int64_t at) {
              return at <= residue ? 0 : std::min(phase, (at - residue + s.stride - 1) / s.stride);
            };
            const bool within = h >= 0 && h < s.H;
            const int64_t begin = within ? column(s.padding) : phase, end = within ? column(s.padding + s.W) : phase;
            std::fill(to, to + begin * images, 0.0f);
            std::fill(to + end * images, to + phase * images, 0.0f);
            for (int64_t n = 0; n < images && begin < end; ++n)
              copy(x + (((first + n) * s.C + c) * s.H + h) * s.W + begin * s.stride + residue - s.padding, s.stride,
                   end - begin, to + begin * images + n, images);
          }
        }
    }

   private:
    template <class T>
    STRIATE_INLINE static void copy(const T* from, int64_t stride, int64_t count, float* to, int64_t step) {
      if (step == 1 && stride == 1) {
        for (int64_t i = 0; i < count; ++i) to[i] = value_of(from[i]);
      } else if (step == 1 && stride == 2) {
        for (int64_t i = 0; i < count; ++i) to[i] = value_of(from[2 * i]);
      } else {
        for (int64_t i = 0; i < count; ++i) to[i * step] = value_of(from[i * stride]);
      }
    }
  };

  int64_t line(int64_t images) const { return phase_ * s_.stride * images; }
  int64_t bands(int64_t band) const { return (s_.P + band - 1) / band; }

  Band make_band(int64_t unit, int64_t band, int64_t* offset) const {
    const int64_t first = unit / bands(band) * together_, p = unit % bands(band) * band;
    const int64_t images = std::min(together_, s_.N - first);
    const Band b{s_, first, images, p, std::min(band, s_.P - p), line(images), phase_, offset};
    b.place_taps();
    return b;
  }

  /// f(task, offset, packed, memory) with a thread's own memory: of taps, of a packed band, and `floats` more.
  template <class F>
  void each_task(core::Context& ctx, int64_t band, int64_t tasks, int64_t floats, F&& f) const {
    const int64_t slots = std::min<int64_t>(core::threads(), tasks);
    const int64_t packed = s_.C * ((band - 1) * s_.stride + s_.R) * line(together_);
    int64_t* offsets = ctx.scratch<int64_t>(static_cast<size_t>(slots * taps_));
    float *bands = ctx.scratch<float>(static_cast<size_t>(slots * packed)),
          *memory = ctx.scratch<float>(static_cast<size_t>(slots * floats));
    std::atomic<int64_t> next{0};
    core::parallel_for(slots, [&](int64_t slot) {
      for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks && !ctx.stop();)
        f(task, offsets + slot * taps_, bands + slot * packed, memory + slot * floats);
      stream_fence();
    });
  }
  template <class F>
  void each_band(core::Context& ctx, int64_t band, int64_t tasks, int64_t floats, F&& f) const {
    each_task(ctx, band, tasks, floats, [&](int64_t task, int64_t* offset, float* packed, float* memory) {
      f(make_band(task, band, offset), packed, memory);
    });
  }

  /// A row of the map of kVectors vectors of filters, to the planes at `to`.
  template <int kVectors>
  void row(const Band& b, const float* x, const float* filters, Plus plus, float* out, int64_t lanes, float* to,
           bool stream) const {
    constexpr int64_t kWidth = kVectors * kLanes;
    const int64_t positions = s_.Q * b.images, tiles = (positions + kTile - 1) / kTile;
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t begin = positions * i / tiles, end = positions * (i + 1) / tiles;
      any_tile<kVectors>(static_cast<int>(end - begin), x + begin, b.offset, taps_, filters, plus,
                         out + begin * kWidth);
    }
    for (int64_t n = 0; n < b.images; ++n)
      to_planes(out + n * kWidth, b.images * kWidth, s_.Q, std::min(lanes, kWidth), to + n * s_.K * s_.P * s_.Q,
                s_.P * s_.Q, stream);
  }

  /// Adds `lines` rows of a band, from row p of it on, to the sums of a few panels of filters.
  void add_lines(const Band& b, int64_t p, int64_t lines, const float* gy, int64_t panel, const float* packed, bool add,
                 float* g, int64_t g_apart, float* total, int64_t apart) const {
    const int64_t pixels = s_.P * s_.Q, positions = s_.Q * b.images, panels = panels_of(s_.K);
    const int64_t lanes = s_.K - panel * kPanel, step = rows_at_once(panels);
    for (int64_t k = 0; k < std::min(lanes, panels_at_once(panels) * kPanel); k += kPanel)
      for (int64_t n = 0; n < b.images; ++n) {
        const float* from = gy + ((b.first + n) * s_.K + panel * kPanel + k) * pixels + (b.p + p) * s_.Q;
        float* to = g + k / kPanel * g_apart + n * kPanel;
        if (b.images == 1)
          from_planes(from, pixels, std::min(lanes - k, kPanel), lines * s_.Q, to, kPanel);
        else
          for (int64_t i = 0; i < lines; ++i)
            from_planes(from + i * s_.Q, pixels, std::min(lanes - k, kPanel), s_.Q, to + i * positions * kPanel,
                        b.images * kPanel);
      }
    int64_t at[kBlockRows], lane[kBlockRows], steps[kBlockRows];
    for (int64_t i = 0; i < lines; ++i) {
      at[i] = (p + i) * s_.stride * b.line;
      lane[i] = i * positions;
      steps[i] = positions;
    }
    for (int64_t weight = 0; weight < taps_; weight += step) {
      const float* rows[kRows];
      for (int64_t r = 0; r < step; ++r) rows[r] = packed + b.offset[std::min(weight + r, taps_ - 1)];
      const int some = static_cast<int>(std::min(step, taps_ - weight));
      tile_for<ShiftedRuns>(some, lanes)({rows, at, lane, steps, lines, g, g_apart}, nullptr, add,
                                         total + weight * kPanel, apart, some);
    }
  }

  Shape s_;
  int64_t taps_, phase_, together_, groups_, band_;
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::conv
