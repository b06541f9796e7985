// Windows of u8 images as patches, for hebbian_learn and gather_patches: the same code, the same bits.
#pragma once
#include <cstdint>

#include "core/random.h"
#include "cuda/launch.cuh"

namespace striate::cuda {

struct Windows {
  const uint8_t* images;  // [N,C,H,W]
  int64_t channels, height, width, window;
  bool centre, unit;
};

/// Offset in `images` of the window of a number in [0, windows of all images).
__device__ __forceinline__ int64_t window_origin(const Windows& s, uint64_t i) {
  const uint64_t rows = s.height - s.window + 1, columns = s.width - s.window + 1;
  const uint64_t n = i / (rows * columns), y = i / columns % rows, x = i % columns;
  return (n * s.channels * s.height + y) * s.width + x;
}

/// Where number d of a window lies from its first.
__device__ __forceinline__ int window_tap(const Windows& s, int d) {
  const unsigned window = static_cast<unsigned>(s.window), i = static_cast<unsigned>(d);
  const unsigned x = i % window, r = i / window % window, c = i / window / window;
  return static_cast<int>((c * s.height + r) * s.width + x);
}

/// What a patch's bytes are measured to be.
struct PatchForm {
  bool zero;    // it counts as zero: its numbers are all zeros
  double mean;  // of its bytes, or 0 where patches are not centred
  float scale;  // of what the bytes are more than the mean
};

/// Measures the `features` = C window window bytes of a patch, by the calling warp. Sums are exact integers. `tap(d)` is
/// what window_tap tells.
template <class Tap>
__device__ __forceinline__ PatchForm measure_patch(const Windows& s, int64_t origin, int features, const Tap& tap) {
  const uint8_t* image = s.images + origin;
  unsigned long long sum = 0, square = 0;
  for (int d = threadIdx.x & 31; d < features; d += 32) {
    const unsigned u = image[tap(d)];
    sum += u;
    square += u * u;
  }
  if (features <= 1 << 16) {  // the squares come to less than 2^32
    sum = __reduce_add_sync(0xffffffffu, static_cast<unsigned>(sum));
    square = __reduce_add_sync(0xffffffffu, static_cast<unsigned>(square));
  } else {
    sum = warp_sum(sum);
    square = warp_sum(square);
  }
  const double total = static_cast<double>(sum), count = static_cast<double>(features);
  const double norm2 = static_cast<double>(square) - (s.centre ? total * total / count : 0.0);
  const bool zero = norm2 <= 1e-12 * 65025;
  return {zero, s.centre ? total / count : 0.0,
          s.unit ? (zero ? 0.0f : static_cast<float>(rsqrt(norm2))) : 1.0f / 255.0f};
}

/// Writes the numbers of a patch, by the calling warp.
template <class Tap>
__device__ __forceinline__ void write_patch(const Windows& s, int64_t origin, int features, const Tap& tap, float* to) {
  const PatchForm form = measure_patch(s, origin, features, tap);
  const float mean = static_cast<float>(form.mean);
  for (int d = threadIdx.x & 31; d < features; d += 32)
    to[d] = (static_cast<float>(s.images[origin + tap(d)]) - mean) * form.scale;
}

}  // namespace striate::cuda
