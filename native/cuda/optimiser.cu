// adam, adamw, sgd: ops/optimiser.h. Flat; one thread per 4 weights in 16-byte accesses (every buffer is aligned to 64
// bytes). Bytes: 28 a weight (w, m, v read and written, g read; sgd 20), so the limit is the memory's bandwidth.
#include <cstdint>

#include "cuda/adam_step.cuh"
#include "ops/optimiser.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    adam_kernel(float* __restrict__ w, float* __restrict__ m, float* __restrict__ v, const float* __restrict__ g,
                int64_t n, AdamStep step) {
  const int64_t i = 4 * (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x);
  if (i + 4 <= n) {
    float4 a = *reinterpret_cast<const float4*>(w + i), b = *reinterpret_cast<const float4*>(m + i),
           c = *reinterpret_cast<const float4*>(v + i);
    const float4 d = *reinterpret_cast<const float4*>(g + i);
    step(a.x, b.x, c.x, d.x);
    step(a.y, b.y, c.y, d.y);
    step(a.z, b.z, c.z, d.z);
    step(a.w, b.w, c.w, d.w);
    *reinterpret_cast<float4*>(w + i) = a;
    *reinterpret_cast<float4*>(m + i) = b;
    *reinterpret_cast<float4*>(v + i) = c;
  } else {
    for (int64_t j = i; j < n; ++j) step(w[j], m[j], v[j], g[j]);
  }
}

struct SgdStep {
  float rate, momentum, decay;
  bool nesterov;
  __device__ __forceinline__ void operator()(float& w, float& m, float g) const {
    g = decay * w + g;
    m = momentum * m + g;
    w -= rate * (nesterov ? momentum * m + g : m);
  }
};

__global__ void __launch_bounds__(kThreads)
    sgd_kernel(float* __restrict__ w, float* __restrict__ m, const float* __restrict__ g, int64_t n, SgdStep step) {
  const int64_t i = 4 * (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x);
  if (i + 4 <= n) {
    float4 a = *reinterpret_cast<const float4*>(w + i), b = *reinterpret_cast<const float4*>(m + i);
    const float4 c = *reinterpret_cast<const float4*>(g + i);
    step(a.x, b.x, c.x);
    step(a.y, b.y, c.y);
    step(a.z, b.z, c.z);
    step(a.w, b.w, c.w);
    *reinterpret_cast<float4*>(w + i) = a;
    *reinterpret_cast<float4*>(m + i) = b;
  } else {
    for (int64_t j = i; j < n; ++j) step(w[j], m[j], g[j]);
  }
}

void adam_by(core::Context& ctx, const core::View* in, const AdamStep& step) {
  const int64_t n = in[0].count();
  if (n == 0) return;
  STRIATE_LAUNCH(adam_kernel, blocks_for(n, 4 * kThreads), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 in[1].as<float>(), in[2].as<float>(), in[3].as<float>(), n, step);
}

}  // namespace

void adam(core::Context& ctx, const core::View* in, core::View*, const op::Adam::Options& o) {
  adam_by(ctx, in, AdamStep(o, o.learning_rate, o.step));
}

void adamw(core::Context& ctx, const core::View* in, core::View*, const op::Adamw::Options& o) {
  adam_by(ctx, in, AdamStep(o, o.learning_rate, o.step, true));
}

void sgd(core::Context& ctx, const core::View* in, core::View*, const op::Sgd::Options& o) {
  const int64_t n = in[0].count();
  if (n == 0) return;
  const SgdStep step{static_cast<float>(o.learning_rate), static_cast<float>(o.momentum),
                     static_cast<float>(o.weight_decay), o.nesterov};
  STRIATE_LAUNCH(sgd_kernel, blocks_for(n, 4 * kThreads), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 in[1].as<float>(), in[2].as<float>(), n, step);
}

}  // namespace striate::cuda
