// triangle, triangle_grad: ops/triangle.h. A task is a strip of positions of one image, whose distances are summed over
// the channels and then computed again: a strip of all channels is in the L2 cache by then, and roots cost less than
// keeping them would.
#include "ops/triangle.h"

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int kVectors = 4;
constexpr int64_t kStrip = kVectors * kLanes;

/// The first `count` positions of a strip, and zeros.
struct Strip {
  vf at[kVectors];
  STRIATE_INLINE static Strip load(const float* from, int64_t count) {
    Strip s;
    for (int j = 0; j < kVectors; ++j, from += kLanes, count -= kLanes)
      s.at[j] = count >= kLanes ? vload(from) : count > 0 ? vload_part(from, count) : vf{};
    return s;
  }
  STRIATE_INLINE void store(float* to, int64_t count) const {
    for (int j = 0; j < kVectors && count > 0; ++j, to += kLanes, count -= kLanes)
      count >= kLanes ? vstore(to, at[j]) : vstore_part(to, at[j], count);
  }
};

STRIATE_INLINE vf distance(vf cosine) { return vsqrt(vmax(vf{}, vset(2.0f) - 2 * cosine)); }

/// f(first position from the start of the tensor, how many) for each strip of each image.
template <class F>
void over_strips(const core::View& x, F f) {
  const int64_t k = x.shape[1], area = x.shape[2] * x.shape[3], strips = (area + kStrip - 1) / kStrip;
  core::parallel_for(x.shape[0] * strips, [=](int64_t task) {
    const int64_t first = task % strips * kStrip;
    f(task / strips * k * area + first, std::min(kStrip, area - first));
  });
}

/// Mean over the channels of the distances of a strip.
STRIATE_INLINE Strip mean_distance(const float* x, int64_t k, int64_t area, int64_t count) {
  Strip mean{};
  for (int64_t channel = 0; channel < k; ++channel) {
    const Strip cosines = Strip::load(x + channel * area, count);
    for (int j = 0; j < kVectors; ++j) mean.at[j] += distance(cosines.at[j]);
  }
  for (vf& sum : mean.at) sum /= static_cast<float>(k);
  return mean;
}

}  // namespace

void triangle(core::Context&, const core::View* in, core::View* out, const op::Triangle::Options&) {
  const int64_t k = in[0].shape[1], area = in[0].shape[2] * in[0].shape[3];
  const float* const x = in[0].as<float>();
  float* const y = out[0].as<float>();
  over_strips(in[0], [=](int64_t first, int64_t count) {
    const Strip mean = mean_distance(x + first, k, area, count);
    for (int64_t channel = 0; channel < k; ++channel) {
      Strip value = Strip::load(x + first + channel * area, count);
      for (int j = 0; j < kVectors; ++j) value.at[j] = vmax(vf{}, mean.at[j] - distance(value.at[j]));
      value.store(y + first + channel * area, count);
    }
  });
}

void triangle_grad(core::Context&, const core::View* in, core::View* out, const op::Triangle::Options&) {
  const int64_t k = in[0].shape[1], area = in[0].shape[2] * in[0].shape[3];
  const float *const x = in[0].as<float>(), *const gy = in[1].as<float>();
  float* const gx = out[0].as<float>();
  over_strips(in[0], [=](int64_t first, int64_t count) {
    const Strip mean = mean_distance(x + first, k, area, count);
    Strip passed{};  // mean over the channels of what passes
    for (int64_t channel = 0; channel < k; ++channel) {
      const Strip value = Strip::load(x + first + channel * area, count);
      const Strip slope = Strip::load(gy + first + channel * area, count);
      for (int j = 0; j < kVectors; ++j) passed.at[j] += vselect(mean.at[j] > distance(value.at[j]), slope.at[j], vf{});
    }
    for (vf& sum : passed.at) sum /= static_cast<float>(k);
    for (int64_t channel = 0; channel < k; ++channel) {
      Strip value = Strip::load(x + first + channel * area, count);
      const Strip slope = Strip::load(gy + first + channel * area, count);
      for (int j = 0; j < kVectors; ++j) {
        const vf d = distance(value.at[j]);
        const vf own = vselect(mean.at[j] > d, slope.at[j], vf{});
        value.at[j] = vselect(d == vf{}, vf{}, (own - passed.at[j]) / d);
      }
      value.store(gx + first + channel * area, count);
    }
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
