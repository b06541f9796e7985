// adam: ops/optimiser.h. One pass: 28 bytes an element (w, m, v read and written, g read), so the limit is DRAM
// bandwidth.
#include <algorithm>
#include <cstdint>

#include "core/parallel.h"
#include "cpu/kernels.h"
#include "cpu/simd/begin.h"
#include "cpu/simd/optimiser_step.h"

namespace striate::cpu::STRIATE_SIMD_NS {

void adam(core::Context&, const core::View* in, core::View*, const op::Adam::Options& o) {
  const AdamStep step(o, o.learning_rate, o.step);
  const int64_t n = in[0].count(), chunk = 1 << 14;
  core::parallel_for((n + chunk - 1) / chunk, [&](int64_t task) {
    float *w = in[0].as<float>(), *m = in[1].as<float>(), *v = in[2].as<float>();
    const float* g = in[3].as<float>();
    int64_t i = task * chunk;
    const int64_t end = std::min(n, i + chunk);
    for (; i + kLanes <= end; i += kLanes) step(w + i, m + i, v + i, vload(g + i));
    if (i < end) step.tail(w + i, m + i, v + i, g + i, end - i);
  });
}

void adamw(core::Context&, const core::View*, core::View*, const op::Adamw::Options&) {
  throw core::Error(core::ErrorKind::option, "adamw", "device", "not written yet", "a kernel");
}

void sgd(core::Context&, const core::View*, core::View*, const op::Sgd::Options&) {
  throw core::Error(core::ErrorKind::option, "sgd", "device", "not written yet", "a kernel");
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
