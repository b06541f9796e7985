// nnl_conv_grad: ops/nnl_conv.h.
// The pooled cosines c and their positions are computed again (nnl_cosines) unless y and index were saved; with z = c +
// b, a = gy n z^(n-1) belongs to a (filter, position), and gb[k] is the sum of them all. With A[k][position] = sum of
// the a there, vhat = v / |v| and w' = w (less its mean if centred):
//   gw[k]         = sum over positions of A vhat
//   gv[position]  = (sum over k of A w'_k - (sum over k of A c) vhat) / |v|, added onto the pixels of its window
// gw visits the positions that won a cell (nnl_winners.cuh) where an image fits into shared memory. gv, and gw of
// larger images, are products over tiles of 64 x 64 of A, which is built in shared memory (a thread owns a filter and
// 16 positions, so that sums have one order); one thread holds 4 x 4 results. gw comes as one partial sum a group of
// images, added up in order; gx gathers, pixel by pixel, from gv, which exists for a few images at a time. No atomics:
// the bits repeat. Flops: a product over all positions 2 N K P Q C R S, as much as the forward pass; over the winners
// 2 N K C R S for each pooled cell.
#include <algorithm>
#include <cstdint>

#include "cuda/device.cuh"
#include "cuda/nnl_conv.cuh"
#include "cuda/nnl_winners.cuh"
#include "cuda/power.cuh"
#include "ops/nnl_conv.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256, kSide = 64, kStride = kSide + 4;
static_assert(kThreads / 32 * 8 == kSide);
constexpr size_t kGradVShared = sizeof(float) * (3 * kSide * kStride + kSide);
constexpr size_t kScratchBytes = size_t(128) << 20;  // for what is kept of the images that go together

/// One group of images: the layer's maps and c, index and a, [N,K,pooled P,pooled Q], all from the group's first image.
struct Group {
  NnlLayer l;
  float* cosine;  // made here from a saved y, and then only for gx
  const int32_t* index;
  float* a;
  float* rows;  // [K][taps]: w'
  float* gv;    // [N][taps][P Q]
};

/// a, from the cosines or from a saved y [N,K,cells]; a saved place that is none goes to `flag`, counted from `first`.
/// A thread has kEach cells of one filter in one access.
template <int kEach>
__global__ void __launch_bounds__(kThreads)
    nnl_slope_kernel(Group g, const float* __restrict__ gy, const float* __restrict__ bias, const float* __restrict__ y,
                     int64_t cells, int64_t count, float factor, Power below, int64_t first, unsigned long long* flag) {
  const int64_t i = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kEach;
  if (i >= count) return;
  const float b = bias ? bias[i / cells % g.l.k] : 0.0f;
  Pack<float, kEach> z = pack_at<kEach>(y ? y + i : g.cosine + i), slope = pack_at<kEach>(gy + i);
  STRIATE_UNROLL
  for (int j = 0; j < kEach; ++j) {
    if (!y) z.v[j] += b;
    const float at = z.v[j];
    const float raised = below.whole == 0 ? factor : factor * power(at, below);
    slope.v[j] = at >= below.least ? slope.v[j] * raised : (at < below.least ? 0.0f : at);
    z.v[j] -= b;
  }
  pack_at<kEach>(g.a + i) = slope;
  if (!y) return;
  if (g.cosine) pack_at<kEach>(g.cosine + i) = z;
  const Pack<int32_t, kEach> place = pack_at<kEach>(g.index + i);
  const unsigned positions = static_cast<unsigned>(g.l.positions());  // at most 2^31
  bool wrong = false;
  STRIATE_UNROLL
  for (int j = 0; j < kEach; ++j) wrong |= static_cast<unsigned>(place.v[j]) >= positions;
  for (int j = 0; wrong && j < kEach; ++j)
    if (static_cast<unsigned>(place.v[j]) >= positions) report_fault(flag, first + i + j);
}

/// gb of one filter a block: each thread adds up every kThreads-th cell of the group, a tree adds up the threads.
__global__ void __launch_bounds__(kThreads) nnl_conv_grad_b_kernel(Group g, int64_t cells, bool more, float* gb) {
  __shared__ float part[kThreads / 32];
  const int64_t k = blockIdx.x;
  float sum = 0;
  for (int64_t i = threadIdx.x; i < g.l.n * cells; i += kThreads)
    sum += g.a[(i / cells * g.l.k + k) * cells + i % cells];
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  sum = more ? gb[k] : 0.0f;
  for (int i = 0; i < kThreads / 32; ++i) sum += part[i];
  gb[k] = sum;
}

/// w' in rows: one warp a filter.
__global__ void nnl_rows_kernel(NnlLayer l, const float* __restrict__ w, float* rows) {
  const int64_t k = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  const int lane = threadIdx.x & 31;
  if (k >= l.k) return;
  double sum = 0;
  for (int64_t d = lane; d < l.taps; d += 32) sum += w[k * l.taps + d];
  const double mean = l.centre ? warp_sum(sum) / static_cast<double>(l.taps) : 0;
  for (int64_t d = lane; d < l.taps; d += 32) rows[k * l.taps + d] = static_cast<float>(w[k * l.taps + d] - mean);
}

/// tile[filter * by_filter + position * by_position] = A for kSide filters from k0 and kSide positions from `first`,
/// and the same of A c into `driven` if that is wanted. Ends with a barrier.
__device__ void build_tile(const Group& g, int64_t image, int64_t k0, int64_t first, float* tile, float* driven,
                           int by_filter, int by_position) {
  const NnlLayer& l = g.l;
  const int64_t map = l.positions(), cells = static_cast<int64_t>(l.pooled_p) * l.pooled_q;
  if (l.pool == 1 && l.pool_stride == 1) {
    for (int i = threadIdx.x; i < kSide * kSide; i += kThreads) {
      const int64_t k = k0 + i / kSide, position = first + i % kSide;
      const bool there = k < l.k && position < map;
      const int64_t from = (image * l.k + k) * map + position;
      const int to = i / kSide * by_filter + i % kSide * by_position;
      const float a = there ? g.a[from] : 0.0f;
      tile[to] = a;
      if (driven) driven[to] = a != 0 ? a * g.cosine[from] : 0.0f;
    }
  } else {
    for (int i = threadIdx.x; i < kSide * kStride; i += kThreads) {
      tile[i] = 0;
      if (driven) driven[i] = 0;
    }
    __syncthreads();
    // pooled rows whose window meets the rows of these positions
    const int64_t top = first / l.q, bottom = (min(first + kSide, map) - 1) / l.q;
    const int64_t po0 = max(int64_t(0), top + l.pool_padding - l.pool + l.pool_stride) / l.pool_stride;
    const int64_t po1 = min(static_cast<int64_t>(l.pooled_p) - 1, (bottom + l.pool_padding) / l.pool_stride);
    const int lane = threadIdx.x % 32, end = static_cast<int>((po1 + 1) * l.pooled_q);
    for (int k = threadIdx.x / 32; k < kSide && k0 + k < l.k; k += kThreads / 32) {
      const int64_t base = (image * l.k + k0 + k) * cells;
      for (int o = static_cast<int>(po0 * l.pooled_q) + lane; o - lane < end; o += 32) {
        const int64_t i = o < end ? g.index[base + o] - first : -1;
        const bool here = i >= 0 && i < kSide;
        const float a = here ? g.a[base + o] : 0.0f, c = here && driven ? g.cosine[base + o] : 0.0f;
        const int to = k * by_filter + static_cast<int>(i) * by_position;
        for (unsigned left = __ballot_sync(0xffffffffu, here); left;
             left &= left - 1) {  // several may win at one place
          if (lane == __ffs(left) - 1) {
            tile[to] += a;
            if (driven && a != 0) driven[to] = fmaf(a, c, driven[to]);
          }
          __syncwarp();
        }
      }
    }
  }
  __syncthreads();
}

/// 4 x 4 of the product of two tiles whose rows are the index that is summed over.
__device__ __forceinline__ void multiply_tiles(const float* left, const float* right, float (&sum)[4][4]) {
  const int tx = threadIdx.x & 15, ty = threadIdx.x >> 4;
  STRIATE_UNROLL
  for (int i = 0; i < kSide; ++i) {
    const float4 x = *reinterpret_cast<const float4*>(left + i * kStride + 4 * ty);
    const float4 y = *reinterpret_cast<const float4*>(right + i * kStride + 4 * tx);
    const float a[4] = {x.x, x.y, x.z, x.w}, b[4] = {y.x, y.y, y.z, y.w};
    STRIATE_UNROLL
    for (int j = 0; j < 4; ++j) {
      STRIATE_UNROLL
      for (int m = 0; m < 4; ++m) sum[j][m] = fmaf(a[j], b[m], sum[j][m]);
    }
  }
}

__device__ __forceinline__ float factor_at(const NnlLayer& l, int64_t image, int64_t position) {
  return l.factor ? l.factor[image * l.positions() + position] : l.scale;
}

/// partial[group of images][K][taps]; grid (taps / 64, K / 64, groups).
template <class X>
__global__ void __launch_bounds__(kThreads) nnl_conv_grad_w_kernel(Group g, int64_t each, float* partial) {
  __shared__ __align__(16) float tile[kSide * kStride], patches[kSide * kStride];
  const NnlLayer& l = g.l;
  const int64_t d0 = static_cast<int64_t>(blockIdx.x) * kSide, k0 = static_cast<int64_t>(blockIdx.y) * kSide;
  float sum[4][4] = {};
  for (int64_t image = blockIdx.z * each; image < min(l.n, (blockIdx.z + 1) * each); ++image) {
    for (int64_t first = 0; first < l.positions(); first += kSide) {
      __syncthreads();
      // A warp has 8 positions and 4 taps at a time, which lie in banks of their own.
      const int own = threadIdx.x / 32 * 8 + threadIdx.x % 8;
      const int64_t position = first + own;
      const bool there = position < l.positions();
      const NnlPatch<X> patch(l, image, there ? static_cast<int>(position / l.q) : 0,
                              there ? static_cast<int>(position % l.q) : 0);
      const float factor = there ? factor_at(l, image, position) : 0.0f;
      for (int i = threadIdx.x / 8 % 4; i < kSide; i += 4)
        patches[own * kStride + i] = there && d0 + i < l.taps ? patch.centred(l, l.tap[d0 + i]) * factor : 0.0f;
      build_tile(g, image, k0, first, tile, nullptr, 1, kStride);
      multiply_tiles(tile, patches, sum);
    }
  }
  const int tx = threadIdx.x & 15, ty = threadIdx.x >> 4;
  STRIATE_UNROLL
  for (int j = 0; j < 4; ++j) {
    STRIATE_UNROLL
    for (int m = 0; m < 4; ++m) {
      const int64_t k = k0 + 4 * ty + j, d = d0 + 4 * tx + m;
      if (k < l.k && d < l.taps) partial[(blockIdx.z * l.k + k) * l.taps + d] = sum[j][m];
    }
  }
}

__global__ void nnl_sum_partials_kernel(const float* __restrict__ partial, int64_t count, int groups, bool more,
                                        float* gw) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  float sum = more ? gw[i] : 0.0f;
  for (int group = 0; group < groups; ++group) sum += partial[group * count + i];
  gw[i] = sum;
}

/// gv of 64 positions x 64 taps; grid (taps / 64, P Q / 64, images).
__global__ void __launch_bounds__(kThreads) nnl_conv_grad_v_kernel(Group g) {
  STRIATE_DYNAMIC_SHARED(float, tile);
  float *filters = tile + kSide * kStride, *driven = filters + kSide * kStride, *drive = driven + kSide * kStride;
  const NnlLayer& l = g.l;
  const int64_t d0 = static_cast<int64_t>(blockIdx.x) * kSide, first = static_cast<int64_t>(blockIdx.y) * kSide,
                image = blockIdx.z;
  float sum[4][4] = {};
  if (threadIdx.x < kSide) drive[threadIdx.x] = 0;
  for (int64_t k0 = 0; k0 < l.k; k0 += kSide) {
    __syncthreads();
    for (int i = threadIdx.x; i < kSide * kSide; i += kThreads) {
      const int64_t k = k0 + i / kSide, d = d0 + i % kSide;
      filters[i / kSide * kStride + i % kSide] = k < l.k && d < l.taps ? g.rows[k * l.taps + d] : 0.0f;
    }
    build_tile(g, image, k0, first, tile, l.unit ? driven : nullptr, kStride, 1);
    if (l.unit && threadIdx.x < kSide)
      for (int k = 0; k < kSide; ++k) drive[threadIdx.x] += driven[k * kStride + threadIdx.x];
    multiply_tiles(tile, filters, sum);
  }
  __syncthreads();
  const int tx = threadIdx.x & 15, ty = threadIdx.x >> 4;
  STRIATE_UNROLL
  for (int j = 0; j < 4; ++j) {
    const int64_t position = first + 4 * ty + j;
    if (position >= l.positions()) continue;
    const NnlPatch<float> patch(l, image, static_cast<int>(position / l.q), static_cast<int>(position % l.q));
    const float factor = factor_at(l, image, position);
    STRIATE_UNROLL
    for (int m = 0; m < 4; ++m) {
      const int64_t d = d0 + 4 * tx + m;
      if (d >= l.taps) continue;
      const float along = l.unit ? drive[4 * ty + j] * (patch.centred(l, l.tap[d]) * factor) : 0.0f;
      g.gv[(image * l.taps + d) * l.positions() + position] = (sum[j][m] - along) * factor;
    }
  }
}

/// gx, one thread a pixel, from every window that holds it.
__global__ void nnl_conv_grad_x_kernel(Group g, float* gx) {
  const NnlLayer& l = g.l;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= l.n * l.c * l.h * l.w) return;
  const int x = static_cast<int>(i % l.w) + l.padding, y = static_cast<int>(i / l.w % l.h) + l.padding;
  const int64_t plane = i / l.w / l.h;  // image * C + channel
  float sum = 0;
  for (int r = 0; r < l.r && r <= y; ++r) {
    const int p = (y - r) / l.stride;
    if (p * l.stride != y - r || p >= l.p) continue;
    for (int s = 0; s < l.s && s <= x; ++s) {
      const int q = (x - s) / l.stride;
      if (q * l.stride != x - s || q >= l.q) continue;
      sum += g.gv[((plane * l.r + r) * l.s + s) * l.positions() + static_cast<int64_t>(p) * l.q + q];
    }
  }
  gx[i] = sum;
}

}  // namespace

void nnl_conv_grad(core::Context& ctx, const core::View* in, core::View* out, const op::NnlConv::Options& o) {
  const bool want_x = out[0].rank >= 0, want_w = out[1].rank >= 0, want_b = out[2].rank >= 0;
  const cudaStream_t stream = stream_of(ctx);
  if (in[0].count() == 0 || in[2].count() == 0) {
    for (int i = 0; i < 3; ++i)
      if (out[i].rank >= 0 && out[i].count())
        check(cudaMemsetAsync(out[i].data, 0, out[i].bytes(), stream), "cudaMemsetAsync");
    return;
  }
  if (!want_x && !want_w && !want_b) return;
  const NnlLayer l = nnl_prepare(ctx, in[0], in[1], o);
  const bool saved = in[4].rank >= 0, cosines = !saved || (want_x && l.unit);
  const float* bias = in[3].rank >= 0 ? in[3].as<float>() : nullptr;
  const int64_t map = static_cast<int64_t>(l.p) * l.q, pooled = static_cast<int64_t>(l.pooled_p) * l.pooled_q,
                cells = l.k * pooled;
  const int64_t image_floats = (saved ? 1 : 2) * cells + (cosines ? cells : 0) + (want_x ? l.taps * map : 0);
  const int64_t together = std::clamp<int64_t>(static_cast<int64_t>(kScratchBytes / sizeof(float)) / image_floats, 1,
                                               std::min<int64_t>(l.n, 65535));
  float* cosine = cosines ? ctx.scratch<float>(together * cells) : nullptr;
  int32_t* index = saved ? nullptr : ctx.scratch<int32_t>(together * cells);
  Group g = {l, cosine, index, ctx.scratch<float>(together * cells), nullptr, nullptr};
  if (want_x) {
    g.gv = ctx.scratch<float>(together * l.taps * map);
    g.rows = ctx.scratch<float>(l.k * l.taps);
    STRIATE_LAUNCH((nnl_rows_kernel), blocks_for(l.k, kThreads / 32), kThreads, 0, stream, l, in[1].as<float>(),
                   g.rows);
  }
  const unsigned tap_tiles = blocks_for(l.taps, kSide), filter_tiles = blocks_for(l.k, kSide),
                 map_tiles = blocks_for(map, kSide);
  if (filter_tiles > 65535 || map_tiles > 65535)
    throw core::Error(core::ErrorKind::shape, "", "w", core::shape_text(in[1]),
                      "at most 4 million filters and positions on CUDA");
  // gw visits the positions that won a cell, where an image fits into shared memory.
  const WinnerImage shape(l);
  const bool winners = winner_bytes(shape) <= static_cast<size_t>(shared_limit());
  // groups of images for gw: enough blocks to fill the device, none of them empty
  const int64_t wanted =
      std::max<int64_t>(1, 4 * device_of(ctx).processors / (static_cast<int64_t>(tap_tiles) * filter_tiles));
  const int64_t each = (together + std::min(wanted, together) - 1) / std::min(wanted, together);
  float* partial = want_w ? ctx.scratch<float>((together + each - 1) / each * l.k * l.taps) : nullptr;
  unsigned long long* flag = saved ? clear_flag(ctx) : nullptr;

  for (int64_t first = 0; first < l.n; first += together) {
    g.l = l;
    g.l.n = std::min(together, l.n - first);
    g.l.x = static_cast<const char*>(l.x) + first * l.c * l.h * l.w * (l.bytes ? 1 : 4);
    if (l.factor) g.l.factor += first * map;
    if (l.mean) g.l.mean += first * map;
    if (saved)
      g.index = in[5].as<int32_t>() + first * cells;
    else
      nnl_cosines(ctx, g.l, cosine, index);
    const int64_t count = g.l.n * cells;
    const float *gy = in[2].as<float>() + first * cells, *y = saved ? in[4].as<float>() + first * cells : nullptr;
    const Power below = Power::below(o.power, o.rectify);
    const float power = static_cast<float>(o.power);
    if ((bias ? pooled : cells) % 4 == 0)
      STRIATE_LAUNCH((nnl_slope_kernel<4>), blocks_for(count / 4, kThreads), kThreads, 0, stream, g, gy, bias, y,
                     pooled, count, power, below, first * cells, flag);
    else
      STRIATE_LAUNCH((nnl_slope_kernel<1>), blocks_for(count, kThreads), kThreads, 0, stream, g, gy, bias, y, pooled,
                     count, power, below, first * cells, flag);
    if (want_b)
      STRIATE_LAUNCH((nnl_conv_grad_b_kernel), blocks_for(l.k, 1), kThreads, 0, stream, g, pooled, first > 0,
                     out[2].as<float>());
    if (want_w) {
      const unsigned groups = blocks_for(g.l.n, each);
      const dim3 grid(tap_tiles, filter_tiles, groups);
      const dim3 winner_grid(blocks_for(l.k, kWinnerFilters), blocks_for(l.taps, kWinnerTaps), groups);
      if (winners && l.bytes)
        STRIATE_LAUNCH((nnl_winners_kernel<uint8_t>), winner_grid, kWinnerThreads, winner_bytes(shape), stream, g.l,
                       shape, g.index, g.a, each, partial);
      else if (winners)
        STRIATE_LAUNCH((nnl_winners_kernel<float>), winner_grid, kWinnerThreads, winner_bytes(shape), stream, g.l,
                       shape, g.index, g.a, each, partial);
      else if (l.bytes)
        STRIATE_LAUNCH((nnl_conv_grad_w_kernel<uint8_t>), grid, kThreads, 0, stream, g, each, partial);
      else
        STRIATE_LAUNCH((nnl_conv_grad_w_kernel<float>), grid, kThreads, 0, stream, g, each, partial);
      STRIATE_LAUNCH((nnl_sum_partials_kernel), blocks_for(l.k * l.taps, kThreads), kThreads, 0, stream, partial,
                     l.k * l.taps, static_cast<int>(groups), first > 0, out[1].as<float>());
    }
    if (!want_x) continue;
    STRIATE_LAUNCH((nnl_conv_grad_v_kernel), dim3(tap_tiles, map_tiles, static_cast<unsigned>(g.l.n)), kThreads,
                   kGradVShared, stream, g);
    const int64_t pixels = g.l.n * l.c * l.h * l.w;
    STRIATE_LAUNCH((nnl_conv_grad_x_kernel), blocks_for(pixels, kThreads), kThreads, 0, stream, g,
                   out[0].as<float>() + first * l.c * l.h * l.w);
  }
  if (!saved) return;
  // Last, so that everything is queued before the wait; until then a place that is none has only been passed over.
  const unsigned long long fault = read_flag(ctx);
  if (fault == kNoFault) return;
  throw core::Error(core::ErrorKind::data, "nnl_conv_grad", "index",
                    std::to_string(fetch(ctx, in[5].as<int32_t>() + fault)), "0 to " + std::to_string(map - 1));
}

}  // namespace striate::cuda
