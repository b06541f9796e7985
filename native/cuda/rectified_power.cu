// rectified_power, rectified_power_grad: ops/rectified_power.h; the power itself is in power.cuh.
// Layout: flat; one thread per 4 elements (16-byte accesses: every buffer is aligned to 64 bytes), the tail by the last
// threads. Bytes: 8 an element (12 in the gradient): bound by memory for integer n (with the roundings of squares carried
// along it was not: 47 % of an H200's copy speed at n = 40); a real n costs about 60 instructions an element, near the
// balance point of an H100.
#include <cstdint>

#include "cuda/power.cuh"
#include "ops/rectified_power.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256;

__device__ __forceinline__ float slope(float x, float gy, float factor, const Power& below) {
  if (!(x >= below.least)) return x < below.least ? 0.0f : x;
  return gy * factor * (below.whole == 0 ? 1.0f : rectified_power_by_squares(x, below));
}

__global__ void __launch_bounds__(kThreads)
    rectified_power_kernel(const float* __restrict__ x, float* __restrict__ y, int64_t count, Power n) {
  const int64_t i = 4 * (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x);
  if (i + 4 <= count) {
    const float4 v = *reinterpret_cast<const float4*>(x + i);
    *reinterpret_cast<float4*>(y + i) =
        make_float4(rectified_power_by_squares(v.x, n), rectified_power_by_squares(v.y, n),
                    rectified_power_by_squares(v.z, n), rectified_power_by_squares(v.w, n));
  } else {
    for (int64_t j = i; j < count; ++j) y[j] = rectified_power_by_squares(x[j], n);
  }
}

__global__ void __launch_bounds__(kThreads)
    rectified_power_grad_kernel(const float* __restrict__ x, const float* __restrict__ gy, float* __restrict__ gx,
                                int64_t count, float factor, Power below) {
  const int64_t i = 4 * (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x);
  if (i + 4 <= count) {
    const float4 v = *reinterpret_cast<const float4*>(x + i), g = *reinterpret_cast<const float4*>(gy + i);
    *reinterpret_cast<float4*>(gx + i) = make_float4(slope(v.x, g.x, factor, below), slope(v.y, g.y, factor, below),
                                                     slope(v.z, g.z, factor, below), slope(v.w, g.w, factor, below));
  } else {
    for (int64_t j = i; j < count; ++j) gx[j] = slope(x[j], gy[j], factor, below);
  }
}

unsigned blocks(int64_t count) { return static_cast<unsigned>((count + 4 * kThreads - 1) / (4 * kThreads)); }

}  // namespace

void rectified_power(core::Context& ctx, const core::View* in, core::View* out, const op::RectifiedPower::Options& o) {
  const int64_t count = in[0].count();
  if (count == 0) return;
  STRIATE_LAUNCH((rectified_power_kernel), blocks(count), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 out[0].as<float>(), count, Power(o.power));
}

void rectified_power_grad(core::Context& ctx, const core::View* in, core::View* out,
                          const op::RectifiedPower::Options& o) {
  const int64_t count = in[0].count();
  if (count == 0) return;
  STRIATE_LAUNCH((rectified_power_grad_kernel), blocks(count), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 in[1].as<float>(), out[0].as<float>(), count, static_cast<float>(o.power), Power::below(o.power));
}

}  // namespace striate::cuda
