// covariance, covariance_merge: ops/covariance.h. The chunk's mean first, then half of the products by the packed GEMM
// (simd/gemm.h), which subtracts the mean as it packs. Groups up to kAlone wide share the threads out, a group each; a
// wider one has them all.
#include "ops/covariance.h"

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"
#include "core/workspace.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/gemm.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kAlone = 256, kRows = 512;

/// mean [D] of x [N,D]; parts [ceil(N / kRows), D] is scratch.
void mean_of(const float* x, int64_t n, int64_t d, double* parts, double* mean) {
  const int64_t blocks = (n + kRows - 1) / kRows;
  core::parallel_for(blocks, [&](int64_t block) {
    double* sum = parts + block * d;
    std::fill(sum, sum + d, 0.0);
    for (int64_t row = block * kRows; row < std::min(n, (block + 1) * kRows); ++row) {
      const float* from = x + row * d;
      int64_t i = 0;
      for (; i + kLanes / 2 <= d; i += kLanes / 2) vstore(sum + i, vload(sum + i) + vload_wide(from + i));
      for (; i < d; ++i) sum[i] += static_cast<double>(from[i]);
    }
  });
  std::fill(mean, mean + d, 0.0);
  for (int64_t block = 0; block < blocks; ++block)
    for (int64_t i = 0; i < d; ++i) mean[i] += parts[block * d + i];
  for (int64_t i = 0; i < d; ++i) mean[i] /= static_cast<double>(n);
}

/// moments += weight delta delta^T (+ others), above the diagonal and on it.
void add_outer(int64_t d, double* moments, const double* delta, double weight, const double* others) {
  core::parallel_for(d, [&](int64_t i) {
    for (int64_t j = i; j < d; ++j)
      moments[i * d + j] += weight * (delta[i] * delta[j]) + (others ? others[i * d + j] : 0);
  });
}

/// What a chunk or another sum of n rows does to a mean of `count`: delta is the difference.
void move_mean(int64_t d, int64_t count, int64_t n, const double* delta, double* mean) {
  const double share = static_cast<double>(n) / static_cast<double>(count + n);
  for (int64_t i = 0; i < d; ++i) mean[i] += share * delta[i];
}
double weight_of(int64_t count, int64_t n) {
  return static_cast<double>(count) * (static_cast<double>(n) / static_cast<double>(count + n));
}

/// f(context, slot, group) for all groups: by a thread each where they are narrow.
template <class F>
void for_groups(core::Context& ctx, int64_t groups, int64_t d, int64_t slots, F&& f) {
  if (d <= kAlone && groups > 1) {
    core::parallel_for(slots, [&](int64_t slot) {
      core::Workspace workspace(ctx.cancelled);
      for (int64_t g = slot; g < groups; g += slots) {
        core::Context own = workspace.fresh();
        f(own, slot, g);
      }
    });
    return;
  }
  if (groups == 1) return f(ctx, 0, 0);
  core::Workspace workspace(ctx.cancelled);
  for (int64_t g = 0; g < groups && !ctx.stop(); ++g) {
    core::Context own = workspace.fresh();
    f(own, 0, g);
  }
}

}  // namespace

void covariance(core::Context& ctx, const core::View* in, core::View*, const op::Covariance::Options& o) {
  const int64_t groups = in[0].shape[0], n = in[0].shape[1], d = in[0].shape[2], blocks = (n + kRows - 1) / kRows;
  const int64_t slots = std::min<int64_t>(core::threads(), groups), each = (blocks + 2) * d;
  double* scratch = ctx.scratch<double>(slots * each);
  for_groups(ctx, groups, d, slots, [&](core::Context& own, int64_t slot, int64_t g) {
    const float* x = in[0].as<float>() + g * n * d;
    double *mean = in[1].as<double>() + g * d, *moments = in[2].as<double>() + g * d * d;
    double *centre = scratch + slot * each, *delta = centre + d, *parts = delta + d;
    mean_of(x, n, d, parts, centre);
    const gemm::Centred factor{x, d, centre};
    gemm::multiply(own, d, d, n, factor, factor, nullptr, moments, d, {.add = o.count > 0, .upper = true});
    if (o.count > 0) {
      for (int64_t i = 0; i < d; ++i) delta[i] = centre[i] - mean[i];
      add_outer(d, moments, delta, weight_of(o.count, n), nullptr);
      move_mean(d, o.count, n, delta, mean);
    } else {
      std::copy(centre, centre + d, mean);
    }
    gemm::mirror_upper(d, moments, d);
  });
}

void covariance_merge(core::Context& ctx, const core::View* in, core::View*, const op::CovarianceMerge::Options& o) {
  const int64_t groups = in[0].shape[0], d = in[0].shape[1];
  if (o.others == 0) return;
  double* delta = ctx.scratch<double>(d);
  for (int64_t g = 0; g < groups; ++g) {
    double *mean = in[0].as<double>() + g * d, *moments = in[1].as<double>() + g * d * d;
    const double *other = in[2].as<double>() + g * d, *others = in[3].as<double>() + g * d * d;
    if (o.count == 0) {
      std::copy(other, other + d, mean);
      std::copy(others, others + d * d, moments);
      continue;
    }
    for (int64_t i = 0; i < d; ++i) delta[i] = other[i] - mean[i];
    add_outer(d, moments, delta, weight_of(o.count, o.others), others);
    move_mean(d, o.count, o.others, delta, mean);
    gemm::mirror_upper(d, moments, d);
  }
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
