// conv2d, conv2d_grad: ops/conv2d.h. Everything is one kind of product (simd/conv_tile.h) over rearranged images and
// filters (simd/conv_panels.h), a group of images at a time; no patch is ever written out, and what lies outside the
// image, or between the pixels that a window of one pixel steps to, costs (almost) nothing.
//   y   rows are positions, lanes filters, the depth is channels and taps (simd/conv_correlate.h)
//   gx  the same with gy for x: lanes are channels, the depth is filters and the taps that reach this pixel
//   gw  rows are weights of a filter, lanes filters, the depth is positions and images (conv_weights.h)
// Windows of one pixel are products of matrices as they lie (simd/conv_point.h) where maps suit vectors; y and gw of few
// channels have forms of their own (simd/conv_few.h). Large results pass by the caches.
// Numerics: y and gx add up in one order, panels of channels by taps by channels; gw in order of images within a
// position, in blocks of positions, then groups of images. None depends on the number of threads. For bfloat16 the same
// kernels get rounded copies of the factors.
#include "ops/conv2d.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "core/parallel.h"
#include "core/workspace.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/conv_correlate.h"
#include "cpu/simd/conv_few.h"
#include "cpu/simd/conv_point.h"
#include "cpu/simd/conv_weights.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

using conv::Filters, conv::kPanel;

constexpr int64_t kGroupImages = 64, kGroupFloats = 100 << 10, kMostFloats = 512 << 10;

struct Layer : conv::Shape {
  bool few() const { return C < 16; }
  /// A window of one pixel leaves most of the image unread: then only what it reads is rearranged.
  bool sparse() const { return R == 1 && S == 1 && stride > 1; }
  /// A window of one pixel: products of matrices, where maps leave few lanes of their vectors empty.
  bool point() const {
    const int64_t pixels = P * Q;
    return R == 1 && S == 1 && pixels >= gemm::kColumns<float> && gemm::ceil_to(pixels, kLanes) * 8 <= pixels * 9;
  }
  conv::PointProduct product(core::Context& ctx) const { return {ctx, N, C, H, W, K, P, Q, stride}; }
  Layer dense() const { return {{N, C, P, Q, K, 1, 1, P, Q, 1, 0}}; }
};

/// A copy of factors as bfloat16 has them; of bytes, of x / 255.
template <class T>
const float* rounded(core::Context& ctx, const T* x, int64_t count) {
  constexpr int64_t kPiece = 1 << 14;
  float* to = ctx.scratch<float>(static_cast<size_t>(count));
  core::parallel_for((count + kPiece - 1) / kPiece, [&](int64_t piece) {
    const int64_t end = std::min(count, (piece + 1) * kPiece);
    for (int64_t i = piece * kPiece; i < end; i += kLanes) {
      float lane[kLanes];
      vstore(lane, nearest_bf16(conv::load_values(x + i, end - i)));
      std::copy(lane, lane + std::min<int64_t>(kLanes, end - i), to + i);
    }
  });
  return to;
}
const float* rounded(core::Context& ctx, const core::View& x) {
  return x.dtype == core::Dtype::u8 ? rounded(ctx, x.as<uint8_t>(), x.count()) : rounded(ctx, x.as<float>(), x.count());
}

/// The pixels of x [N,C,H,W] that a sparse layer reads, as the [N,C,P,Q] of a dense one.
template <class T>
const float* sample(core::Context& ctx, const Layer& l, const T* x) {
  float* to = ctx.scratch<float>(static_cast<size_t>(l.N * l.C * l.P * l.Q));
  core::parallel_for(l.N * l.C, [&](int64_t i) {
    conv::gather_plane(x + i * l.H * l.W, l.W, l.stride, l.P, l.Q, to + i * l.P * l.Q);
  });
  return to;
}

/// Back from the dense layer's gx; no gradient reaches the other pixels.
void spread(const Layer& l, const float* dense, float* gx) {
  core::parallel_for(l.N * l.C, [&](int64_t i) {
    conv::spread_plane(dense + i * l.P * l.Q, l.stride, l.P, l.Q, l.H, l.W, gx + i * l.H * l.W);
  });
}

Layer layer_of(const core::View& x, const core::View& w, const core::View& y, const op::Conv2d::Options& o) {
  return {{x.shape[0], x.shape[1], x.shape[2], x.shape[3], w.shape[0], w.shape[2], w.shape[3], y.shape[2], y.shape[3],
           o.stride, o.padding}};
}

/// Images to a group, of `floats` numbers each: what is rearranged should still be in L2 when it is summed up. Whole tiles
/// of `lanes`, so that a tile is of one position; or `single` images, where it may be of several at little cost.
int64_t group_of(int64_t images, int64_t floats, int64_t lanes, bool single) {
  const int64_t rows = conv::rows_at_once(conv::panels_of(lanes));
  if (single && rows * floats > kMostFloats) return 1;
  return std::min(images, std::clamp(kGroupFloats / floats, rows, kGroupImages) / rows * rows);
}

void check_plane(const char* name, const core::View& x) {
  if (x.shape[2] * x.shape[3] > INT32_MAX / kGroupImages)
    throw core::Error(core::ErrorKind::shape, "", name, core::shape_text(x), "images of at most 2^25 pixels");
}

template <class T>
void forward(core::Context& ctx, const Layer& l, const T* x, const float* w, const float* bias, float* y) {
  if (l.point()) return l.product(ctx).forward(x, w, bias, y);
  if (l.sparse()) return forward(ctx, l.dense(), sample(ctx, l, x), w, bias, y);
  if (l.few()) return conv::FewChannels(l).forward(ctx, x, w, bias, y);
  const Filters f{l.K, l.C, kPanel, l.R * l.S};
  float* filters = ctx.scratch<float>(static_cast<size_t>(f.floats()));
  conv::filter_lanes(f, w, ctx.scratch<int32_t>(static_cast<size_t>(l.C * l.R * l.S)), filters);
  float* wide_bias = nullptr;
  if (bias) {
    wide_bias = ctx.scratch<float>(static_cast<size_t>(f.lane_panels() * kPanel));
    std::copy(bias, bias + l.K, wide_bias);
    std::fill(wide_bias + l.K, wide_bias + f.lane_panels() * kPanel, 0.0f);
  }
  int32_t* down_at = ctx.scratch<int32_t>(static_cast<size_t>(l.P * l.R));
  int32_t* across_at = ctx.scratch<int32_t>(static_cast<size_t>(l.Q * l.S));
  const auto place = [&](int64_t i, int64_t tap, int64_t size) {
    const int64_t at = i * l.stride + tap - l.padding;
    return static_cast<int32_t>(at >= 0 && at < size ? at : -1);
  };
  for (int64_t i = 0; i < l.P * l.R; ++i) down_at[i] = place(i / l.R, i % l.R, l.H);
  for (int64_t i = 0; i < l.Q * l.S; ++i) across_at[i] = place(i / l.S, i % l.S, l.W);

  const int64_t pixels = l.H * l.W, results = l.K * l.P * l.Q,
                group = group_of(l.N, std::max(l.C * pixels, results), l.K, true);
  float* data = ctx.scratch<float>(static_cast<size_t>(conv::channels_last_floats(l.C, group * pixels)));
  for (int64_t n = 0; n < l.N && !ctx.stop(); n += group) {
    const int64_t images = std::min(group, l.N - n);
    conv::channels_last(x + n * l.C * pixels, images, l.C, pixels, data);
    conv::correlate(ctx,
                    {f, filters, data, images, l.P, l.Q, l.W, l.S, down_at, across_at, wide_bias, y + n * results,
                     (images * pixels + 1) * kPanel},
                    l.N * results >= conv::kStreamed);
  }
}

/// gx and gw, those that are not null.
template <class T>
void backward(core::Context& ctx, const Layer& l, const T* x, const float* w, const float* gy, float* gx, float* gw) {
  if (l.point()) {
    if (gx) l.product(ctx).input_gradient(w, gy, gx);
    if (gw) l.product(ctx).weight_gradient(x, gy, gw);
    return;
  }
  if (l.sparse()) {
    float* dense = gx ? ctx.scratch<float>(static_cast<size_t>(l.N * l.C * l.P * l.Q)) : nullptr;
    backward(ctx, l.dense(), gw ? sample(ctx, l, x) : nullptr, w, gy, dense, gw);
    if (gx) spread(l, dense, gx);
    return;
  }
  if (gw && l.few()) {
    conv::FewChannels(l).weight_gradient(ctx, x, gy, gw);
    gw = nullptr;
    if (!gx) return;
  }
  const int64_t pixels = l.P * l.Q, taps = l.R * l.S;
  const Filters f{l.C, l.K, kPanel, taps};
  float* filters = nullptr;
  int32_t *down_at = nullptr, *across_at = nullptr;
  if (gx) {
    filters = ctx.scratch<float>(static_cast<size_t>(f.floats()));
    conv::channel_lanes(f, w, filters);
    down_at = ctx.scratch<int32_t>(static_cast<size_t>(l.H * l.R));
    across_at = ctx.scratch<int32_t>(static_cast<size_t>(l.W * l.S));
    const auto place = [&](int64_t i, int64_t tap, int64_t size) {
      const int64_t at = i + l.padding - tap;
      return static_cast<int32_t>(at >= 0 && at % l.stride == 0 && at / l.stride < size ? at / l.stride : -1);
    };
    for (int64_t i = 0; i < l.H * l.R; ++i) down_at[i] = place(i / l.R, i % l.R, l.P);
    for (int64_t i = 0; i < l.W * l.S; ++i) across_at[i] = place(i / l.S, i % l.S, l.Q);
  }
  const int64_t group = group_of(l.N, std::max(l.C * l.H * l.W, l.K * pixels), l.C, l.stride == 1);
  float* g = ctx.scratch<float>(static_cast<size_t>(conv::channels_last_floats(l.K, group * pixels)));
  conv::WeightProduct weights(ctx, l, gw ? group : 0);
  for (int64_t n = 0; n < l.N && !ctx.stop(); n += group) {
    const int64_t images = std::min(group, l.N - n);
    conv::channels_last(gy + n * l.K * pixels, images, l.K, pixels, g);
    if (gx)
      conv::correlate(ctx,
                      {f, filters, g, images, l.H, l.W, l.Q, l.S, down_at, across_at, nullptr, gx + n * l.C * l.H * l.W,
                       (images * pixels + 1) * kPanel},
                      l.N * l.C * l.H * l.W >= conv::kStreamed);
    if (gw) weights.add(ctx, x + n * l.C * l.H * l.W, images, g, n == 0, n + images == l.N, gw);
  }
}

}  // namespace

void conv2d(core::Context& ctx, const core::View* in, core::View* out, const op::Conv2d::Options& o) {
  check_plane("x", in[0]);
  const Layer l = layer_of(in[0], in[1], out[0], o);
  const float *w = in[1].as<float>(), *bias = in[2].rank >= 0 ? in[2].as<float>() : nullptr;
  float* y = out[0].as<float>();
  if (o.precision == op::Conv2d::bfloat16)
    forward(ctx, l, rounded(ctx, in[0]), rounded(ctx, in[1]), bias, y);
  else if (in[0].dtype == core::Dtype::u8)
    forward(ctx, l, in[0].as<uint8_t>(), w, bias, y);
  else
    forward(ctx, l, in[0].as<float>(), w, bias, y);
}

void conv2d_grad(core::Context& ctx, const core::View* in, core::View* out, const op::Conv2dGrad::Options& o) {
  check_plane("x", in[0]);
  check_plane("gy", in[2]);
  const Layer l = layer_of(in[0], in[1], in[2], o);
  const float *w = in[1].as<float>(), *gy = in[2].as<float>();
  float* gx = out[0].rank >= 0 ? out[0].as<float>() : nullptr;
  float* gw = out[1].rank >= 0 ? out[1].as<float>() : nullptr;

  if (out[2].rank >= 0) {
    float* gb = out[2].as<float>();
    const int64_t pixels = l.P * l.Q;
    core::parallel_for(l.K, [&](int64_t k) {
      double sum = 0;
      for (int64_t n = 0; n < l.N; ++n) {
        const float* from = gy + (n * l.K + k) * pixels;
        vf lanes = {};
        int64_t i = 0;
        for (; i + kLanes <= pixels; i += kLanes) lanes = lanes + vload(from + i);
        sum += static_cast<double>(vsum(lanes));
        for (; i < pixels; ++i) sum += static_cast<double>(from[i]);
      }
      gb[k] = static_cast<float>(sum);
    });
  }
  if (!gx && !gw) return;
  if (o.precision == op::Conv2d::bfloat16)
    backward(ctx, l, gw ? rounded(ctx, in[0]) : nullptr, gx ? rounded(ctx, in[1]) : nullptr, rounded(ctx, in[2]), gx,
             gw);
  else if (in[0].dtype == core::Dtype::u8)
    backward(ctx, l, in[0].as<uint8_t>(), w, gy, gx, gw);
  else
    backward(ctx, l, in[0].as<float>(), w, gy, gx, gw);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
