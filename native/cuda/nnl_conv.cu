// nnl_conv: ops/nnl_conv.h. The layer's maps, and products of float images that are no cosines (cosines, and bytes, go
// to nnl_conv_split.cu): an infinite pixel or weight gives what float32 gives.
// Implicit GEMM, positions x filters, fused with the norm, the pool and the power. One block per (image, 64 filters,
// band of pooled rows, span of pooled columns): it walks over the positions under its band 128 at a time in the order
// of p * Q + q, taps 16 at a time through shared memory (patches gathered from the image by the position's own thread,
// filters transposed beforehand); one thread holds 8 positions x 4 filters. The tile's cosines, times 1 / |v|, go to
// shared memory, where the thread that owns a (filter, pooled column) takes the maximum along each row and merges it
// into the running maxima of the pooled rows above it: the K x P x Q map exists 128 positions at a time. The power and
// the store come once, at the end. 1 / |v| (and the mean in two floats) is made once a position from float64 sums;
// bytes enter as 0..255, exactly. Flops 2 N K P Q C R S; bytes: the image once a filter block, mostly from L2, and y.
// Numerics: float32 FFMA.
#include <algorithm>
#include <cstdint>

#include "cuda/device.cuh"
#include "cuda/nnl_pool.cuh"
#include "ops/nnl_conv.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = kNnlThreads, kPositions = kNnlPositions, kFilters = kNnlFilters, kTaps = 16;
constexpr size_t kTileBytes = sizeof(float) * (kTaps * (kPositions + kFilters) + kPositions * (kNnlStride + 1));

__global__ void nnl_taps_kernel(NnlLayer l) {
  const int64_t d = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (d >= l.taps) return;
  const int s = static_cast<int>(d % l.s), r = static_cast<int>(d / l.s % l.r), c = static_cast<int>(d / l.s / l.r);
  l.tap[d] = {(c * l.h + r) * l.w + s, r, s, 0};
}

__global__ void nnl_pack_kernel(NnlLayer l, const float* __restrict__ w) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= l.taps * l.padded_k) return;
  const int64_t k = i % l.padded_k, d = i / l.padded_k;
  l.filters[i] = k < l.k ? w[k * l.taps + d] : 0.0f;
}

/// w (less its mean if centred) as a sum of three bf16 numbers, exactly: one warp for 16 taps of 16 filters, whose lanes
/// each make the eight numbers that they will hold.
__global__ void nnl_split_kernel(NnlLayer l, const float* __restrict__ w) {
  const int64_t steps = (l.taps + 15) / 16, warp = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  const int64_t tile = warp / steps, step = warp % steps;
  if (tile >= (l.k + 15) / 16) return;  // whole warps leave
  const int lane = threadIdx.x & 31;
  const int64_t upper = 16 * tile + lane / 4;
  double mean[2] = {};
  for (int row = 0; l.centre && row < 16; ++row) {
    double sum = 0;
    for (int64_t d = lane; 16 * tile + row < l.k && d < l.taps; d += 32) sum += w[(16 * tile + row) * l.taps + d];
    sum = warp_sum(sum) / static_cast<double>(l.taps);
    if (row == lane / 4) mean[0] = sum;
    if (row == lane / 4 + 8) mean[1] = sum;
  }
  unsigned parts[3][4];  // pairs: upper row, lower row, and both again eight taps on
  STRIATE_UNROLL
  for (int i = 0; i < 8; ++i) {
    const int64_t k = upper + i / 2 % 2 * 8, d = 16 * step + lane % 4 * 2 + i % 2 + i / 4 * 8;
    float rest = k < l.k && d < l.taps ? static_cast<float>(w[k * l.taps + d] - mean[i / 2 % 2]) : 0.0f;
    STRIATE_UNROLL
    for (int part = 0; part < 3; ++part) {  // cut off, not rounded: 3 x 8 bits are the float's 24, and none overflows
      const bool finite = fabsf(rest) < INFINITY;
      const unsigned bits = finite ? __float_as_uint(rest) >> 16 : float_to_bf16(rest);
      parts[part][i / 2] = i % 2 ? parts[part][i / 2] | bits << 16 : bits;
      rest = finite ? rest - __uint_as_float(bits << 16) : 0.0f;
    }
  }
  STRIATE_UNROLL
  for (int part = 0; part < 3; ++part)
    reinterpret_cast<uint4*>(l.parts)[((tile * steps + step) * 3 + part) * 32 + lane] =
        make_uint4(parts[part][0], parts[part][1], parts[part][2], parts[part][3]);
}

__global__ void nnl_negatives_kernel(const float* __restrict__ rows, int64_t count, float* __restrict__ both) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  both[i] = rows[i];
  both[count + i] = -rows[i];
}

template <class X>
__global__ void __launch_bounds__(kThreads) nnl_norms_kernel(NnlLayer l) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= l.n * l.positions()) return;
  float2* means = l.mean;
  l.mean = nullptr;
  const int64_t image = i / l.positions(), position = i % l.positions();
  const NnlPatch<X> patch(l, image, static_cast<int>(position / l.q), static_cast<int>(position % l.q));
  double mean = 0, square = 0;
  if (l.centre) {
#pragma unroll 16
    for (int64_t d = 0; d < l.taps; ++d) mean += patch.pixel(l, l.tap[d]);
    mean /= static_cast<double>(l.taps);
    const float high = l.bytes ? static_cast<float>(rint(mean)) : static_cast<float>(mean);
    means[i] = make_float2(high, static_cast<float>(mean - high));
  }
  if (!l.unit) return;
#pragma unroll 16
  for (int64_t d = 0; d < l.taps; ++d) {
    const double v = patch.pixel(l, l.tap[d]) - mean;
    square += v * v;
  }
  l.factor[i] = square <= kNnlTiny ? 0.0f : static_cast<float>(1 / sqrt(square));
}

template <bool kPool, bool kIndex>
__global__ void __launch_bounds__(kThreads, 2) nnl_conv_kernel(NnlLayer l, NnlForward f) {
  STRIATE_DYNAMIC_SHARED(float, shared);
  float *patches = shared, *filters = patches + kTaps * kPositions, *cosines = filters + kTaps * kFilters;
  float* factors = cosines + kPositions * kNnlStride;
  NnlBlock<kPool, kIndex> block(l, f, factors + kPositions);
  const int tid = threadIdx.x, tx = tid & 15, ty = tid >> 4;
  const int own = tid % kPositions, own_tap = tid / kPositions;
  constexpr int kEach = kTaps * kPositions / kThreads, kTapStep = kThreads / kPositions;
  for (int first = 0; first < block.positions; first += kPositions) {
    const int count = min(kPositions, block.positions - first);
    const bool there = own < count;
    const int at = there ? first + own : 0;
    const NnlPatch<float> patch(l, block.image, block.p0 + at / block.columns, block.q0 + at % block.columns);
    const float factor = block.factor(block.position(at));
    float sum[8][4] = {};
    float pixel[kEach];
    float4 filter;
    const auto fetch = [&](int64_t d0) {
      STRIATE_UNROLL
      for (int i = 0; i < kEach; ++i) {
        const int64_t d = d0 + own_tap + i * kTapStep;
        pixel[i] = there && d < l.taps ? patch.centred(l, l.tap[d]) : 0.0f;
      }
      const int64_t d = d0 + tid / 16;
      filter = d < l.taps ? *reinterpret_cast<const float4*>(l.filters + d * l.padded_k + block.k0 + 4 * (tid & 15))
                          : make_float4(0, 0, 0, 0);
    };
    fetch(0);
    for (int64_t d0 = 0; d0 < l.taps; d0 += kTaps) {
      __syncthreads();
      STRIATE_UNROLL
      for (int i = 0; i < kEach; ++i) patches[(own_tap + i * kTapStep) * kPositions + own] = pixel[i];
      if (tid < kPositions) factors[own] = factor;
      *reinterpret_cast<float4*>(filters + 4 * tid) = filter;
      __syncthreads();
      if (d0 + kTaps < l.taps) fetch(d0 + kTaps);
      STRIATE_UNROLL
      for (int d = 0; d < kTaps; ++d) {
        const float4 a0 = *reinterpret_cast<const float4*>(patches + d * kPositions + 8 * ty);
        const float4 a1 = *reinterpret_cast<const float4*>(patches + d * kPositions + 8 * ty + 4);
        const float4 b = *reinterpret_cast<const float4*>(filters + d * kFilters + 4 * tx);
        const float a[8] = {a0.x, a0.y, a0.z, a0.w, a1.x, a1.y, a1.z, a1.w};
        STRIATE_UNROLL
        for (int i = 0; i < 8; ++i) {
          sum[i][0] = fmaf(a[i], b.x, sum[i][0]);
          sum[i][1] = fmaf(a[i], b.y, sum[i][1]);
          sum[i][2] = fmaf(a[i], b.z, sum[i][2]);
          sum[i][3] = fmaf(a[i], b.w, sum[i][3]);
        }
      }
    }
    // the barriers above stand between these writes and the last tile's readers
    STRIATE_UNROLL
    for (int i = 0; i < 8; ++i) {
      const float by = factors[8 * ty + i];
      *reinterpret_cast<float4*>(cosines + (8 * ty + i) * kNnlStride + 4 * tx) =
          make_float4(sum[i][0] * by, sum[i][1] * by, sum[i][2] * by, sum[i][3] * by);
    }
    __syncthreads();
    block.take(cosines, first, count);
  }
  __syncthreads();
  block.finish();
}

template <bool kPool, bool kIndex>
void launch_forward(core::Context& ctx, const NnlLayer& l, NnlForward f) {
  const int64_t blocks = f.plan(l, kTileBytes, device_of(ctx).processors);
  STRIATE_LAUNCH((nnl_conv_kernel<kPool, kIndex>), blocks_for(blocks, 1), kThreads, kTileBytes + f.running_bytes(l),
                 stream_of(ctx), l, f);
}

void forward(core::Context& ctx, const NnlLayer& l, const NnlOutput& output) {
  if (l.n == 0) return;
  if (l.parts) return nnl_forward_split(ctx, l, output);
  const NnlForward f{output};
  if (NnlForward::pools(l))
    f.index ? launch_forward<true, true>(ctx, l, f) : launch_forward<true, false>(ctx, l, f);
  else
    f.index ? launch_forward<false, true>(ctx, l, f) : launch_forward<false, false>(ctx, l, f);
}

/// Rows [K,...] and then the same rows with their signs turned.
core::View with_negatives(core::Context& ctx, core::View rows) {
  const int64_t count = rows.count();
  float* both = ctx.scratch<float>(2 * count);
  STRIATE_LAUNCH((nnl_negatives_kernel), blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), rows.as<float>(),
                 count, both);
  rows.data = both;
  rows.shape[0] *= 2;
  return rows;
}

}  // namespace

NnlLayer nnl_prepare(core::Context& ctx, const core::View& x, const core::View& w, const op::NnlConv::Options& o) {
  const int64_t pixels = x.shape[1] * x.shape[2] * x.shape[3];
  if (pixels > INT32_MAX)
    throw core::Error(core::ErrorKind::shape, "", "x", core::shape_text(x), "at most 2^31 - 1 pixels an image on CUDA");
  NnlLayer l = {};
  l.x = x.data;
  l.n = x.shape[0];
  l.k = w.shape[0];
  l.c = static_cast<int>(x.shape[1]);
  l.h = static_cast<int>(x.shape[2]);
  l.w = static_cast<int>(x.shape[3]);
  l.r = static_cast<int>(w.shape[2]);
  l.s = static_cast<int>(w.shape[3]);
  l.taps = static_cast<int64_t>(l.c) * l.r * l.s;
  l.stride = static_cast<int>(o.stride);
  l.padding = static_cast<int>(o.padding);
  l.pool = static_cast<int>(o.pool_size);
  l.pool_stride = static_cast<int>(o.pool_stride);
  l.p = static_cast<int>(op::NnlConv::positions(l.h, l.r, o));
  l.q = static_cast<int>(op::NnlConv::positions(l.w, l.s, o));
  l.pool_padding = static_cast<int>(o.pool_padding);
  l.pooled_p = static_cast<int>(op::NnlConv::pooled(l.p, o));
  l.pooled_q = static_cast<int>(op::NnlConv::pooled(l.q, o));
  l.bytes = x.dtype == core::Dtype::u8;
  l.centre = o.centre;
  l.unit = o.normalise == op::NnlConv::patch;
  l.scale = l.bytes ? 1 / 255.0f : 1.0f;
  l.padded_k = (l.k + kFilters - 1) / kFilters * kFilters;
  const int64_t map = l.n * l.p * l.q;
  l.tap = ctx.scratch<NnlTap>(l.taps);
  if (l.unit) l.factor = ctx.scratch<float>(map);
  if (l.centre) l.mean = ctx.scratch<float2>(map);
  const cudaStream_t stream = stream_of(ctx);
  STRIATE_LAUNCH((nnl_taps_kernel), blocks_for(l.taps, kThreads), kThreads, 0, stream, l);
  if (l.bytes || l.unit) {
    const int64_t filter_tiles = (l.k + 15) / 16, steps = (l.taps + 15) / 16;
    l.parts = ctx.scratch<uint16_t>(filter_tiles * steps * 3 * 16 * 16);
    STRIATE_LAUNCH((nnl_split_kernel), blocks_for(filter_tiles * steps, kThreads / 32), kThreads, 0, stream, l,
                   w.as<float>());
  } else {
    l.filters = ctx.scratch<float>(l.taps * l.padded_k);
    STRIATE_LAUNCH((nnl_pack_kernel), blocks_for(l.taps * l.padded_k, kThreads), kThreads, 0, stream, l, w.as<float>());
  }
  if ((!l.unit && !l.centre) || map == 0) return l;
  if (l.bytes)
    STRIATE_LAUNCH((nnl_norms_kernel<uint8_t>), blocks_for(map, kThreads), kThreads, 0, stream, l);
  else
    STRIATE_LAUNCH((nnl_norms_kernel<float>), blocks_for(map, kThreads), kThreads, 0, stream, l);
  return l;
}

void nnl_cosines(core::Context& ctx, const NnlLayer& l, float* cosine, int32_t* index) {
  NnlOutput f;
  f.raw = true;
  f.y = cosine;
  f.index = index;
  forward(ctx, l, f);
}

void nnl_conv(core::Context& ctx, const core::View* in, core::View* out, const op::NnlConv::Options& o) {
  core::View w = in[1], bias = in[2];
  if (o.both_signs) {
    w = with_negatives(ctx, w);
    if (bias.rank >= 0) bias = with_negatives(ctx, bias);
  }
  NnlOutput f;
  f.raw = !o.rectify;
  f.bf16 = out[0].dtype == core::Dtype::bf16;
  f.y = out[0].data;
  f.index = out[1].rank >= 0 ? out[1].as<int32_t>() : nullptr;
  f.bias = bias.rank >= 0 ? bias.as<float>() : nullptr;
  f.power = Power(o.power);
  forward(ctx, nnl_prepare(ctx, in[0], w, o), f);
}

}  // namespace striate::cuda
