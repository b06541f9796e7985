// rectified_power, rectified_power_grad: ops/rectified_power.h. One pass, 8 (12) bytes an element: bound by DRAM on
// large arrays, so that there the results pass by the caches, which saves reading the lines that are overwritten.
// Integer powers cost a multiply or two per bit of n, below the time of the traffic; other powers are computed in
// float64 (simd/power.h). Zen 5, one thread, 1e7 elements: n = 40 4.4 G/s (a plain compiled loop in the same run 4.1
// to 4.5), n = 2.5 0.8 G/s.
#include "ops/rectified_power.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/power.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kChunk = 1 << 14;  // elements a task
constexpr int kTogether = 4;         // vectors whose chains of products overlap
constexpr int64_t kStep = kTogether * kLanes;
constexpr int64_t kStreamed = 1 << 22;  // elements from which the results pass by the caches: 16 MiB

template <bool kStream>
STRIATE_INLINE void put(float* y, vf value) {
  if constexpr (kStream)
    vstream(y, value);
  else
    vstore(y, value);
}

/// y = f(x) or f(x, gy); the odd elements at the end go through padded copies.
template <int kInputs, class F>
void map(const core::View* in, core::View* out, F f) {
  const int64_t n = in[0].count();
  const float* x[kInputs];
  for (int k = 0; k < kInputs; ++k) x[k] = in[k].as<float>();
  float* y = out[0].as<float>();
  const bool stream = n >= kStreamed && reinterpret_cast<uintptr_t>(y) % core::kAlignment == 0;
  core::parallel_for((n + kChunk - 1) / kChunk, [=](int64_t task) {
    const int64_t begin = task * kChunk, end = std::min(n, begin + kChunk);
    const auto at = [&](const float* const* from, float* to, int64_t i, auto streamed) {
      vf value[kInputs][kTogether];
      for (int k = 0; k < kInputs; ++k)
        for (int j = 0; j < kTogether; ++j) value[k][j] = vload(from[k] + i + j * kLanes);
      f(value);
      for (int j = 0; j < kTogether; ++j) put<decltype(streamed)::value>(to + i + j * kLanes, value[0][j]);
    };
    int64_t i = begin;
    if (stream) {
      for (; i + kStep <= end; i += kStep) at(x, y, i, std::true_type{});
      stream_fence();
    } else {
      for (; i + kStep <= end; i += kStep) at(x, y, i, std::false_type{});
    }
    if (i == end) return;
    alignas(core::kAlignment) float odd[kInputs][kStep] = {}, result[kStep];
    const float* from[kInputs];
    for (int k = 0; k < kInputs; ++k) {
      std::memcpy(odd[k], x[k] + i, static_cast<size_t>(end - i) * sizeof(float));
      from[k] = odd[k];
    }
    at(from, result, 0, std::false_type{});
    std::memcpy(y + i, result, static_cast<size_t>(end - i) * sizeof(float));
  });
}

}  // namespace

void rectified_power(core::Context&, const core::View* in, core::View* out, const op::RectifiedPower::Options& o) {
  const Power power(o.power);
  map<1>(in, out, [power](vf(&value)[1][kTogether]) __attribute__((always_inline)) { power.apply(value[0]); });
}

void rectified_power_grad(core::Context&, const core::View* in, core::View* out, const op::RectifiedPower::Options& o) {
  const Power power(o.power);
  map<2>(in, out,
         [power](vf(&value)[2][kTogether]) __attribute__((always_inline)) { power.slope(value[0], value[1]); });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
