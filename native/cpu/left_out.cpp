// weigh_rows, left_out_scores: ops/left_out.h. Threads share rows. A score takes two passes over its rows, which stay in
// the first cache: no prediction is stored.
#include "ops/left_out.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/parallel.h"

#include "cpu/simd/begin.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kRows = 8, kSums = 32;  // no addition waits for the one before

double total(const double (&sums)[kSums]) {
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

/// f(i, lane) for each i in [0, n), lanes in turn: of which the compiler makes vectors.
template <class F>
void by_lanes(int64_t n, F&& f) {
  int64_t i = 0;
  for (; i + kSums <= n; i += kSums)
    for (int64_t lane = 0; lane < kSums; ++lane) f(i + lane, lane);
  for (int64_t lane = 0; i < n; ++i, ++lane) f(i, lane);
}

double score(const double* residual, const double* measured, const double* inverse, int64_t n, double rest) {
  const auto predicted = [=](int64_t i) { return measured[i] - (residual[i] + rest * measured[i]) * inverse[i]; };
  double sums[kSums] = {}, most[kSums] = {};
  by_lanes(n, [&](int64_t i, int64_t lane) {
    const double value = predicted(i), size = std::fabs(value);
    sums[lane] += value;
    most[lane] = size > most[lane] ? size : most[lane];
  });
  const double mean = total(sums) / static_cast<double>(n);
  double squares[kSums] = {}, own[kSums] = {}, products[kSums] = {};
  by_lanes(n, [&](int64_t i, int64_t lane) {
    const double value = predicted(i) - mean;
    squares[lane] += value * value;
    own[lane] += measured[i] * measured[i];
    products[lane] += value * measured[i];
  });
  const double square = total(squares), square_measured = total(own), product = total(products),
               least = op::LeftOutScores::kConstant * *std::max_element(most, most + kSums);
  if (square_measured == 0 || std::isnan(product)) return std::numeric_limits<double>::quiet_NaN();
  if (!(square > static_cast<double>(n) * least * least)) return 0;
  return product / std::sqrt(square * square_measured);
}

}  // namespace

void weigh_rows(core::Context&, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t targets = in[0].shape[0], k = in[0].shape[1];
  const double *x = in[0].as<double>(), *shares = in[1].as<double>();
  double* y = out[0].as<double>();
  core::parallel_rows(out[0].shape[0], kRows, [=](int64_t row) {
    const double *from = x + row % targets * k, *share = shares + row / targets * k;
    double* to = y + row * k;
    for (int64_t i = 0; i < k; ++i) to[i] = share[i] * from[i];
  });
}

void left_out_scores(core::Context&, const core::View* in, core::View* out, const op::LeftOutScores::Options& o) {
  const int64_t targets = in[1].shape[0], n = in[0].shape[1];
  const double *residual = in[0].as<double>(), *measured = in[1].as<double>(), *inverses = in[2].as<double>();
  double* r = out[0].as<double>();
  core::parallel_rows(in[0].shape[0], kRows, [=](int64_t row) {
    r[row] = score(residual + row * n, measured + row % targets * n, inverses + row / targets * n, n, o.rest ? 1 : 0);
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
