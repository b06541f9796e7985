// gw of nnl_conv_grad where positions pool: only the winners take part, one patch for each pooled cell of a filter.
// A block holds an image as floats in shared memory, bordered with the padding's zeros and pitched so that tap d of any
// patch lies in bank d mod 32; a warp owns kEach filters and 64 taps, two a lane, and adds up its filters' cells in
// their order, image by image. The bits repeat.
#pragma once
#include <cstdint>

#include "cuda/nnl_conv.cuh"

namespace striate::cuda {
namespace {  // one .cu file includes this

/// How an image is laid out in shared memory.
struct WinnerImage {
  int pitch, plane, size;  // in floats: of a row, of a channel, of all
  explicit WinnerImage(const NnlLayer& l) {
    const auto at_least = [](int64_t size, int64_t bank) { return size + ((bank - size) % 32 + 32) % 32; };
    const int64_t row = at_least(l.w + 2 * l.padding, l.s), all = at_least(row * (l.h + 2 * l.padding), l.r * l.s);
    const bool fits = all * l.c < (1 << 28);
    pitch = fits ? static_cast<int>(row) : 0;
    plane = fits ? static_cast<int>(all) : 0;
    size = fits ? plane * l.c : 1 << 28;
  }
};

constexpr int kWinnerThreads = 256, kWinnerEach = 8, kWinnerTaps = 64;
constexpr int kWinnerFilters = kWinnerThreads / 32 * kWinnerEach;  // of a block
constexpr size_t kWinnerLists = sizeof(float4) * kWinnerThreads;   // winners of a warp's 32 cells

inline size_t winner_bytes(const WinnerImage& image) { return kWinnerLists + sizeof(float) * image.size; }

/// partial[group of images][K][taps], from the cells' index and a [N,K,pooled P,pooled Q]; grid (K / 64, taps / 64,
/// groups).
template <class X>
__global__ void __launch_bounds__(kWinnerThreads)
    nnl_winners_kernel(NnlLayer l, WinnerImage shape, const int32_t* __restrict__ index, const float* __restrict__ a,
                       int64_t each, float* partial) {
  STRIATE_DYNAMIC_SHARED(float, shared);
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  float4* winners = reinterpret_cast<float4*>(shared) + 32 * warp;  // where a patch begins, its factor, its mean
  float* image = shared + kWinnerLists / sizeof(float);
  const int64_t k0 = static_cast<int64_t>(blockIdx.x) * kWinnerFilters + warp * kWinnerEach;
  const int64_t d0 = static_cast<int64_t>(blockIdx.y) * kWinnerTaps;
  const int cells = l.pooled_p * l.pooled_q;
  const auto tap_at = [&](int64_t d) {  // beyond the last, any: its sum is dropped
    const NnlTap tap = l.tap[min(d, l.taps - 1)];
    const int channel = (tap.offset - tap.r * l.w - tap.s) / (l.h * l.w);
    return reinterpret_cast<const char*>(image + channel * shape.plane + tap.r * shape.pitch + tap.s);
  };
  const char *one = tap_at(d0 + lane), *two = tap_at(d0 + 32 + lane);
  for (int i = threadIdx.x; i < shape.size; i += kWinnerThreads) image[i] = 0;
  float sum[kWinnerEach][2] = {};
  for (int64_t n = blockIdx.z * each; n < min(l.n, (blockIdx.z + 1) * each); ++n) {
    __syncthreads();
    const X* pixels = static_cast<const X*>(l.x) + n * l.c * l.h * l.w;
    for (int y = warp; y < l.c * l.h; y += kWinnerThreads / 32) {
      float* to = image + y / l.h * shape.plane + (y % l.h + l.padding) * shape.pitch + l.padding;
      for (int x = lane; x < l.w; x += 32) to[x] = static_cast<float>(pixels[y * l.w + x]);
    }
    __syncthreads();
    STRIATE_UNROLL
    for (int i = 0; i < kWinnerEach; ++i) {
      if (k0 + i >= l.k) continue;
      const int64_t first = (n * l.k + k0 + i) * cells;
      for (int o = 0; o < cells; o += 32) {
        const int place = o + lane < cells ? index[first + o + lane] : -1;
        float4 winner = make_float4(0, 0, 0, 0);
        if (place >= 0 && place < l.positions()) {  // a place that is none is reported elsewhere
          const int p = place / l.q, begin = p * l.stride * shape.pitch + (place - p * l.q) * l.stride;
          winner.x = __int_as_float(begin * static_cast<int>(sizeof(float)));
          winner.y = a[first + o + lane] * (l.factor ? l.factor[n * l.positions() + place] : l.scale);
          if (l.centre) {
            const float2 mean = l.mean[n * l.positions() + place];
            winner.z = mean.x;
            winner.w = mean.y;
          }
        }
        winners[lane] = winner;
        __syncwarp();
        const int count = min(32, cells - o);
        if (l.centre) {
          for (int j = 0; j < count; ++j) {
            const float4 w = winners[j];
            const int at = __float_as_int(w.x);
            sum[i][0] = fmaf(w.y, (*reinterpret_cast<const float*>(one + at) - w.z) - w.w, sum[i][0]);
            sum[i][1] = fmaf(w.y, (*reinterpret_cast<const float*>(two + at) - w.z) - w.w, sum[i][1]);
          }
        } else {
          for (int j = 0; j < count; j += 4) {  // those beyond the count have factor 0
            STRIATE_UNROLL
            for (int m = 0; m < 4; ++m) {
              const float2 w = *reinterpret_cast<const float2*>(winners + j + m);
              const int at = __float_as_int(w.x);
              sum[i][0] = fmaf(w.y, *reinterpret_cast<const float*>(one + at), sum[i][0]);
              sum[i][1] = fmaf(w.y, *reinterpret_cast<const float*>(two + at), sum[i][1]);
            }
          }
        }
        __syncwarp();
      }
    }
  }
  STRIATE_UNROLL
  for (int i = 0; i < kWinnerEach; ++i) {
    if (k0 + i >= l.k) continue;
    float* to = partial + (blockIdx.z * l.k + k0 + i) * l.taps + d0;
    if (d0 + lane < l.taps) to[lane] = sum[i][0];
    if (d0 + 32 + lane < l.taps) to[32 + lane] = sum[i][1];
  }
}

}  // namespace
}  // namespace striate::cuda
