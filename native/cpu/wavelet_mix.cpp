// wavelet_mix: ops/wavelet.h. Tile by tile (simd/wavelet_tiles.h): the maps of a block of channels at a tile's places,
// and at once their products with that block's weights (simd/mix_tile.h), so that maps never leave the second cache;
// then norms, and rows turned into planes. Products are summed in order of the channels of a block, blocks in order;
// squares of a norm in float64.
// Maps smaller than the filters (simd/wavelet_small.h) are few numbers beside the weights: they are written, and the
// weights are read once, as they lie.
#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/parallel.h"
#include "core/wavelet_plan.h"
#include "core/workspace.h"
#include "ops/wavelet.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/gemm.h"
#include "cpu/simd/wavelet_small.h"
#include "cpu/simd/wavelet_tiles.h"
#include "cpu/simd/wide.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

using wavelet::SmallBank, wavelet::BankRows, wavelet::kPanel, wavelet::kStretch, wavelet::kTilePlaces, wavelet::Layer,
    wavelet::Tiling;

/// w [K, C maps] as the products read it: [block][panel][channel, map][kPanel], zeros beyond K.
void pack_weights(const Tiling& t, const float* w, int64_t k_count, int64_t panels, float* to) {
  const Layer& l = t.l;
  core::parallel_for(t.blocks * panels * 2, [&](int64_t task) {
    const int64_t b = task / 2 / panels, panel = task / 2 % panels, k = panel * kPanel + task % 2 * kLanes;
    const int64_t c0 = t.first_channel(b), channels = t.block_channels(b), waves = l.maps - 1;
    float* base = to + (c0 * l.maps * panels + panel * t.depth(b)) * kPanel + task % 2 * kLanes;
    // Two runs of memory: the low-passes, and the other maps channel by channel.
    const auto run = [&](const float* from, int64_t count, auto&& row) {
      for (int64_t i = 0; i < count; i += kLanes)
        transpose_block(
            k_count - k, count - i,
            [&](int64_t j) { return conv::load_values(from + (k + j) * l.channels() + i, count - i); },
            [&](int64_t j, vf v) { vstore(base + row(i + j) * kPanel, v); });
    };
    run(w + c0, channels, [&](int64_t c) { return c * l.maps; });
    run(w + l.C + c0 * waves, channels * waves, [&](int64_t i) { return i + i / waves + 1; });
  });
}

/// Divides a row by its Euclidean norm, which it returns. 0 stays 0.
float normalise(float* row, int64_t count) {
  constexpr int kHalf = kLanes / 2;
  vd squares = {};
  for (int64_t k = 0; k < count; k += kHalf) {
    const vd v = vload_wide(row + k);
    squares += v * v;
  }
  double lane[kHalf], sum = 0;
  std::memcpy(lane, &squares, sizeof squares);
  for (const double square : lane) sum += square;
  const double norm = __builtin_sqrt(sum), factor = sum == 0 ? 0 : 1 / norm;
  for (int64_t k = 0; k < count; k += kLanes) {
    const vd wide[2] = {vload_wide(row + k) * factor, vload_wide(row + k + kHalf) * factor};
    vstore(row + k, narrow(wide));
  }
  return static_cast<float>(norm);
}

/// rows [position][step] to the planes of y, `count` positions from (p, q) on.
void store_rows(const Layer& l, const float* rows, int64_t step, int64_t k_count, int64_t count, float* y, int64_t p,
                int64_t q) {
  const int64_t plane = l.P * l.Q;
  for (int64_t k = 0; k < k_count; k += kLanes)
    for (int64_t i = 0; i < count; i += kLanes) {
      float* to = y + k * plane + p * l.Q + q + i;
      const int some = static_cast<int>(std::min<int64_t>(kLanes, count - i));
      transpose_block(
          some, k_count - k, [&](int64_t j) { return vload(rows + (i + j) * step + k); },
          [&](int64_t j, vf v) { some == kLanes ? vstore(to + j * plane, v) : vstore_some(to + j * plane, v, some); });
    }
}

/// Columns of rows [K][count] divided by their Euclidean norms, which go to `norms` where it is one. 0 stays 0.
void normalise_columns(float* rows, int64_t k_count, int64_t count, float* norms) {
  core::parallel_for((count + kLanes - 1) / kLanes, [&](int64_t task) {
    const int64_t first = task * kLanes, some = std::min<int64_t>(kLanes, count - first);
    vd squares[2] = {}, wide[2], factor[2];
    for (int64_t k = 0; k < k_count; ++k) {
      widen(vload_part(rows + k * count + first, some), wide);
      for (int h = 0; h < 2; ++h) squares[h] += wide[h] * wide[h];
    }
    for (int h = 0; h < 2; ++h) {
      const vd norm = wide[h] = vsqrt(squares[h]);
      factor[h] = norm == 0.0 ? vd{} : 1.0 / norm;
    }
    if (norms) vstore_part(norms + first, narrow(wide), some);
    for (int64_t k = 0; k < k_count; ++k) {
      float* at = rows + k * count + first;
      widen(vload_part(at, some), wide);
      for (int h = 0; h < 2; ++h) wide[h] *= factor[h];
      vstore_part(at, narrow(wide), some);
    }
  });
}

template <class T>
void mix_small(core::Context& ctx, const Layer& l, const core::View* in, core::View* out, bool is_normalised) {
  const SmallBank bank(ctx, l, in[1].as<float>());
  const int64_t plane = l.P * l.Q, pixels = l.planes.height * l.planes.width, k_count = in[2].shape[0];
  const int64_t group = std::clamp<int64_t>(wavelet::kGroupFloats / (l.channels() * plane), 1, l.N);
  const int64_t slots = core::threads();
  float *maps = ctx.scratch<float>(static_cast<size_t>(l.channels() * group * plane)),
        *sums = ctx.scratch<float>(static_cast<size_t>(k_count * group * plane)),
        *scratch = ctx.scratch<float>(static_cast<size_t>(slots * bank.floats()));
  const float* bias = in[3].rank >= 0 ? in[3].as<float>() : nullptr;
  float* norms = out[1].rank >= 0 ? out[1].as<float>() : nullptr;
  core::Workspace workspace(ctx.cancelled);
  for (int64_t n = 0; n < l.N && !ctx.stop(); n += group) {
    const int64_t images = std::min(group, l.N - n), places = images * plane, planes = images * l.C;
    const T* x = in[0].as<T>() + n * l.C * pixels;
    wavelet::by_slots(ctx, slots, (planes + kLanes - 1) / kLanes, [&](int64_t slot, int64_t v) {
      float* own = scratch + slot * bank.floats();
      const int64_t first = v * kLanes, some = std::min<int64_t>(kLanes, planes - first);
      bank.maps(x + first * pixels, some, own);
      for (int64_t map = 0; map < l.maps; ++map)
        for (int64_t i = 0; i < plane; i += kLanes)
          transpose_block(
              plane - i, some, [&](int64_t j) { return vload(own + (map * plane + i + j) * kLanes); },
              [&](int64_t j, vf value) {
                const int64_t image = (first + j) / l.C, c = (first + j) % l.C;
                vstore_part(maps + l.channel(c, map) * places + image * plane + i, value,
                            std::min<int64_t>(kLanes, plane - i));
              });
    });
    for (int64_t k = 0; bias && k < k_count; ++k) std::fill_n(sums + k * places, places, bias[k]);
    core::Context inner = workspace.fresh();
    gemm::multiply(inner, k_count, places, l.channels(), gemm::Factor<float>{in[2].as<float>(), l.channels(), true},
                   gemm::Factor<float>{maps, places, false}, nullptr, sums, places, {.add = bias != nullptr});
    if (is_normalised) normalise_columns(sums, k_count, places, norms ? norms + n * plane : nullptr);
    float* y = out[0].as<float>() + n * k_count * plane;
    core::parallel_for(images, [&](int64_t image) {
      for (int64_t k = 0; k < k_count; ++k)
        std::copy_n(sums + k * places + image * plane, plane, y + (image * k_count + k) * plane);
    });
  }
}

}  // namespace

void wavelet_mix(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletMix::Options& o) {
  const Layer l(ctx, in[0], in[1], o);
  if (SmallBank::fits(l))
    return in[0].dtype == core::Dtype::u8 ? mix_small<uint8_t>(ctx, l, in, out, o.normalise)
                                          : mix_small<float>(ctx, l, in, out, o.normalise);
  const BankRows bank(l.plan, l.step);
  const Tiling t(ctx, l);
  const int64_t k_count = in[2].shape[0], panels = (k_count + kPanel - 1) / kPanel, wide = panels * kPanel;
  float* weights = ctx.scratch<float>(static_cast<size_t>(l.channels() * wide));
  pack_weights(t, in[2].as<float>(), k_count, panels, weights);
  float* bias = ctx.scratch<float>(static_cast<size_t>(wide));
  std::fill(bias, bias + wide, 0.0f);
  if (in[3].rank >= 0) std::copy(in[3].as<float>(), in[3].as<float>() + k_count, bias);
  float *y = out[0].as<float>(), *norms = out[1].rank >= 0 ? out[1].as<float>() : nullptr;

  const int64_t plane = l.P * l.Q, slots = core::threads();
  const int64_t sums = t.bundle * t.places() * wide, floats = bank.floats() + t.places() * t.step + sums;
  float* scratch = ctx.scratch<float>(static_cast<size_t>(slots * floats));
  l.for_groups(ctx, in[0], t.bundle, [&](int64_t first, int64_t images, const float* packed) {
    wavelet::by_slots(ctx, slots, t.tiles(images), [&](int64_t slot, int64_t task) {
      float *own = scratch + slot * floats, *maps = own + bank.floats(), *sum = maps + t.places() * t.step;
      Tiling::Segment segment[kTilePlaces];
      const int64_t segments = t.list(task, images, segment);
      const float* rows[kTilePlaces * kStretch];
      int64_t count = 0;
      for (int64_t s = 0; s < segments; ++s)
        for (int64_t i = 0; i < segment[s].count; ++i) rows[count++] = maps + (s * t.stretch + i) * t.step;
      for (int64_t r = 0; r < t.bundle * count; ++r) std::copy(bias, bias + wide, sum + r * wide);
      for (int64_t b = 0; b < t.blocks; ++b) {
        for (int64_t s = 0; s < segments; ++s)
          for (int64_t v = b * t.block; v < std::min(t.vectors, (b + 1) * t.block); ++v) {
            const Tiling::Segment& at = segment[s];
            const float* vector = packed + (at.bundle * t.vectors + v) * l.planes.floats();
            bank.sum(l.window(vector, at.p, at.q), l.pitch(), at.count, own);
            bank.maps(l.nonlinearity, at.count, own,
                      maps + s * t.stretch * t.step + (v - b * t.block) * l.maps * kLanes, kLanes, t.step);
          }
        for (int64_t i = 0; i < t.bundle; ++i)
          wavelet::mix_rows(t.depth(b), t.offset(i, b), rows, count, weights + t.first_channel(b) * l.maps * wide,
                            panels, sum + i * count * wide, wide);
      }
      for (int64_t i = 0; i < t.bundle; ++i)
        for (int64_t s = 0, r = i * count; s < segments; r += segment[s++].count) {
          const Tiling::Segment& at = segment[s];
          const int64_t n = first + at.bundle * t.bundle + i;
          if (n >= first + images) continue;
          if (o.normalise)
            for (int64_t j = 0; j < at.count; ++j) {
              const float norm = normalise(sum + (r + j) * wide, wide);
              if (norms) norms[n * plane + at.p * l.Q + at.q + j] = norm;
            }
          store_rows(l, sum + r * wide, wide, k_count, at.count, y + n * k_count * plane, at.p, at.q);
        }
    });
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
