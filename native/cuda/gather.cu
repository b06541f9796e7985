// gather_images, gather_patches: ops/gather.h.
//   gather_images   one thread per element of y; rows are looked at first, by a kernel of their own, and the op waits
//                   for its verdict
//   gather_patches  one warp per patch, by the code of hebbian_learn (patches.cuh), or of floats by its own
// Bound by the memory's bandwidth. Not yet timed on a GPU.
#include <cstdint>
#include <string>

#include "cuda/device.cuh"
#include "cuda/patches.cuh"
#include "ops/gather.h"

namespace striate::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    check_rows_kernel(const int32_t* __restrict__ rows, int64_t count, int64_t all, unsigned long long* flag) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count && (rows[i] < 0 || rows[i] >= all)) report_fault(flag, i);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    gather_images_kernel(const T* __restrict__ images, const int32_t* __restrict__ rows,
                         const int32_t* __restrict__ shift, T* __restrict__ y, int64_t count, int64_t size, int64_t h,
                         int64_t w) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= count) return;
  const int64_t n = at / size, inside = at % size, column = inside % w, row = inside / w % h, channel = inside / w / h;
  int64_t from_row = row, from_column = column;
  if (shift) {
    from_row -= shift[3 * n];
    if (shift[3 * n + 2]) from_column = w - 1 - column;
    from_column -= shift[3 * n + 1];
  }
  const bool there = from_row >= 0 && from_row < h && from_column >= 0 && from_column < w;
  y[at] = there ? images[rows[n] * size + (channel * h + from_row) * w + from_column] : T{};
}

template <class T>
void gather(core::Context& ctx, const core::View* in, core::View* out) {
  const int64_t count = out[0].count(), h = in[0].shape[2], w = in[0].shape[3];
  STRIATE_LAUNCH((gather_images_kernel<T>), blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), in[0].as<T>(),
                 in[1].as<int32_t>(), in[2].rank >= 0 ? in[2].as<int32_t>() : nullptr, out[0].as<T>(), count,
                 in[0].shape[1] * h * w, h, w);
}

__global__ void __launch_bounds__(kThreads)
    gather_patches_kernel(Windows windows, core::Permutation order, uint64_t first, int64_t batch, int64_t features,
                          float* __restrict__ patches) {
  const int64_t b = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  if (b >= batch) return;  // whole warps leave
  write_patch(
      windows, window_origin(windows, order(first + b)), static_cast<int>(features),
      [&](int d) { return window_tap(windows, d); }, patches + b * features);
}

/// A patch of floats, by the calling warp: float64 sums, a lane's own, then the lanes' in a fixed tree.
__global__ void __launch_bounds__(kThreads)
    gather_floats_kernel(const float* __restrict__ images, Windows windows, core::Permutation order, uint64_t first,
                         int64_t batch, int64_t features, float* __restrict__ patches) {
  const int64_t b = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  if (b >= batch) return;  // whole warps leave
  const int lane = threadIdx.x & 31;
  const float* from = images + window_origin(windows, order(first + b));
  float* to = patches + b * features;
  const unsigned window = static_cast<unsigned>(windows.window);
  const auto value = [&](unsigned d) {
    const unsigned x = d % window, r = d / window % window, c = d / window / window;
    return from[(c * windows.height + r) * windows.width + x];
  };
  double mean = 0, square = 0;
  if (windows.centre) {
    for (int64_t d = lane; d < features; d += 32) mean += value(static_cast<unsigned>(d));
    mean = warp_sum(mean) / static_cast<double>(features);
  }
  for (int64_t d = lane; d < features; d += 32) {
    const double x = value(static_cast<unsigned>(d)) - mean;
    square += x * x;
  }
  square = warp_sum(square);
  const float less = static_cast<float>(mean);
  const float scale = square <= 1e-12 ? 0.0f : windows.unit ? static_cast<float>(rsqrt(square)) : 1.0f;
  for (int64_t d = lane; d < features; d += 32) to[d] = (value(static_cast<unsigned>(d)) - less) * scale;
}

}  // namespace

void gather_images(core::Context& ctx, const core::View* in, core::View* out, const op::GatherImages::Options&) {
  const int32_t* rows = in[1].as<int32_t>();
  const int64_t count = in[1].shape[0], all = in[0].shape[0];
  unsigned long long* flag = clear_flag(ctx);
  STRIATE_LAUNCH(check_rows_kernel, blocks_for(count, kThreads), kThreads, 0, stream_of(ctx), rows, count, all, flag);
  const unsigned long long first = read_flag(ctx);
  if (first != kNoFault)
    throw core::Error(core::ErrorKind::data, "gather_images", "rows",
                      std::to_string(fetch(ctx, rows + first)) + " at index " + std::to_string(first),
                      "0 to " + std::to_string(all - 1));
  if (in[0].dtype == core::Dtype::u8)
    gather<uint8_t>(ctx, in, out);
  else
    gather<float>(ctx, in, out);
}

void gather_patches(core::Context& ctx, const core::View* in, core::View* out, const op::GatherPatches::Options& o) {
  const core::View& images = in[0];
  const bool floats = images.dtype == core::Dtype::f32;
  const Windows windows = {
      floats ? nullptr : images.as<uint8_t>(), images.shape[1], images.shape[2], images.shape[3], o.window, o.centre,
      o.normalise == op::GatherPatches::patch};
  const uint64_t count = op::GatherPatches::patches(images.shape[0], images.shape[2], images.shape[3], o.window),
                 an_epoch = count / o.batch, step = static_cast<uint64_t>(o.step);
  const core::Permutation order(count, o.seed, static_cast<uint32_t>(step / an_epoch));
  const uint64_t first = step % an_epoch * o.batch;
  const int64_t features = out[0].shape[1];
  float* patches = out[0].as<float>();
  if (floats)
    STRIATE_LAUNCH(gather_floats_kernel, blocks_for(o.batch, kThreads / 32), kThreads, 0, stream_of(ctx),
                   images.as<float>(), windows, order, first, o.batch, features, patches);
  else
    STRIATE_LAUNCH(gather_patches_kernel, blocks_for(o.batch, kThreads / 32), kThreads, 0, stream_of(ctx), windows,
                   order, first, o.batch, features, patches);
}

}  // namespace striate::cuda
