// Fragments of render_scenes on their way to be shaded, as many together as a vector has lanes.
#pragma once
#include <cstring>

#include "cpu/simd/render_lanes.h"
#include "cpu/simd/transpose.h"

namespace striate::cpu::STRIATE_SIMD_NS {

/// Numbers of a fragment, and with what fills the last vector.
constexpr int kFields = sizeof(Fragment<float, int32_t>) / 4, kRecord = (kFields + kLanes - 1) / kLanes * kLanes;

/// Fragments of a row that wait for a whole vector: of each the record of its triangle, its pixel, the mean of its
/// samples and its share of the pixel.
struct FragmentQueue {
  const float* record[kLanes];
  int32_t pixel[kLanes];
  float middle_x[kLanes], middle_y[kLanes], share[kLanes];
  int count = 0;

  STRIATE_INLINE void add(const float* from, int32_t x, const Place& middle, float part) {
    record[count] = from;
    pixel[count] = x;
    middle_x[count] = middle.x;
    middle_y[count] = middle.y;
    share[count] = part;
    ++count;
  }
  /// Lanes without a fragment repeat the first, and have no share.
  STRIATE_INLINE void fill_up() {
    for (int l = count; l < kLanes; ++l) {
      record[l] = record[0];
      pixel[l] = pixel[0];
      middle_x[l] = middle_x[0];
      middle_y[l] = middle_y[0];
      share[l] = 0;
    }
  }
  /// What the records hold, once all lanes have one.
  STRIATE_INLINE Fragment<vf, vi> fragments() const {
    vf fields[kRecord];
#pragma GCC unroll 8
    for (int k = 0; k < kRecord; k += kLanes)
      transpose_block(
          kLanes, kLanes, [&](int64_t i) { return vload(record[i] + k); },
          [&](int64_t j, vf field) { fields[k + j] = field; });
    Fragment<vf, vi> f;
    static_assert(sizeof f == kFields * sizeof(vf));
    std::memcpy(&f, fields, sizeof f);
    return f;
  }
};

}  // namespace striate::cpu::STRIATE_SIMD_NS
