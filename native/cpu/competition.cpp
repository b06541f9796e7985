// competition, competitive_step: ops/competition.h. competition: a row is one thread's work, three passes over it from
// the L1 cache: the maximum, the exponentials about it and their sum, the quotient. competitive_step: sums of g and g u
// by strips of units, each in order of b; g^T patches by the packed GEMM (simd/gemm.h); then row by row.
#include "ops/competition.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/gemm.h"
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

constexpr int64_t kStrip = 16;  // units whose sums are one task

/// n = sum of |g|, s = sum of g u over the patches that count, for the units of a strip.
void column_sums(const float* u, const float* g, const uint8_t* zero, int64_t b, int64_t k, int64_t first, double* n,
                 double* s) {
  const int64_t width = std::min(kStrip, k - first);
  double count[kStrip] = {}, gain[kStrip] = {};
  for (int64_t row = 0; row < b; ++row) {
    if (zero[row]) continue;
    const float *share = g + row * k + first, *current = u + row * k + first;
    if (width == kStrip) {
      for (int64_t i = 0; i < kStrip; ++i) {
        const double x = static_cast<double>(share[i]);
        count[i] += x < 0 ? -x : x;
        gain[i] += x * static_cast<double>(current[i]);
      }
    } else {
      for (int64_t i = 0; i < width; ++i) {
        const double x = static_cast<double>(share[i]);
        count[i] += x < 0 ? -x : x;
        gain[i] += x * static_cast<double>(current[i]);
      }
    }
  }
  std::copy(count, count + width, n + first);
  std::copy(gain, gain + width, s + first);
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

void competitive_step(core::Context& ctx, const core::View* in, core::View* out,
                      const op::CompetitiveStep::Options& o) {
  const int64_t b = in[0].shape[0], d = in[0].shape[1], k = in[3].shape[0];
  const float *patches = in[0].as<float>(), *u = in[1].as<float>(), *g = in[2].as<float>();
  float* const w = in[3].as<float>();
  const bool tally = out[0].data || out[2].data;
  uint8_t* const zero = ctx.scratch<uint8_t>(static_cast<size_t>(b));
  int64_t* const top = ctx.scratch<int64_t>(static_cast<size_t>(b));
  double* const n = ctx.scratch<double>(static_cast<size_t>(k));
  double* const s = ctx.scratch<double>(static_cast<size_t>(k));
  double* const norm = ctx.scratch<double>(static_cast<size_t>(k));
  float* const change = ctx.scratch<float>(static_cast<size_t>(k * d));
  float* const largest_of = ctx.scratch<float>(static_cast<size_t>(k));
  constexpr int64_t kRows = 32;
  core::parallel_for((b + kRows - 1) / kRows, [=](int64_t task) {
    for (int64_t row = task * kRows; row < std::min(b, (task + 1) * kRows); ++row) {
      const float* v = patches + row * d;
      zero[row] = std::all_of(v, v + d, [](float x) { return x == 0; });
      if (tally) top[row] = first_maximum(u + row * k, k);
    }
  });
  core::parallel_for((k + kStrip - 1) / kStrip,
                     [=](int64_t strip) { column_sums(u, g, zero, b, k, strip * kStrip, n, s); });
  gemm::multiply(ctx, k, d, b, gemm::Factor<float>{g, k, false}, gemm::Factor<float>{patches, d, false}, nullptr,
                 change, d);
  const bool by_max = o.step == op::CompetitiveStep::max;
  core::parallel_for(k, [=, rate = o.learning_rate](int64_t unit) {
    float* const row = w + unit * d;
    float* const dw = change + unit * d;
    double square = 0;
    if (tally)
      for (int64_t i = 0; i < d; ++i) square += static_cast<double>(row[i]) * static_cast<double>(row[i]);
    norm[unit] = std::sqrt(square);
    const float gain = static_cast<float>(s[unit]);
    if (by_max) {
      float largest = 0;
      for (int64_t i = 0; i < d; ++i) {
        dw[i] -= gain * row[i];
        const float size = dw[i] < 0 ? -dw[i] : dw[i];
        if (size > largest) largest = size;
      }
      largest_of[unit] = largest;
    } else if (!(n[unit] < op::CompetitiveStep::kLeastShares)) {  // a NaN shows in the row
      const float factor = static_cast<float>(rate / n[unit]);
      for (int64_t i = 0; i < d; ++i) row[i] += factor * (dw[i] - gain * row[i]);
    }
  });
  if (by_max) {
    const float largest = std::max(1e-30f, *std::max_element(largest_of, largest_of + k));
    const float factor = static_cast<float>(o.learning_rate / static_cast<double>(largest));
    core::parallel_for(k, [=](int64_t unit) {
      for (int64_t i = unit * d; i < (unit + 1) * d; ++i) w[i] += factor * change[i];
    });
  }
  if (out[0].data) {
    int32_t* const wins = out[0].as<int32_t>();
    std::fill(wins, wins + k, 0);
    for (int64_t row = 0; row < b; ++row)
      if (!zero[row]) ++wins[top[row]];
  }
  if (out[1].data)
    for (int64_t unit = 0; unit < k; ++unit) out[1].as<float>()[unit] = static_cast<float>(s[unit]);
  if (out[2].data) {
    double energy = 0;
    for (int64_t unit = 0; unit < k; ++unit)
      if (norm[unit] != 0) energy -= s[unit] / norm[unit];
    const int64_t count = std::count(zero, zero + b, 0);
    *out[2].as<float>() = count ? static_cast<float>(energy / static_cast<double>(count)) : 0.0f;
  }
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
