// competition: ops/competition.h. A row is one thread's work, three passes over it from the L1 cache: the maximum, the
// exponentials about it and their sum, the quotient.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/parallel.h"
#include "cpu/kernels.h"
#include "cpu/simd/begin.h"
#include "cpu/simd/softmax.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// g = softmax of u / temperature, about its first maximum, whose place is returned.
int64_t soft_row(const float* u, int64_t k, float rate, float* g) {
  const int64_t top = first_maximum(u, k);
  const vf maximum = vspread(u[top]), factor = vspread(rate);
  vf total{};
  int64_t i = 0;
  for (; i + kLanes <= k; i += kLanes) {
    const vf e = vexp((vload(u + i) - maximum) * factor);
    vstore(g + i, e);
    total = total + e;
  }
  if (i < k) {
    const size_t rest = static_cast<size_t>(k - i) * sizeof(float);
    float edge[kLanes];
    std::fill(edge, edge + kLanes, -__builtin_inff());
    std::memcpy(edge, u + i, rest);
    const vf e = vexp((vload(edge) - maximum) * factor);
    vstore(edge, e);
    std::memcpy(g + i, edge, rest);
    for (int64_t lane = 0; lane < kLanes; ++lane)
      if (lane >= k - i) edge[lane] = 0;  // -infinity less an infinite maximum is no zero
    total = total + vload(edge);
  }
  const float share = 1 / vsum(total);
  for (i = 0; i < k; ++i) g[i] *= share;
  return top;
}

}  // namespace

void competition(core::Context&, const core::View* in, core::View* out, const op::Competition::Options& o) {
  const int64_t b = in[0].shape[0], k = in[0].shape[1];
  const float* u = in[0].as<float>();
  float* g = out[0].as<float>();
  const float rate = static_cast<float>(1 / o.temperature);
  const int64_t rows = std::max<int64_t>(1, (1 << 13) / std::max<int64_t>(1, k));
  core::parallel_for((b + rows - 1) / rows, [=, kind = o.kind](int64_t task) {
    for (int64_t row = task * rows; row < std::min(b, (task + 1) * rows); ++row) {
      const float* from = u + row * k;
      float* to = g + row * k;
      if (kind == op::Competition::hard) {
        std::fill(to, to + k, 0.0f);
        to[first_maximum(from, k)] = 1;
        continue;
      }
      const int64_t top = soft_row(from, k, rate, to);
      if (kind != op::Competition::softhebb) continue;
      const float winner = to[top];
      for (int64_t i = 0; i < k; ++i) to[i] = -to[i];
      to[top] = winner;
    }
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
