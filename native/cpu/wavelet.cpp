// wavelet_conv, wavelet_moments: ops/wavelet.h. Planes in the lanes (simd/wavelet_planes.h), each row in stretches whose
// maps (simd/wavelet_rows.h) stay in the first cache until they are turned or summed. Where the caches do not hold all
// maps, turned ones gather in L2 for some rows, so that memory takes each map in long runs: it would wait for a line to
// each of a hundred maps in turn.
// Moments: float32 sums over the positions of a stretch, float64 from there on, in blocks of rows that are added in
// order; squares are added image by image in order.
#include "ops/wavelet.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/parallel.h"
#include "core/wavelet_plan.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/wavelet_layer.h"
#include "cpu/simd/wide.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

using wavelet::BankRows, wavelet::kStretch, wavelet::Layer, wavelet::Planes;

/// maps [map][kStretch][kLanes] of `count` positions turned: to(map, plane) is where a plane's numbers go.
template <class To>
void turn_maps(const float* maps, int64_t of, int64_t planes, int64_t count, To&& to) {
  for (int64_t map = 0; map < of; ++map)
    for (int64_t i = 0; i < count; i += kLanes) {
      const int some = static_cast<int>(std::min<int64_t>(kLanes, count - i));
      transpose_block(
          some, planes, [&](int64_t j) { return vload(maps + (map * kStretch + i + j) * kLanes); },
          [&](int64_t j, vf v) { some == kLanes ? vstore(to(map, j) + i, v) : vstore_some(to(map, j) + i, v, some); });
    }
}

/// Sums of the maps' numbers and of their squares, one vector of planes by a block of rows: [map][2][kLanes].
void add_moments(const float* maps, int64_t count, int64_t of, double* sums) {
  constexpr int kHalf = kLanes / 2;
  for (int64_t map = 0; map < of; ++map) {
    vf sum = {}, square = {};
    for (int64_t i = 0; i < count; ++i) {
      const vf v = vload(maps + (map * kStretch + i) * kLanes);
      sum += v;
      square = vfma(v, v, square);
    }
    for (const vf& part : {sum, square}) {
      vd wide[2];
      widen(part, wide);
      for (int h = 0; h < 2; ++h, sums += kHalf) vstore(sums, vload(sums) + wide[h]);
    }
  }
}

constexpr int64_t kBlockRows = 16, kTileFloats = 40 << 10, kNearFloats = 1 << 20;

}  // namespace

void wavelet_conv(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletConv::Options& o) {
  const Layer l(ctx, in[0], in[1], o);
  const BankRows bank(l.plan, l.step);
  const int64_t plane = l.P * l.Q, room = l.maps * kStretch * kLanes;
  const bool gathers = l.N * l.channels() * plane > kNearFloats;
  const int64_t rows = gathers ? std::clamp<int64_t>(kTileFloats / (l.maps * kLanes * l.Q), 1, l.P) : 1;
  const int64_t slots = core::threads(), blocks = (l.P + rows - 1) / rows, stride = rows * l.Q;
  const int64_t floats = bank.floats() + room + (gathers ? l.maps * kLanes * stride : 0);
  float* scratch = ctx.scratch<float>(static_cast<size_t>(slots * floats));
  l.for_groups(ctx, in[0], 0, [&](int64_t n, int64_t images, const float* packed) {
    float* y = out[0].as<float>() + n * l.channels() * plane;
    wavelet::by_slots(ctx, slots, Planes::vectors(images * l.C) * blocks, [&](int64_t slot, int64_t task) {
      const int64_t v = task / blocks, first = task % blocks * rows, end = std::min(l.P, first + rows);
      const int64_t planes = std::min<int64_t>(kLanes, images * l.C - v * kLanes);
      float *own = scratch + slot * floats, *maps = own + bank.floats(), *tile = maps + room;
      const auto place = [&](int64_t map, int64_t j) {
        const int64_t image = (v * kLanes + j) / l.C, c = (v * kLanes + j) % l.C;
        return y + (image * l.channels() + l.channel(c, map)) * plane + first * l.Q;
      };
      for (int64_t p = first; p < end; ++p)
        for (int64_t q = 0; q < l.Q; q += kStretch) {
          const int64_t count = std::min(kStretch, l.Q - q), at = (p - first) * l.Q + q;
          bank.sum(l.window(packed + v * l.planes.floats(), p, q), l.pitch(), count, own);
          bank.maps(l.nonlinearity, count, own, maps, kStretch * kLanes, kLanes);
          if (gathers)
            turn_maps(maps, l.maps, planes, count,
                      [&](int64_t map, int64_t j) { return tile + (map * kLanes + j) * stride + at; });
          else
            turn_maps(maps, l.maps, planes, count, [&](int64_t map, int64_t j) { return place(map, j) + at; });
        }
      for (int64_t map = 0; gathers && map < l.maps; ++map)
        for (int64_t j = 0; j < planes; ++j)
          std::copy_n(tile + (map * kLanes + j) * stride, (end - first) * l.Q, place(map, j));
    });
  });
}

void wavelet_moments(core::Context& ctx, const core::View* in, core::View* out, const op::WaveletMoments::Options& o) {
  const Layer l(ctx, in[0], in[1], o);
  const BankRows bank(l.plan, l.step);
  const int64_t slots = core::threads(), floats = bank.floats() + l.maps * kStretch * kLanes;
  const int64_t blocks = (l.P + kBlockRows - 1) / kBlockRows, sums = l.maps * 2 * kLanes;
  float* scratch = ctx.scratch<float>(static_cast<size_t>(slots * floats));
  double* partial = ctx.scratch<double>(static_cast<size_t>(Planes::vectors(l.group_images(0) * l.C) * blocks * sums));
  double* squares = out[1].as<double>();
  std::fill(squares, squares + l.channels(), 0.0);
  const double places = static_cast<double>(l.P * l.Q);
  l.for_groups(ctx, in[0], 0, [&](int64_t n, int64_t images, const float* packed) {
    wavelet::by_slots(ctx, slots, Planes::vectors(images * l.C) * blocks, [&](int64_t slot, int64_t task) {
      const int64_t v = task / blocks, first = task % blocks * kBlockRows;
      float *own = scratch + slot * floats, *maps = own + bank.floats();
      double* to = partial + task * sums;
      std::fill(to, to + sums, 0.0);
      for (int64_t p = first; p < std::min(l.P, first + kBlockRows); ++p)
        for (int64_t q = 0; q < l.Q; q += kStretch) {
          const int64_t count = std::min(kStretch, l.Q - q);
          bank.sum(l.window(packed + v * l.planes.floats(), p, q), l.pitch(), count, own);
          bank.maps(l.nonlinearity, count, own, maps, kStretch * kLanes, kLanes);
          add_moments(maps, count, l.maps, to);
        }
    });
    for (int64_t plane = 0; plane < images * l.C; ++plane)
      for (int64_t map = 0; map < l.maps; ++map) {
        double sum = 0, square = 0;
        for (int64_t block = 0; block < blocks; ++block) {
          const double* from = partial + (plane / kLanes * blocks + block) * sums + map * 2 * kLanes + plane % kLanes;
          sum += from[0];
          square += from[kLanes];
        }
        const int64_t channel = l.channel(plane % l.C, map), at = (n + plane / l.C) * l.channels() + channel;
        if (o.store)
          out[0].as<double>()[at] = sum / places;
        else
          out[0].as<float>()[at] = static_cast<float>(sum / places);
        squares[channel] += square;
      }
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
