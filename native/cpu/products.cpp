// centred_products: ops/products.h. Threads share rows.
#include "ops/products.h"

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kRows = 16, kSums = 2 * kLanes;  // no addition waits for the one before

/// to = the row's elements at `columns`, if it is given; returns their mean. In lanes, of which the compiler makes vectors.
double pick(const double* row, const int32_t* columns, int64_t count, double* to) {
  double sums[kSums] = {}, sum = 0;
  int64_t j = 0;
  for (; j + kSums <= count; j += kSums) {
    double some[kSums];
    for (int64_t lane = 0; lane < kSums; ++lane) some[lane] = row[columns[j + lane]];
    for (int64_t lane = 0; lane < kSums; ++lane) sums[lane] += some[lane];
    if (to) std::copy_n(some, kSums, to + j);
  }
  for (; j < count; ++j) {
    const double value = row[columns[j]];
    if (to) to[j] = value;
    sums[j % kSums] += value;
  }
  for (const double part : sums) sum += part;
  return sum / static_cast<double>(count);
}

}  // namespace

void centred_products(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t n = in[0].shape[0], a = in[1].shape[0], b = in[2].shape[0];
  const double* k = in[0].as<double>();
  const int32_t *rows = in[1].as<int32_t>(), *columns = in[2].as<int32_t>();
  for (const bool is_row : {true, false})
    for (int64_t i = 0; i < (is_row ? a : b); ++i)
      if (const int32_t index = (is_row ? rows : columns)[i]; index < 0 || index >= n)
        op::CentredProducts::refuse_index(is_row, i, index, n);
  double* means = ctx.scratch<double>(b);
  core::parallel_rows(b, kRows, [&](int64_t j) { means[j] = pick(k + columns[j] * n, columns, b, nullptr); });
  double mean = 0;
  for (int64_t j = 0; j < b; ++j) mean += means[j];
  mean /= static_cast<double>(b);
  core::parallel_rows(a, kRows, [&](int64_t i) {
    double* y = out[0].as<double>() + i * b;
    const double own = pick(k + rows[i] * n, columns, b, y);
    for (int64_t j = 0; j < b; ++j) y[j] = y[j] - (own + means[j]) + mean;
  });
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
