// pls_components: ops/pls.h. A component costs a product of a vector with the features or, at half of the reads, with
// their inner products, and a few passes over y and its image; an iteration a product with C. Threads share rows, or
// columns where a product is across them, so that each sum has its order.
#include "ops/pls.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "core/parallel.h"
#include "core/workspace.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/tridiagonal.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

using eigen::add_scaled;
using eigen::dot;

constexpr int64_t kRows = 64, kColumns = 256;

struct Matrix {
  double* data;
  int64_t rows, columns;
  double* row(int64_t i) const { return data + i * columns; }
};

/// to = a v
void times(const Matrix& a, const double* v, double* to) {
  core::parallel_rows(a.rows, kRows, [&](int64_t i) { to[i] = dot(a.row(i), v, a.columns); });
}
/// to = a^T v
void times_transposed(const Matrix& a, const double* v, double* to) {
  core::parallel_for((a.columns + kColumns - 1) / kColumns, [&](int64_t task) {
    const int64_t first = task * kColumns, width = std::min(kColumns, a.columns - first);
    std::fill_n(to + first, width, 0.0);
    for (int64_t i = 0; i < a.rows; ++i) add_scaled(to + first, a.row(i) + first, v[i], width);
  });
}
/// a -= v w^T
void subtract_outer(const Matrix& a, const double* v, const double* w) {
  core::parallel_rows(a.rows, kRows, [&](int64_t i) { add_scaled(a.row(i), w, -v[i], a.columns); });
}
void scale(double* v, double factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) v[i] *= factor;
}

struct Fit {
  Matrix rest, image,
      square;          // what is left of y and its image; square has no rows where there are more targets than images
  double *b, *turned;  // [T], b^T C b = 1, and C b
  double *next, *across, *parts;  // scratch: [T], the longest axis, and as symmetric_product asks

  double trace() const {
    double sum = 0;
    for (int64_t j = 0; j < square.rows; ++j) sum += square.row(j)[j];
    return sum;
  }
  /// to = C v
  void turn(const double* v, double* to) const {
    if (square.rows > 0) return eigen::symmetric_product(square.data, square.rows, square.rows, v, parts, to);
    times(image, v, across);
    times_transposed(rest, across, to);
  }
  /// From b on. False where the iteration ended at its most.
  bool iterate(const op::PlsComponents::Options& o, const core::Context& ctx) {
    const int64_t targets = rest.columns;
    turn(b, turned);
    const double first = 1 / std::sqrt(dot(b, turned, targets));
    scale(b, first, targets);
    scale(turned, first, targets);
    for (int64_t step = 1; step < o.iterations && targets > 1 && !ctx.stop(); ++step) {
      turn(turned, next);
      const double factor = 1 / std::sqrt(dot(turned, next, targets));
      double change = 0;  // |w - w before|^2, w being X'Y b
      for (int64_t j = 0; j < targets; ++j) {
        const double now = factor * turned[j];
        next[j] *= factor;
        change += (now - b[j]) * (next[j] - turned[j]);
        b[j] = now;
      }
      std::swap(turned, next);
      if (change < o.tolerance) return true;
    }
    return targets == 1;
  }
};

/// The first target of which more than rounding is left, and of its products with the features, whose squared lengths were
/// `before`; -1 where there is none.
int64_t first_target(const Fit& fit, const double* before, double least) {
  constexpr double kRounding = op::PlsComponents::kRounding;
  const auto [rest, n, targets] = fit.rest;
  for (int64_t j = 0; j < targets; ++j) {
    double largest = 0, own = 0, along = 0;
    for (int64_t at = j; at < n * targets; at += targets) {
      largest = std::max(largest, std::fabs(rest[at]));
      own += rest[at] * rest[at];
      along += rest[at] * fit.image.data[at];
    }
    if (largest > 10 * least && along > 10 * kRounding * std::sqrt(own) * std::sqrt(before[j])) return j;
  }
  return -1;
}

}  // namespace

void pls_components(core::Context& ctx, const core::View* in, core::View* out, const op::PlsComponents::Options& o) {
  constexpr double kRounding = op::PlsComponents::kRounding;
  const int64_t n = in[0].shape[0], p = in[0].shape[1], targets = in[1].shape[1], longest = std::max({n, p, targets});
  const Matrix x{in[0].as<double>(), n, p};
  const double *y = in[1].as<double>(), *image = in[2].as<double>();
  double *weights = out[0].as<double>(), *loadings = out[1].as<double>();
  std::fill_n(weights, o.components * n, 0.0);
  std::fill_n(loadings, o.components * targets, 0.0);
  const int64_t side = targets <= n ? targets : 0;
  const auto vector = [&](int64_t count) { return ctx.scratch<double>(count); };
  Fit fit{{vector(n * targets), n, targets},
          {vector(n * targets), n, targets},
          {vector(side * side), side, side},
          vector(targets),
          vector(targets),
          vector(targets),
          vector(longest),
          vector(eigen::kMostTasks * longest)};
  double *scores = vector(o.components * n), *lengths = vector(o.components), *applied = vector(n),
         *v = vector(targets), *before = vector(targets);
  std::copy_n(y, n * targets, fit.rest.data);
  std::copy_n(image, n * targets, fit.image.data);
  std::fill_n(before, targets, 0.0);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < targets; ++j) before[j] += image[i * targets + j] * image[i * targets + j];
  double least = 0, largest = 0, renewed = 0;
  for (int64_t i = 0; i < n * targets; ++i) least = std::max(least, kRounding * std::fabs(y[i]));

  core::Workspace workspace(ctx.cancelled);
  int32_t count = 0, unconverged = 0;
  for (; count < o.components && !ctx.stop(); ++count) {
    const int64_t start = first_target(fit, before, least);
    if (start < 0) break;
    if (side > 0 && !(renewed > 0 && fit.trace() > op::PlsComponents::kRenewal * renewed)) {
      core::Context own = workspace.fresh();
      gemm::multiply(own, side, side, n, gemm::Factor<double>{fit.rest.data, side, false},
                     gemm::Factor<double>{fit.image.data, side, false}, nullptr, fit.square.data, side,
                     {.add = false, .upper = true});
      renewed = fit.trace();
    }
    std::fill_n(fit.b, targets, 0.0);
    fit.b[start] = 1;
    const bool is_found = fit.iterate(o, ctx);
    double *t = scores + count * n, *a = weights + count * n, *q = loadings + count * targets;
    times(fit.image, fit.b, t);
    times(fit.rest, fit.b, a);
    for (int64_t k = 0; k < count; ++k) {
      const double share = dot(scores + k * n, t, n) / lengths[k];
      add_scaled(t, scores + k * n, -share, n);
      add_scaled(a, weights + k * n, -share, n);
    }
    const double length = lengths[count] = dot(t, t, n);
    largest = std::max(largest, length);
    // What is left of the features is rounding.
    if (!(length > largest * kRounding * kRounding * static_cast<double>(n))) {
      std::fill_n(a, n, 0.0);
      break;
    }
    unconverged += !is_found;
    if (o.products) {
      eigen::symmetric_product(x.data, n, n, t, fit.parts, applied);
    } else {
      times_transposed(x, t, fit.across);
      times(x, fit.across, applied);
    }
    times_transposed(fit.rest, t, q);
    scale(q, 1 / length, targets);
    if (side > 0) {
      // (Y - t q^T)^T (XX'Y - XX't q^T) = C - v q^T - q v^T
      times_transposed(fit.image, t, v);
      add_scaled(v, q, -dot(t, applied, n) / 2, targets);
      subtract_outer(fit.square, v, q);
      subtract_outer(fit.square, q, v);
    }
    subtract_outer(fit.rest, t, q);
    subtract_outer(fit.image, applied, q);
  }
  out[2].as<int32_t>()[0] = count;
  out[2].as<int32_t>()[1] = unconverged;
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
