// adam, adamw, sgd: ops/optimiser.h. One pass: 28 bytes a weight (w, m, v read and written, g read; sgd 20), so the
// limit is DRAM bandwidth.
#include "ops/optimiser.h"

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/optimiser_step.h"

namespace striate::cpu::STRIATE_SIMD_NS {

namespace {

/// vectors(first) for whole vectors of [0, n), rest(first, count) for what is left.
template <class Vectors, class Rest>
void each_weight(int64_t n, Vectors&& vectors, Rest&& rest) {
  const int64_t chunk = 1 << 14;
  core::parallel_for((n + chunk - 1) / chunk, [&](int64_t task) {
    int64_t i = task * chunk;
    const int64_t end = std::min(n, i + chunk);
    for (; i + kLanes <= end; i += kLanes) vectors(i);
    if (i < end) rest(i, end - i);
  });
}

void adam_by(const core::View* in, const AdamStep& step) {
  float *w = in[0].as<float>(), *m = in[1].as<float>(), *v = in[2].as<float>();
  const float* g = in[3].as<float>();
  each_weight(
      in[0].count(), [=](int64_t i) { step(w + i, m + i, v + i, vload(g + i)); },
      [=](int64_t i, int64_t count) { step.tail(w + i, m + i, v + i, g + i, count); });
}

}  // namespace

void adam(core::Context&, const core::View* in, core::View*, const op::Adam::Options& o) {
  adam_by(in, AdamStep(o, o.learning_rate, o.step));
}

void adamw(core::Context&, const core::View* in, core::View*, const op::Adamw::Options& o) {
  adam_by(in, AdamStep(o, o.learning_rate, o.step, true));
}

void sgd(core::Context&, const core::View* in, core::View*, const op::Sgd::Options& o) {
  const SgdStep step{static_cast<float>(o.learning_rate), static_cast<float>(o.momentum),
                     static_cast<float>(o.weight_decay), o.nesterov};
  float *w = in[0].as<float>(), *m = in[1].as<float>();
  const float* g = in[2].as<float>();
  each_weight(
      in[0].count(), [=](int64_t i) { step(w + i, m + i, vload(g + i)); },
      [=](int64_t i, int64_t count) { step.tail(w + i, m + i, g + i, count); });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
