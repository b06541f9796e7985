// competition: ops/competition.h. One warp per row, three short passes over it (maximum, sum of exponentials, result),
// the last two from the L1 cache. Bytes: 4 in and 4 out an element. Not yet timed on a GPU.
#include <cstdint>

#include "cuda/kernels.cuh"
#include "cuda/softmax.cuh"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    competition_kernel(const float* __restrict__ u, float* __restrict__ g, int64_t b, int64_t k, int kind, float rate) {
  const int64_t row = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  if (row >= b) return;  // whole warps leave
  const float* from = u + row * k;
  float* to = g + row * k;
  const int lane = threadIdx.x % 32;
  float maximum;
  const int top = warp_argmax(
      k, [=](int64_t i) { return from[i]; }, &maximum);
  if (kind == op::Competition::hard) {
    for (int64_t i = lane; i < k; i += 32) to[i] = i == top ? 1.0f : 0.0f;
    return;
  }
  float sum = 0;
  for (int64_t i = lane; i < k; i += 32) sum += expf((from[i] - maximum) * rate);
  const float share = 1 / warp_sum(sum);
  for (int64_t i = lane; i < k; i += 32) {
    const float p = expf((from[i] - maximum) * rate) * share;
    to[i] = kind == op::Competition::softhebb && i != top ? -p : p;
  }
}

}  // namespace

void competition(core::Context& ctx, const core::View* in, core::View* out, const op::Competition::Options& o) {
  const int64_t b = in[0].shape[0], k = in[0].shape[1];
  STRIATE_LAUNCH(competition_kernel, blocks_for(b, kThreads / 32), kThreads, 0, stream_of(ctx), in[0].as<float>(),
                 out[0].as<float>(), b, k, o.kind, static_cast<float>(1 / o.temperature));
}

}  // namespace striate::cuda
