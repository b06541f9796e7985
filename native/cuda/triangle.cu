// triangle, triangle_grad: ops/triangle.h. One thread per position of an image, which goes through the channels twice
// (three times in the gradient): neighbouring threads read neighbouring positions. Bytes: 12 an element (24). Not yet
// timed on a GPU.
#include <cstdint>

#include "cuda/launch.cuh"
#include "ops/triangle.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256;

/// max(2 - 2 x, 0) with a NaN kept, as fmaxf would not.
__device__ __forceinline__ float distance(float cosine) {
  const float square = 2 - 2 * cosine;
  return sqrtf(square < 0 ? 0.0f : square);
}

__device__ __forceinline__ float mean_distance(const float* x, int64_t k, int64_t area) {
  float sum = 0;
  for (int64_t channel = 0; channel < k; ++channel) sum += distance(x[channel * area]);
  return sum / static_cast<float>(k);
}

__global__ void __launch_bounds__(kThreads)
    triangle_kernel(const float* __restrict__ x, float* __restrict__ y, int64_t positions, int64_t k, int64_t area) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= positions) return;
  const int64_t first = i / area * k * area + i % area;
  const float mean = mean_distance(x + first, k, area);
  for (int64_t at = first; at < first + k * area; at += area) {
    const float value = mean - distance(x[at]);
    y[at] = value < 0 ? 0.0f : value;
  }
}

__global__ void __launch_bounds__(kThreads)
    triangle_grad_kernel(const float* __restrict__ x, const float* __restrict__ gy, float* __restrict__ gx,
                         int64_t positions, int64_t k, int64_t area) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= positions) return;
  const int64_t first = i / area * k * area + i % area;
  const float mean = mean_distance(x + first, k, area);
  float passed = 0;
  for (int64_t at = first; at < first + k * area; at += area)
    if (mean > distance(x[at])) passed += gy[at];
  passed /= static_cast<float>(k);
  for (int64_t at = first; at < first + k * area; at += area) {
    const float d = distance(x[at]);
    gx[at] = d == 0 ? 0.0f : ((mean > d ? gy[at] : 0.0f) - passed) / d;
  }
}

}  // namespace

void triangle(core::Context& ctx, const core::View* in, core::View* out, const op::Triangle::Options&) {
  const int64_t area = in[0].shape[2] * in[0].shape[3], positions = in[0].shape[0] * area;
  if (positions == 0) return;
  STRIATE_LAUNCH(triangle_kernel, blocks_for(positions, kThreads), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 out[0].as<float>(), positions, in[0].shape[1], area);
}

void triangle_grad(core::Context& ctx, const core::View* in, core::View* out, const op::Triangle::Options&) {
  const int64_t area = in[0].shape[2] * in[0].shape[3], positions = in[0].shape[0] * area;
  if (positions == 0) return;
  STRIATE_LAUNCH(triangle_grad_kernel, blocks_for(positions, kThreads), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 in[1].as<float>(), out[0].as<float>(), positions, in[0].shape[1], area);
}

}  // namespace striate::cuda
