// What the files of conv2d share: the sizes of a layer, the phases of gx, and the products on the tensor cores.
#pragma once
#include <algorithm>
#include <cstdint>

#include "cuda/conv_gather.cuh"
#include "cuda/device.cuh"
#include "ops/conv2d.h"

namespace striate::cuda {

struct ConvLayer {
  int64_t N, C, H, W, K, R, S, P, Q, stride, padding;
};

/// conv2d_bf16.cu: products on the tensor cores, of factors rounded to bfloat16 (kParts 1), or split into three such
/// numbers (3; x float32). gx and gw: those that are not null.
template <int kParts>
void conv_forward_bf16(const core::Context& ctx, const ConvLayer& l, const core::View& x, const float* w,
                       const float* bias, float* y);
template <int kParts>
void conv_backward_bf16(const core::Context& ctx, const ConvLayer& l, const core::View& x, const float* w,
                        const float* gy, float* gx, float* gw);

inline int32_t narrow(int64_t x) { return static_cast<int32_t>(x); }

/// The patches that y's positions see.
template <class T>
conv::Patches<T> patches_of(const ConvLayer& l, const T* x) {
  // A stride past the image has one position: the step is never taken.
  return {x,
          l.C * l.H * l.W,
          narrow(l.H),
          narrow(l.W),
          narrow(l.P),
          narrow(l.Q),
          narrow(l.stride),
          narrow(-l.padding),
          narrow(-l.padding),
          narrow(l.R),
          narrow(l.S),
          1};
}

/// Where y goes.
inline conv::Planes planes_of(const ConvLayer& l, const float* bias, float* y) {
  return {y, l.K * l.P * l.Q, l.P * l.Q, narrow(l.P), narrow(l.Q), 1, 0, 0, narrow(l.Q), bias};
}

/// The taps of one phase of gx.
struct ConvPhase {
  int32_t first_down, first_across, down, across;
};

/// Calls run(phase, patches of gy, planes of gx) for each phase of gx, and clears what no tap sees. Phase (a, b) holds
/// the pixels with (h + padding) % stride == a, and so for b; they see the taps a, a + stride, ...
template <class T, class Run>
void for_each_phase(const core::Context& ctx, const ConvLayer& l, const T* gy, float* gx, Run&& run) {
  // A stride past the window leaves pixels that no tap sees.
  if (l.stride > l.R || l.stride > l.S)
    check(cudaMemsetAsync(gx, 0, static_cast<size_t>(l.N * l.C * l.H * l.W) * sizeof(float), stream_of(ctx)),
          "cudaMemsetAsync");
  const auto first_of = [&](int64_t phase) { return ((phase - l.padding) % l.stride + l.stride) % l.stride; };
  for (int64_t a = 0; a < std::min(l.stride, l.R); ++a)
    for (int64_t b = 0; b < std::min(l.stride, l.S); ++b) {
      const int64_t h = first_of(a), v = first_of(b);
      if (h >= l.H || v >= l.W) continue;
      const int64_t lines = (l.H - 1 - h) / l.stride + 1, columns = (l.W - 1 - v) / l.stride + 1;
      const ConvPhase phase{narrow(a), narrow(b), narrow((l.R - 1 - a) / l.stride + 1),
                            narrow((l.S - 1 - b) / l.stride + 1)};
      const conv::Patches<T> patches{gy,
                                     l.K * l.P * l.Q,
                                     narrow(l.P),
                                     narrow(l.Q),
                                     narrow(lines),
                                     narrow(columns),
                                     1,
                                     narrow((h + l.padding - a) / l.stride),
                                     narrow((v + l.padding - b) / l.stride),
                                     phase.down,
                                     phase.across,
                                     -1};
      const conv::Planes planes{
          gx,        l.C * l.H * l.W, l.H * l.W,   narrow(lines), narrow(columns), narrow(l.stride),
          narrow(h), narrow(v),       narrow(l.W), nullptr};
      run(phase, patches, planes);
    }
}

/// The stretches' sums in order, each into its place.
template <class Place>
__global__ void __launch_bounds__(gemm::kThreads)
    add_stretches_in_place_kernel(const float* __restrict__ parts, int64_t stretches, int64_t count, int64_t n,
                                  Place place) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * gemm::kThreads + threadIdx.x;
  if (i >= count) return;
  place.store(i / n, i % n, gemm::sum_stretches(parts, stretches, count, i));
}

}  // namespace striate::cuda
