// nnl_conv: ops/nnl_conv.h.
// Implicit GEMM, positions x filters, fused with the norm, the pool and the power. One block per (image, 64 filters, band of pooled
// rows, span of pooled columns): it walks over the positions under its band 128 at a time in the order of p * Q + q, taps 16 at a
// time through shared memory (patches gathered from the image by the position's own thread, filters transposed beforehand); one
// thread holds 8 positions x 4 filters. The tile's cosines, times 1 / |v|, go to shared memory, where the thread that owns a
// (filter, pooled column) takes the maximum along each row and merges it into the running maxima of the pooled rows above it: the
// K x P x Q map exists 128 positions at a time. The power and the store come once, at the end.
// 1 / |v| (and the mean in two floats) is made once a position from float64 sums; bytes enter as 0..255, exactly.
// Flops 2 N K P Q C R S; bytes: the image once a filter block, mostly from L2, and y. Numerics: float32 FFMA.
// Not yet timed on a GPU.
#include <algorithm>
#include <cstdint>

#include "cuda/kernels.cuh"
#include "cuda/nnl_conv.cuh"
#include "cuda/power.cuh"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256, kPositions = 128, kFilters = 64, kTaps = 16;
constexpr int kCell = kFilters + 1;  // floats of one pooled cell: odd, so that filters and cells both spread over the banks
constexpr size_t kTileBytes = sizeof(float) * (kTaps * (kPositions + kFilters) + kPositions * kFilters);

/// What one call adds to the layer: its split into blocks and its outputs.
struct Forward {
  int filter_blocks = 0, bands = 0, spans = 0;  // of one image
  int band_rows = 0, span_columns = 0;          // pooled
  bool raw = false;                             // store the cosine itself
  bool bf16 = false;
  void* y = nullptr;
  int32_t* index = nullptr;
  Power power{1};
};

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
    for (int64_t d = 0; d < l.taps; ++d) mean += patch.pixel(l, l.tap[d]);
    mean /= static_cast<double>(l.taps);
    const float high = static_cast<float>(mean);
    means[i] = make_float2(high, static_cast<float>(mean - high));
  }
  if (!l.unit) return;
  for (int64_t d = 0; d < l.taps; ++d) {
    const double v = patch.pixel(l, l.tap[d]) - mean;
    square += v * v;
  }
  l.factor[i] = square <= kNnlTiny ? 0.0f : static_cast<float>(1 / sqrt(square));
}

/// A larger value wins, and a NaN over all; equal values keep the earlier position.
__device__ __forceinline__ bool beats(float c, float best) { return c > best || (c != c && best == best); }

__device__ __forceinline__ void finish(const Forward& f, int64_t at, float cosine) {
  const float y = f.raw ? cosine : rectified_power(cosine, f.power);
  if (f.bf16)
    store(static_cast<uint16_t*>(f.y) + at, y);
  else
    store(static_cast<float*>(f.y) + at, y);
}

template <class X, bool kPool, bool kIndex>
__global__ void __launch_bounds__(kThreads, 2) nnl_conv_kernel(NnlLayer l, Forward f) {
  STRIATE_DYNAMIC_SHARED(float, shared);
  float *patches = shared, *filters = patches + kTaps * kPositions, *cosines = filters + kTaps * kFilters;
  float* running = cosines + kPositions * kFilters;
  const int tid = threadIdx.x;
  int64_t block = blockIdx.x;
  const int64_t k0 = block % f.filter_blocks * kFilters;
  block /= f.filter_blocks;
  const int span = static_cast<int>(block % f.spans);
  block /= f.spans;
  const int band = static_cast<int>(block % f.bands);
  const int64_t image = block / f.bands;
  // the pooled cells of this block, and the positions under them
  const int po0 = band * f.band_rows, po_count = min(f.band_rows, l.pooled_p - po0);
  const int qo0 = span * f.span_columns, qo_count = min(f.span_columns, l.pooled_q - qo0);
  const int p0 = po0 * l.pool_stride, q0 = qo0 * l.pool_stride;
  const int rows = (po_count - 1) * l.pool_stride + l.pool, columns = (qo_count - 1) * l.pool_stride + l.pool;
  const int cells = po_count * qo_count;
  int* places = reinterpret_cast<int*>(running + cells * kCell);

  if constexpr (kPool)
    for (int i = tid; i < cells * kCell; i += kThreads) {
      running[i] = -INFINITY;
      if (kIndex) {
        const int cell = i / kCell;
        places[i] = (p0 + cell / qo_count * l.pool_stride) * l.q + q0 + cell % qo_count * l.pool_stride;
      }
    }

  const int tx = tid & 15, ty = tid >> 4;
  const int own = tid % kPositions, own_tap = tid / kPositions;
  constexpr int kEach = kTaps * kPositions / kThreads, kTapStep = kThreads / kPositions;
  for (int first = 0; first < rows * columns; first += kPositions) {
    const int count = min(kPositions, rows * columns - first);
    const bool there = own < count;
    const int own_p = there ? p0 + (first + own) / columns : 0, own_q = there ? q0 + (first + own) % columns : 0;
    const NnlPatch<X> patch(l, image, own_p, own_q);
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
      filter = d < l.taps ? *reinterpret_cast<const float4*>(l.filters + d * l.padded_k + k0 + 4 * (tid & 15))
                          : make_float4(0, 0, 0, 0);
    };
    fetch(0);
    for (int64_t d0 = 0; d0 < l.taps; d0 += kTaps) {
      __syncthreads();
      STRIATE_UNROLL
      for (int i = 0; i < kEach; ++i) patches[(own_tap + i * kTapStep) * kPositions + own] = pixel[i];
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
    // of this tile: the last reader of the cosines before is behind the barriers above
    STRIATE_UNROLL
    for (int i = 0; i < 8; ++i) {
      const int at = first + 8 * ty + i;
      float factor = l.scale;
      if (l.factor) {
        factor = 0;
        if (8 * ty + i < count) factor = l.factor[(image * l.p + p0 + at / columns) * l.q + q0 + at % columns];
      }
      *reinterpret_cast<float4*>(cosines + (8 * ty + i) * kFilters + 4 * tx) =
          make_float4(sum[i][0] * factor, sum[i][1] * factor, sum[i][2] * factor, sum[i][3] * factor);
    }
    __syncthreads();
    if constexpr (!kPool) {
      for (int i = tid; i < kFilters * kPositions; i += kThreads) {
        const int at = i % kPositions;
        const int64_t k = k0 + i / kPositions;
        if (at >= count || k >= l.k) continue;
        const int64_t position = static_cast<int64_t>(p0 + (first + at) / columns) * l.q + q0 + (first + at) % columns;
        const int64_t to = (image * l.k + k) * l.positions() + position;
        finish(f, to, cosines[at * kFilters + i / kPositions]);
        if (kIndex) f.index[to] = static_cast<int32_t>(position);
      }
    } else {
      for (int i = tid; i < kFilters * qo_count; i += kThreads) {
        const int filter_of = i % kFilters, qo = i / kFilters;
        const float* mine = cosines + filter_of;
        for (int row = first / columns; row * columns < first + count; ++row) {
          const int begin = max(qo * l.pool_stride, first - row * columns);
          const int end = min(qo * l.pool_stride + l.pool, first + count - row * columns);
          if (begin >= end) continue;
          float best = mine[(row * columns + begin - first) * kFilters];
          int place = begin;
          for (int column = begin + 1; column < end; ++column) {
            const float c = mine[(row * columns + column - first) * kFilters];
            if (beats(c, best)) {
              best = c;
              if (kIndex) place = column;
            }
          }
          const int above = row - l.pool + l.pool_stride;  // the pooled rows whose window holds this row
          for (int po = max(0, above / l.pool_stride); po < po_count && po * l.pool_stride <= row; ++po) {
            if (row >= po * l.pool_stride + l.pool) continue;
            const int cell = (po * qo_count + qo) * kCell + filter_of;
            if (!beats(best, running[cell])) continue;
            running[cell] = best;
            if (kIndex) places[cell] = (p0 + row) * l.q + q0 + place;
          }
        }
      }
    }
  }
  if constexpr (kPool) {
    __syncthreads();
    for (int i = tid; i < cells * kFilters; i += kThreads) {
      const int cell = i % cells, filter_of = i / cells;
      if (k0 + filter_of >= l.k) continue;
      const int64_t to = ((image * l.k + k0 + filter_of) * l.pooled_p + po0 + cell / qo_count) * l.pooled_q + qo0 + cell % qo_count;
      finish(f, to, running[cell * kCell + filter_of]);
      if (kIndex) f.index[to] = places[cell * kCell + filter_of];
    }
  }
}

template <class X, bool kPool, bool kIndex>
void launch_forward(core::Context& ctx, const NnlLayer& l, Forward f) {
  int device = 0, limit = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "cudaDeviceGetAttribute");
  // As many pooled cells a block as leave room for a second block on the multiprocessor: where windows overlap, every split
  // computes the rows between its parts twice. Small batches are split further, down to one pooled row, to fill the device.
  const int cell_bytes = kCell * (kIndex ? 8 : 4);
  const int most = std::max(1, (limit / 2 - 1024 - static_cast<int>(kTileBytes)) / cell_bytes);
  const int cells = kPool ? most : 1 << 20;
  f.filter_blocks = static_cast<int>(l.padded_k / kFilters);
  f.spans = (l.pooled_q + cells - 1) / cells;
  f.span_columns = (l.pooled_q + f.spans - 1) / f.spans;
  f.spans = (l.pooled_q + f.span_columns - 1) / f.span_columns;
  f.band_rows = std::min(l.pooled_p, std::max(1, cells / f.span_columns));
  const auto split = [&] {
    f.bands = (l.pooled_p + f.band_rows - 1) / f.band_rows;
    f.band_rows = (l.pooled_p + f.bands - 1) / f.bands;
    f.bands = (l.pooled_p + f.band_rows - 1) / f.band_rows;
    return l.n * f.filter_blocks * f.spans * f.bands;
  };
  while (split() < 2 * processors() && f.band_rows > 1) f.band_rows = (f.band_rows + 1) / 2;
  const size_t shared = kTileBytes + (kPool ? static_cast<size_t>(f.band_rows) * f.span_columns * cell_bytes : 0);
  STRIATE_LAUNCH((nnl_conv_kernel<X, kPool, kIndex>), blocks_for(split(), 1), kThreads, shared, stream_of(ctx), l, f);
}

void forward(core::Context& ctx, const NnlLayer& l, const Forward& f) {
  const bool pool = l.pool > 1 || l.pool_stride > 1;
  const auto with = [&]<class X>(X) {
    if (pool)
      f.index ? launch_forward<X, true, true>(ctx, l, f) : launch_forward<X, true, false>(ctx, l, f);
    else
      f.index ? launch_forward<X, false, true>(ctx, l, f) : launch_forward<X, false, false>(ctx, l, f);
  };
  if (l.n == 0) return;
  l.bytes ? with(uint8_t{}) : with(float{});
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
  l.pooled_p = (l.p - l.pool) / l.pool_stride + 1;
  l.pooled_q = (l.q - l.pool) / l.pool_stride + 1;
  l.bytes = x.dtype == core::Dtype::u8;
  l.centre = o.centre;
  l.unit = o.normalise == op::NnlConv::patch;
  l.scale = l.bytes ? 1 / 255.0f : 1.0f;
  l.padded_k = (l.k + kFilters - 1) / kFilters * kFilters;
  const int64_t map = l.n * l.p * l.q;
  l.tap = ctx.scratch<NnlTap>(l.taps);
  l.filters = ctx.scratch<float>(l.taps * l.padded_k);
  if (l.unit) l.factor = ctx.scratch<float>(map);
  if (l.centre) l.mean = ctx.scratch<float2>(map);
  const cudaStream_t stream = stream_of(ctx);
  STRIATE_LAUNCH((nnl_taps_kernel), blocks_for(l.taps, kThreads), kThreads, 0, stream, l);
  STRIATE_LAUNCH((nnl_pack_kernel), blocks_for(l.taps * l.padded_k, kThreads), kThreads, 0, stream, l, w.as<float>());
  if ((!l.unit && !l.centre) || map == 0) return l;
  if (l.bytes)
    STRIATE_LAUNCH((nnl_norms_kernel<uint8_t>), blocks_for(map, kThreads), kThreads, 0, stream, l);
  else
    STRIATE_LAUNCH((nnl_norms_kernel<float>), blocks_for(map, kThreads), kThreads, 0, stream, l);
  return l;
}

void nnl_cosines(core::Context& ctx, const NnlLayer& l, float* cosine, int32_t* index) {
  forward(ctx, l, Forward{.raw = true, .y = cosine, .index = index});
}

void nnl_conv(core::Context& ctx, const core::View* in, core::View* out, const op::NnlConv::Options& o) {
  forward(ctx, nnl_prepare(ctx, in[0], in[1], o),
          Forward{.bf16 = out[0].dtype == core::Dtype::bf16,
                  .y = out[0].data,
                  .index = out[1].rank >= 0 ? out[1].as<int32_t>() : nullptr,
                  .power = Power(o.power)});
}

}  // namespace striate::cuda
