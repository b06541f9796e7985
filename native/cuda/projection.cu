// sparse_projection: ops/projection.h. One thread for the three gaps of a counter, by bisection among the bounds; one warp
// for a stretch of entries sums its gaps and, once it is known where each begins, walks it, a lane an entry, by prefix
// sums. Not yet timed on a GPU.
#include <cstdint>

#include "core/random.h"
#include "cuda/device.cuh"
#include "ops/projection.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;
constexpr int64_t kStretch = 1024;

__global__ void __launch_bounds__(kThreads)
    projection_gaps_kernel(const uint32_t* __restrict__ bounds, int64_t count, uint64_t seed, int64_t room, float value,
                           float* __restrict__ values, int32_t* __restrict__ columns) {
  const int64_t counter = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (3 * counter >= room) return;
  const core::Philox words = core::philox(static_cast<uint64_t>(counter), op::SparseProjection::kStream, seed);
  for (int j = 0; j < 3 && 3 * counter + j < room; ++j) {
    int64_t first = 0, last = count;
    while (first < last) {
      const int64_t middle = (first + last) / 2;
      if (__ldg(bounds + middle) > words.v[j])
        first = middle + 1;
      else
        last = middle;
    }
    columns[3 * counter + j] = static_cast<int32_t>(1 + first);
    values[3 * counter + j] = words.v[3] >> j & 1 ? value : -value;
  }
}

/// begins[s + 1] = the sum of stretch s.
__global__ void __launch_bounds__(kThreads) projection_sums_kernel(const int32_t* __restrict__ gaps, int64_t room,
                                                                   int64_t stretches, int64_t* __restrict__ begins) {
  const int64_t stretch = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (stretch >= stretches) return;
  int64_t sum = 0;
  for (int64_t i = stretch * kStretch + threadIdx.x % 32; i < min((stretch + 1) * kStretch, room); i += 32)
    sum += gaps[i];
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) begins[stretch + 1] = sum;
}

/// The sum up to and with a lane's, and of all.
struct LaneSums {
  int64_t upto, all;
};
__device__ LaneSums sums_of_lanes(int64_t x) {
  LaneSums sums{x, x};
  for (int by = 1; by < 32; by *= 2) {
    const int64_t others = __shfl_xor_sync(0xffffffffu, sums.all, by);
    if (threadIdx.x & by) sums.upto += others;
    sums.all += others;
  }
  return sums;
}

/// begins[s] = the place before stretch s, by one warp.
__global__ void projection_begins_kernel(int64_t* begins, int64_t stretches) {
  int64_t total = -1;
  for (int64_t first = 0; first <= stretches; first += 32) {
    const int64_t s = first + threadIdx.x;
    const LaneSums sums = sums_of_lanes(s > 0 && s <= stretches ? begins[s] : 0);
    if (s <= stretches) begins[s] = total + sums.upto;
    total += sums.all;
  }
}

__global__ void __launch_bounds__(kThreads)
    projection_places_kernel(const int64_t* __restrict__ begins, int64_t stretches, int64_t rows, int64_t width,
                             int64_t room, float* __restrict__ values, int32_t* __restrict__ columns,
                             int32_t* __restrict__ offsets) {
  const int64_t stretch = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (stretch >= stretches) return;
  int64_t total = begins[stretch];
  for (int64_t first = stretch * kStretch; first < min((stretch + 1) * kStretch, room); first += 32) {
    const int64_t i = first + threadIdx.x % 32, gap = i < room ? columns[i] : 0;
    const LaneSums sums = sums_of_lanes(gap);
    const int64_t place = total + sums.upto;
    total += sums.all;
    if (i >= room) continue;
    const int64_t before = place - gap, row = min(place / width, rows);
    for (int64_t r = before < 0 ? 0 : before / width + 1; r <= row; ++r) offsets[r] = static_cast<int32_t>(i);
    columns[i] = row < rows ? static_cast<int32_t>(place - row * width) : 0;
    if (row == rows) values[i] = 0;
  }
}

}  // namespace

void sparse_projection(core::Context& ctx, const core::View* in, core::View* out,
                       const op::SparseProjection::Options& o) {
  const int64_t stretches = (o.room + kStretch - 1) / kStretch;
  float* values = out[0].as<float>();
  int32_t *columns = out[1].as<int32_t>(), *offsets = out[2].as<int32_t>();
  int64_t* begins = ctx.scratch<int64_t>(static_cast<size_t>(stretches + 1));
  const cudaStream_t stream = stream_of(ctx);
  STRIATE_LAUNCH(projection_gaps_kernel, blocks_for((o.room + 2) / 3, kThreads), kThreads, 0, stream,
                 in[0].as<uint32_t>(), in[0].shape[0], static_cast<uint64_t>(o.seed), o.room,
                 static_cast<float>(o.value), values, columns);
  STRIATE_LAUNCH(projection_sums_kernel, blocks_for(stretches, kWarps), kThreads, 0, stream, columns, o.room, stretches,
                 begins);
  STRIATE_LAUNCH(projection_begins_kernel, 1, 32, 0, stream, begins, stretches);
  int64_t last = 0;
  check(cudaMemcpyAsync(&last, begins + stretches, sizeof last, cudaMemcpyDeviceToHost, stream), "cudaMemcpyAsync");
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  op::SparseProjection::check_room(last, o);
  STRIATE_LAUNCH(projection_places_kernel, blocks_for(stretches, kWarps), kThreads, 0, stream, begins, stretches,
                 o.rows, o.width, o.room, values, columns, offsets);
}

}  // namespace striate::cuda
