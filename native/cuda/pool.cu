// max_pool, max_pool_grad, avg_pool, avg_pool_grad: ops/pool.h. One thread per output; neighbouring windows share what
// they read in the L1 cache. Gradients gather, one thread per input, from the windows that cover it, in the order of
// (p, q): no atomics, the bits repeat. For max_pool a first kernel writes where each window's maximum lies (scratch).
// Not yet timed on a GPU.
#include <cstdint>

#include "cuda/launch.cuh"
#include "ops/pool.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256;

struct Window {
  int64_t height, width, p, q;  // of the image and of the output
  int64_t size, stride, padding;
};

/// What of window p lies inside [0, length).
struct Span {
  int64_t begin, end;
  __device__ __forceinline__ Span(const Window& s, int64_t p, int64_t length)
      : begin(max(int64_t(0), p * s.stride - s.padding)), end(min(length, p * s.stride - s.padding + s.size)) {}
};

/// The windows, of `windows`, that cover position `at`.
struct Cover {
  int64_t first, last;
  __device__ __forceinline__ Cover(const Window& s, int64_t at, int64_t windows)
      : first(at + s.padding < s.size ? 0 : (at + s.padding - s.size) / s.stride + 1),
        last(min(windows - 1, (at + s.padding) / s.stride)) {}
};

/// Position in the image of the first maximum of window (p, q); a NaN counts as the maximum.
__device__ __forceinline__ int64_t first_maximum(const float* image, const Window& s, int64_t p, int64_t q,
                                                 float& top) {
  const Span rows(s, p, s.height), columns(s, q, s.width);
  int64_t best = rows.begin * s.width + columns.begin;
  top = image[best];
  for (int64_t r = rows.begin; r < rows.end; ++r)
    for (int64_t c = columns.begin; c < columns.end; ++c) {
      const float value = image[r * s.width + c];
      if (!(value <= top) && top == top) {
        top = value;
        best = r * s.width + c;
      }
    }
  return best;
}

/// y, or the position of the maximum, for each of `count` windows.
__global__ void __launch_bounds__(kThreads) max_pool_kernel(const float* __restrict__ x, float* __restrict__ y,
                                                            int32_t* __restrict__ position, int64_t count, Window s) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const int64_t image = i / (s.p * s.q), p = i / s.q % s.p, q = i % s.q;
  float top;
  const int64_t at = first_maximum(x + image * s.height * s.width, s, p, q, top);
  if (y)
    y[i] = top;
  else
    position[i] = static_cast<int32_t>(at);
}

__global__ void __launch_bounds__(kThreads)
    max_pool_grad_kernel(const int32_t* __restrict__ position, const float* __restrict__ gy, float* __restrict__ gx,
                         int64_t count, Window s) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const int64_t pixels = s.height * s.width, image = i / pixels, at = i % pixels, h = at / s.width, w = at % s.width;
  const Cover rows(s, h, s.p), columns(s, w, s.q);
  float sum = 0;
  for (int64_t p = rows.first; p <= rows.last; ++p)
    for (int64_t q = columns.first; q <= columns.last; ++q) {
      const int64_t window = (image * s.p + p) * s.q + q;
      if (position[window] == at) sum += gy[window];
    }
  gx[i] = sum;
}

__global__ void __launch_bounds__(kThreads)
    avg_pool_kernel(const float* __restrict__ x, float* __restrict__ y, int64_t count, Window s, float area) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const float* image = x + i / (s.p * s.q) * s.height * s.width;
  const Span rows(s, i / s.q % s.p, s.height), columns(s, i % s.q, s.width);
  float sum = 0;
  for (int64_t r = rows.begin; r < rows.end; ++r)
    for (int64_t c = columns.begin; c < columns.end; ++c) sum += image[r * s.width + c];
  y[i] = sum / area;
}

__global__ void __launch_bounds__(kThreads)
    avg_pool_grad_kernel(const float* __restrict__ gy, float* __restrict__ gx, int64_t count, Window s, float area) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const int64_t pixels = s.height * s.width, image = i / pixels, at = i % pixels;
  const Cover rows(s, at / s.width, s.p), columns(s, at % s.width, s.q);
  float sum = 0;
  for (int64_t p = rows.first; p <= rows.last; ++p)
    for (int64_t q = columns.first; q <= columns.last; ++q) sum += gy[(image * s.p + p) * s.q + q] / area;
  gx[i] = sum;
}

Window window_of(const core::View& x, int64_t p, int64_t q, const op::MaxPool::Options& o) {
  if (x.shape[2] * x.shape[3] > INT32_MAX)
    throw core::Error(core::ErrorKind::shape, "", "x", core::shape_text(x),
                      "images of at most 2^31 - 1 pixels on this device");
  return {x.shape[2], x.shape[3], p, q, o.size, o.stride, o.padding};
}

}  // namespace

void max_pool(core::Context& ctx, const core::View* in, core::View* out, const op::MaxPool::Options& o) {
  const int64_t count = out[0].count();
  if (count == 0) return;
  STRIATE_LAUNCH(max_pool_kernel, blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 out[0].as<float>(), nullptr, count, window_of(in[0], out[0].shape[2], out[0].shape[3], o));
}

void max_pool_grad(core::Context& ctx, const core::View* in, core::View* out, const op::MaxPool::Options& o) {
  const int64_t windows = in[1].count(), count = in[0].count();
  if (count == 0) return;
  const Window s = window_of(in[0], in[1].shape[2], in[1].shape[3], o);
  int32_t* position = ctx.scratch<int32_t>(static_cast<size_t>(windows));
  if (windows)
    STRIATE_LAUNCH(max_pool_kernel, blocks_for(windows, kThreads), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                   nullptr, position, windows, s);
  STRIATE_LAUNCH(max_pool_grad_kernel, blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), position,
                 in[1].as<float>(), out[0].as<float>(), count, s);
}

void avg_pool(core::Context& ctx, const core::View* in, core::View* out, const op::AvgPool::Options& o) {
  const int64_t count = out[0].count();
  if (count == 0) return;
  STRIATE_LAUNCH(avg_pool_kernel, blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 out[0].as<float>(), count, window_of(in[0], out[0].shape[2], out[0].shape[3], o),
                 static_cast<float>(o.size * o.size));
}

void avg_pool_grad(core::Context& ctx, const core::View* in, core::View* out, const op::AvgPoolGrad::Options& o) {
  const int64_t count = out[0].count();
  if (count == 0) return;
  STRIATE_LAUNCH(avg_pool_grad_kernel, blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 out[0].as<float>(), count, window_of(out[0], in[0].shape[2], in[0].shape[3], o),
                 static_cast<float>(o.size * o.size));
}

}  // namespace striate::cuda
