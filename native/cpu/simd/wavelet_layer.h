// What every op of ops/wavelet.h starts from: the sizes, the bank taken apart, and the images in groups whose planes,
// borders written out, are about kGroupFloats. Included after simd/begin.h.
#pragma once
#include <algorithm>
#include <cstdint>

#include "core/context.h"
#include "core/wavelet_plan.h"
#include "ops/wavelet.h"

#include "cpu/simd/wavelet_planes.h"
#include "cpu/simd/wavelet_rows.h"

namespace striate::cpu::STRIATE_SIMD_NS::wavelet {
namespace {

constexpr int64_t kGroupFloats = 8 << 20;

struct Layer {
  int64_t N, C, P, Q, step, maps;  // maps of a channel
  int32_t nonlinearity;
  Plan plan;
  Planes planes;

  Layer(core::Context& ctx, const core::View& x, const core::View& bank, const op::WaveletConv::Options& o)
      : N(x.shape[0]),
        C(x.shape[1]),
        step(o.subsample),
        maps(op::WaveletConv::maps(bank.shape[0], o.nonlinearity)),
        nonlinearity(o.nonlinearity),
        plan(bank.as<float>(), 0, bank.shape[0], bank.shape[1], o.nonlinearity != op::WaveletConv::relu),
        planes(ctx, x.shape[2], x.shape[3], bank.shape[1], o.subsample) {
    P = planes.down.positions;
    Q = planes.across.positions;
  }
  int64_t channels() const { return C * maps; }
  /// Number of a map among an image's: the low-passes of all channels come first.
  int64_t channel(int64_t c, int64_t map) const { return map == 0 ? c : C + c * (maps - 1) + map - 1; }
  int64_t stretches() const { return (Q + kStretch - 1) / kStretch; }
  int64_t pitch() const { return planes.columns * kLanes; }
  /// Where the windows of row p begin, from column q on, in a packed vector of planes.
  const float* window(const float* vector, int64_t p, int64_t q) const {
    return vector + p * step * pitch() + q * step * kLanes;
  }
  /// A multiple of `bundle`, or all that there are.
  int64_t group_images(int64_t bundle) const {
    if (!bundle) bundle = 1;
    const int64_t most = std::max<int64_t>(kGroupFloats / (C * planes.rows * planes.columns), 1);
    return std::min(N, (most + bundle - 1) / bundle * bundle);
  }

  /// f(first image, images, their planes packed) for each group; with `bundle`, so many images at a time begin a vector.
  template <class F>
  void for_groups(core::Context& ctx, const core::View& x, int64_t bundle, F&& f) const {
    const int64_t group = group_images(bundle), whole = bundle ? bundle : group;
    const int64_t vectors = (group + whole - 1) / whole * Planes::vectors(whole * C);
    float* packed = ctx.scratch<float>(static_cast<size_t>(vectors * planes.floats()));
    for (int64_t n = 0; n < N && !ctx.stop(); n += group) {
      const int64_t images = std::min(group, N - n), at = n * C * planes.height * planes.width;
      if (x.dtype == core::Dtype::u8)
        planes.pack(ctx, x.as<uint8_t>() + at, images * C, whole * C, packed);
      else
        planes.pack(ctx, x.as<float>() + at, images * C, whole * C, packed);
      f(n, images, static_cast<const float*>(packed));
    }
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::wavelet
