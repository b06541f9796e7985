// What the kernels of nnl_conv.cu and nnl_conv_grad.cu share: the layer's sizes, the reading of a patch, and the
// forward pass.
#pragma once
#include <cstdint>

#include "cuda/launch.cuh"
#include "cuda/power.cuh"
#include "ops/nnl_conv.h"

namespace striate::cuda {

/// A patch whose |v|^2 is no more counts as zero.
inline constexpr float kNnlTiny = 0x1p-126f;

/// Where tap d = (c, r, s) of a patch lies from the patch's first pixel.
struct NnlTap {
  int offset, r, s, unused;
};

/// Sizes, and the maps that `nnl_prepare` makes. `p` and `q` count positions of the window before the pool.
struct NnlLayer {
  int64_t n, k, taps;
  int c, h, w, r, s, p, q, stride, padding, pool, pool_stride, pool_padding, pooled_p, pooled_q;
  bool bytes, centre, unit;
  float scale;    // of a pixel, where there is no `factor`
  const void* x;  // [N,C,H,W]
  NnlTap* tap;    // [taps]
  float* factor;  // [N,P,Q] 1 / |v|, 0 at a zero patch; null without patch normalisation
  float2* mean;   // [N,P,Q] of the patch, in two floats (bytes: the nearest integer, and the rest); null unless centred
  int64_t padded_k;  // whole blocks of filters; zeros beyond K
  float* filters;    // [taps][padded_k], where there are no parts
  uint16_t* parts;   // [K / 16][taps / 16][3][32][8] bf16: w (less its mean if centred) in three parts, 16 filters x 16
  // taps as the lanes of a warp hold them for mma_bf16; null where products go to nnl_conv.cu's kernel

  __device__ int64_t positions() const { return static_cast<int64_t>(p) * q; }
};

/// One patch's pixels, as numbers 0..255 where the image holds bytes: exact, and a cosine does not care.
template <class X>
struct NnlPatch {
  const X* first;
  int y, x;
  float2 mean;
  bool inside;  // no tap falls on padding

  __device__ __forceinline__ NnlPatch(const NnlLayer& l, int64_t image, int p, int q)
      : y(p * l.stride - l.padding), x(q * l.stride - l.padding), mean(make_float2(0, 0)) {
    first = static_cast<const X*>(l.x) + image * l.c * l.h * l.w + static_cast<int64_t>(y) * l.w + x;
    inside = y >= 0 && x >= 0 && y + l.r <= l.h && x + l.s <= l.w;
    if (l.mean) mean = l.mean[(image * l.p + p) * l.q + q];
  }
  __device__ __forceinline__ float pixel(const NnlLayer& l, const NnlTap& t) const {
    if (inside || (static_cast<unsigned>(y + t.r) < static_cast<unsigned>(l.h) &&
                   static_cast<unsigned>(x + t.s) < static_cast<unsigned>(l.w)))
      return static_cast<float>(first[t.offset]);
    return 0.0f;
  }
  /// The difference of a pixel and a mean in two floats is as exact on a patch of little contrast as on any other.
  __device__ __forceinline__ float centred(const NnlLayer& l, const NnlTap& t) const {
    return l.centre ? (pixel(l, t) - mean.x) - mean.y : pixel(l, t);
  }
};

/// Fills in a layer and queues the kernels that make its maps. x f32|u8 [N,C,H,W], w f32 [K,C,R,S].
NnlLayer nnl_prepare(core::Context& ctx, const core::View& x, const core::View& w, const op::NnlConv::Options& o);

/// What one call adds to the layer.
struct NnlOutput {
  bool raw = false;  // store the maximum itself, with its sign
  bool bf16 = false;
  void* y = nullptr;
  int32_t* index = nullptr;
  const float* bias = nullptr;  // [K], or none
  Power power{1};
};

/// Shared memory that one block may have, bytes.
inline int shared_limit() {
  int device = 0, limit = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "cudaDeviceGetAttribute");
  return limit;
}

/// The forward pass on the tensor cores, for a layer that has parts.
void nnl_forward_split(core::Context& ctx, const NnlLayer& l, const NnlOutput& output);

/// The pooled cosines themselves, unclamped, and their positions, both [N,K,pooled P,pooled Q].
void nnl_cosines(core::Context& ctx, const NnlLayer& l, float* cosine, int32_t* index);

}  // namespace striate::cuda
