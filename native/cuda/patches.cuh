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

/// Writes the `features` = C window window numbers of a patch, by the calling warp; true if it counts as zero (its
/// numbers are then all zeros). Sums are exact integers. `tap(d)` is what window_tap tells.
template <class Tap>
__device__ __forceinline__ bool write_patch(const Windows& s, int64_t origin, int features, const Tap& tap, float* to) {
  const int lane = threadIdx.x & 31;
  const uint8_t* image = s.images + origin;
  unsigned long long sum = 0, square = 0;
  for (int d = lane; d < features; d += 32) {
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
  const float mean = s.centre ? static_cast<float>(total / count) : 0.0f;
  const float scale = s.unit ? (zero ? 0.0f : static_cast<float>(rsqrt(norm2))) : 1.0f / 255.0f;
  for (int d = lane; d < features; d += 32) to[d] = (static_cast<float>(image[tap(d)]) - mean) * scale;
  return zero;
}

}  // namespace striate::cuda
