// wavelet_conv_grad, wavelet_mix_grad: ops/wavelet.h. Responses are computed again, a stretch of one vector of planes at
// a time, and at once spread back over the pixels (simd/wavelet_scatter.h).
// wavelet_mix_grad: gradients before the norm are made first, a row of K for each place. A task is a part of the images
// and a block of channels: at each tile, what the maps are blamed for (a product with w), then the maps, spread back for
// gx and multiplied with the gradients for gw. Parts are a matter of shapes alone and are added in order.
#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/parallel.h"
#include "core/wavelet_plan.h"
#include "ops/wavelet.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/wavelet_scatter.h"
#include "cpu/simd/wavelet_tiles.h"
#include "cpu/simd/wide.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

using wavelet::BankScatter, wavelet::kPanel, wavelet::kStretch, wavelet::kTilePlaces, wavelet::Layer, wavelet::Planes,
    wavelet::Tiling;

/// gy's planes at `count` positions from (p, q) on, as [map][kStretch][kLanes]; lanes beyond `planes` become 0.
void load_maps(const Layer& l, const float* gy, int64_t first_plane, int64_t planes, int64_t p, int64_t q,
               int64_t count, float* to) {
  const int64_t plane = l.P * l.Q;
  for (int64_t map = 0; map < l.maps; ++map)
    for (int64_t i = 0; i < count; i += kLanes)
      transpose_block(
          planes, count - i,
          [&](int64_t j) {
            const int64_t n = (first_plane + j) / l.C, c = (first_plane + j) % l.C;
            return conv::load_values(gy + (n * l.channels() + l.channel(c, map)) * plane + p * l.Q + q + i, count - i);
          },
          [&](int64_t j, vf v) { vstore(to + (map * kStretch + i + j) * kLanes, v); });
}

/// gy, or what it is before the division by the norm, of one image: rows [place][wide], zeros beyond K.
///   y = v / |v|:  gv = (gy - (gy . y) y) / |v|, 0 where |v| is 0
void place_gradients(int64_t k_count, int64_t wide, int64_t plane, const float* gy, const float* y, const float* norms,
                     float* to) {
  for (int64_t i = 0; i < plane; i += kLanes) {
    const int some = static_cast<int>(std::min<int64_t>(kLanes, plane - i));
    vd dot[2] = {}, norm[2] = {};
    if (y) {
      widen(conv::load_values(norms + i, some), norm);
      for (int64_t k = 0; k < k_count; ++k) {
        vd a[2], b[2];
        widen(conv::load_values(gy + k * plane + i, some), a);
        widen(conv::load_values(y + k * plane + i, some), b);
        for (int h = 0; h < 2; ++h) dot[h] += a[h] * b[h];
      }
    }
    for (int64_t k = 0; k < wide; k += kLanes)
      transpose_block(
          k_count - k, some,
          [&](int64_t j) {
            const vf g = conv::load_values(gy + (k + j) * plane + i, some);
            if (!y) return g;
            vd a[2], b[2];
            widen(g, a);
            widen(conv::load_values(y + (k + j) * plane + i, some), b);
            for (int h = 0; h < 2; ++h) a[h] = norm[h] == 0.0 ? vd{} : (a[h] - dot[h] * b[h]) / norm[h];
            return narrow(a);
          },
          [&](int64_t j, vf v) { vstore(to + (i + j) * wide + k, v); });
  }
}

/// w [K, C maps] for the products with gradients: [vector, map][K][kLanes], two of them a panel.
void pack_turned(const Tiling& t, const float* w, int64_t k_count, int64_t panels, float* to) {
  const Layer& l = t.l;
  core::parallel_for(t.blocks * panels, [&](int64_t task) {
    const int64_t b = task / panels, panel = task % panels;
    float* base = to + task * k_count * kPanel;
    for (int64_t lane = 0; lane < kPanel; ++lane) {
      const int64_t column = panel * 2 + lane / kLanes, v = b * t.block + column / l.maps;
      const int64_t c = v * kLanes + lane % kLanes;
      const bool any = column < t.block * l.maps && c < l.C;
      const float* from = any ? w + l.channel(c, column % l.maps) : nullptr;
      for (int64_t k = 0; k < k_count; ++k) base[k * kPanel + lane] = any ? from[k * l.channels()] : 0.0f;
    }
  });
}

/// sums [k][step] += rows of g, turned, by rows of maps: R of the k's by two vectors, over the places.
template <int R>
void add_products(int64_t places, const float* const* g, int64_t k, const float* const* maps, int64_t column,
                  float* sums, int64_t step) {
  vf sum[R][2] = {};
  for (int64_t i = 0; i < places; ++i) {
    const vf a = vload(maps[i] + column), b = vload(maps[i] + column + kLanes);
    const float* from = g[i] + k;
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const vf x = vspread(from[r]);
      sum[r][0] = vfma(x, a, sum[r][0]);
      sum[r][1] = vfma(x, b, sum[r][1]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      float* at = sums + (k + r) * step + column + v * kLanes;
      vstore(at, vload(at) + sum[r][v]);
    }
}

constexpr int64_t kTasks = 16;  // wanted of a gradient

}  // namespace

void wavelet_conv_grad(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletConv::Options& o) {
  const Layer l(ctx, in[0], in[1], o);
  const BankScatter bank(l);
  const int64_t slots = core::threads(), pixels = l.planes.height * l.planes.width;
  const int64_t floats = bank.floats() + l.maps * kStretch * kLanes + pixels * kLanes;
  float* scratch = ctx.scratch<float>(static_cast<size_t>(slots * floats));
  l.for_groups(ctx, in[0], 0, [&](int64_t n, int64_t images, const float* packed) {
    const float* gy = in[2].as<float>() + n * l.channels() * l.P * l.Q;
    float* gx = out[0].as<float>() + n * l.C * pixels;
    wavelet::by_slots(ctx, slots, Planes::vectors(images * l.C), [&](int64_t slot, int64_t v) {
      const int64_t planes = std::min<int64_t>(kLanes, images * l.C - v * kLanes);
      float *own = scratch + slot * floats, *g = own + bank.floats(), *plane = g + l.maps * kStretch * kLanes;
      std::fill(plane, plane + pixels * kLanes, 0.0f);
      for (int64_t p = 0; p < l.P; ++p)
        for (int64_t q = 0; q < l.Q; q += kStretch) {
          const int64_t count = std::min(kStretch, l.Q - q);
          bank.rows().sum(l.window(packed + v * l.planes.floats(), p, q), l.pitch(), count, own);
          load_maps(l, gy, v * kLanes, planes, p, q, count, g);
          bank.add(g, kStretch * kLanes, kLanes, p, q, count, own, plane);
        }
      bank.store(plane, planes, gx + v * kLanes * pixels);
    });
  });
}

void wavelet_mix_grad(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletMixGrad::Options& o) {
  const Layer l(ctx, in[0], in[1], o);
  const BankScatter bank(l);
  const Tiling t(ctx, l, 1);
  const int64_t k_count = in[2].shape[0], wide = (k_count + kPanel - 1) / kPanel * kPanel, plane = l.P * l.Q;
  const int64_t pixels = l.planes.height * l.planes.width, slots = core::threads();
  float* gx = out[0].rank >= 0 ? out[0].as<float>() : nullptr;
  float* gw = out[1].rank >= 0 ? out[1].as<float>() : nullptr;
  float* gb = out[2].rank >= 0 ? out[2].as<float>() : nullptr;

  const int64_t columns = t.block * l.maps, panels = (columns + 1) / 2, step = panels * kPanel;
  float* turned = nullptr;
  if (gx) {
    turned = ctx.scratch<float>(static_cast<size_t>(t.blocks * panels * k_count * kPanel));
    pack_turned(t, in[2].as<float>(), k_count, panels, turned);
  }
  int32_t* along = ctx.scratch<int32_t>(static_cast<size_t>(k_count));
  for (int64_t k = 0; k < k_count; ++k) along[k] = static_cast<int32_t>(k);

  const int64_t group = l.group_images(1);
  float* gradients = ctx.scratch<float>(static_cast<size_t>(group * plane * wide));
  double* bias = ctx.scratch<double>(static_cast<size_t>(k_count));
  std::fill(bias, bias + k_count, 0.0);
  const int64_t parts = std::min(group, (kTasks + t.blocks - 1) / t.blocks), part_floats = wide * step;
  float* sums = nullptr;
  if (gw) {
    sums = ctx.scratch<float>(static_cast<size_t>(parts * t.blocks * part_floats));
    std::fill(sums, sums + parts * t.blocks * part_floats, 0.0f);
  }
  const int64_t floats = bank.floats() + 2 * t.places() * step + t.block * pixels * kLanes;
  float* scratch = ctx.scratch<float>(static_cast<size_t>(slots * floats));

  l.for_groups(ctx, in[0], 1, [&](int64_t first, int64_t images, const float* packed) {
    core::parallel_for(images, [&](int64_t n) {
      const int64_t at = (first + n) * k_count * plane;
      place_gradients(k_count, wide, plane, in[3].as<float>() + at, o.normalise ? in[4].as<float>() + at : nullptr,
                      o.normalise ? in[5].as<float>() + (first + n) * plane : nullptr, gradients + n * plane * wide);
    });
    if (gb)
      for (int64_t i = 0; i < images * plane; ++i)
        for (int64_t k = 0; k < k_count; ++k) bias[k] += static_cast<double>(gradients[i * wide + k]);
    if (!gx && !gw) return;
    wavelet::by_slots(ctx, slots, parts * t.blocks, [&](int64_t slot, int64_t task) {
      const int64_t b = task % t.blocks, part = task / t.blocks;
      const int64_t v0 = b * t.block, vectors = std::min(t.vectors, v0 + t.block) - v0;
      float *own = scratch + slot * floats, *maps = own + bank.floats(), *blame = maps + t.places() * step,
            *pictures = blame + t.places() * step;
      for (int64_t n = images * part / parts; n < images * (part + 1) / parts; ++n) {
        if (gx) std::fill(pictures, pictures + vectors * pixels * kLanes, 0.0f);
        for (int64_t tile = 0; tile < t.tiles(1); ++tile) {
          Tiling::Segment segment[kTilePlaces];
          const int64_t segments = t.list(tile, 1, segment);
          const float *g[kTilePlaces * kStretch], *rows[kTilePlaces * kStretch];
          int64_t count = 0;
          for (int64_t s = 0; s < segments; ++s)
            for (int64_t i = 0; i < segment[s].count; ++i, ++count) {
              rows[count] = maps + count * step;
              g[count] = gradients + (n * plane + segment[s].p * l.Q + segment[s].q + i) * wide;
            }
          if (gx) {
            std::fill(blame, blame + count * step, 0.0f);
            wavelet::mix_rows(k_count, along, g, count, turned + b * panels * k_count * kPanel, panels, blame, step);
          }
          for (int64_t s = 0, place = 0; s < segments; place += segment[s++].count)
            for (int64_t v = 0; v < vectors; ++v) {
              const Tiling::Segment& at = segment[s];
              const float* vector = packed + (n * t.vectors + v0 + v) * l.planes.floats();
              const int64_t offset = place * step + v * l.maps * kLanes;
              bank.rows().sum(l.window(vector, at.p, at.q), l.pitch(), at.count, own);
              if (gw) bank.rows().maps(l.nonlinearity, at.count, own, maps + offset, kLanes, step);
              if (gx) bank.add(blame + offset, kLanes, step, at.p, at.q, at.count, own, pictures + v * pixels * kLanes);
            }
          if (!gw) continue;
          float* to = sums + task * part_floats;
          for (int64_t column = 0; column < vectors * l.maps * kLanes; column += kPanel) {
            int64_t k = 0;
            for (; k + 6 <= wide; k += 6) add_products<6>(count, g, k, rows, column, to, step);
            for (; k < k_count; ++k) add_products<1>(count, g, k, rows, column, to, step);
          }
        }
        if (!gx) continue;
        for (int64_t v = 0; v < vectors; ++v) {
          const int64_t c = (v0 + v) * kLanes;
          bank.store(pictures + v * pixels * kLanes, std::min<int64_t>(kLanes, l.C - c),
                     gx + ((first + n) * l.C + c) * pixels);
        }
      }
    });
  });

  if (gb) std::transform(bias, bias + k_count, gb, [](double v) { return static_cast<float>(v); });
  if (!gw) return;
  core::parallel_for(k_count, [&](int64_t k) {
    for (int64_t c = 0; c < l.C; ++c)
      for (int64_t map = 0; map < l.maps; ++map) {
        const int64_t v = c / kLanes, b = v / t.block;
        const float* from = sums + b * part_floats + k * step + ((v % t.block) * l.maps + map) * kLanes + c % kLanes;
        float sum = from[0];
        for (int64_t part = 1; part < parts; ++part) sum += from[part * t.blocks * part_floats];
        gw[k * l.channels() + l.channel(c, map)] = sum;
      }
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
