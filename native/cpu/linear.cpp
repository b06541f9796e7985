// matmul, linear, linear_grad: ops/linear.h.
// Products go through the packed GEMM (simd/gemm.h). With few targets or few rows a GEMM would pad its tile (or pack a
// matrix that is used once): these are dot products (simd/row_dots.h) or a matrix and a few vectors (simd/thin.h).
#include "ops/linear.h"

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/gemm.h"
#include "cpu/simd/row_dots.h"
#include "cpu/simd/thin.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

template <class T>
void linear_of(core::Context& ctx, const core::View* in, core::View* out) {
  const int64_t n = in[0].shape[0], d = in[0].shape[1], targets = in[1].shape[0];
  const T* x = in[0].as<T>();
  const float *w = in[1].as<float>(), *bias = in[2].rank >= 0 ? in[2].as<float>() : nullptr;
  float* y = out[0].as<float>();
  const gemm::Factor<T> rows_of{x, d, true};
  const gemm::Factor<float> targets_of{w, d, true};
  if (targets > 16 && n > 4) return gemm::multiply(ctx, n, targets, d, rows_of, targets_of, bias, y, targets);
  if (targets > 16) return thin::multiply(ctx, targets_of, targets, d, rows_of, n, {y, 1, targets, bias});
  const T** rows = ctx.scratch<const T*>(n);
  for (int64_t i = 0; i < n; ++i) rows[i] = x + i * d;
  RowDots(ctx, n, d, targets)(rows, n, w, bias, y);
}

template <class T>
void weight_gradient(core::Context& ctx, const core::View* in, float* gw) {
  const int64_t n = in[0].shape[0], d = in[0].shape[1], targets = in[1].shape[0];
  const gemm::Factor<float> gy{in[2].as<float>(), targets, false};
  gemm::multiply(ctx, targets, d, n, gy, gemm::Factor<T>{in[0].as<T>(), d, false}, nullptr, gw, d);
}

/// A matrix by its own transpose is symmetric, to the bit as well: products commute and each sum keeps its order. Half of
/// it is computed.
template <class S>
void matmul_of(core::Context& ctx, const core::View* in, core::View* out, const op::Matmul::Options& o) {
  const int64_t m = out[0].shape[0], n = out[0].shape[1], depth = in[0].shape[o.transpose_a ? 0 : 1];
  const auto a = thin::along_rows(gemm::Factor<S>{in[0].as<S>(), in[0].shape[1], !o.transpose_a}, m, depth);
  const auto b = thin::along_rows(gemm::Factor<S>{in[1].as<S>(), in[1].shape[1], o.transpose_b}, n, depth);
  const bool symmetric = a.data == b.data && o.transpose_a != o.transpose_b;
  S* c = out[0].as<S>();
  if (n <= thin::most(a, depth, false)) return thin::multiply(ctx, a, m, depth, b, n, {c, n, 1, nullptr});
  if (m <= thin::most(b, depth, true)) return thin::multiply(ctx, b, n, depth, a, m, {c, 1, n, nullptr});
  gemm::multiply(ctx, m, n, depth, a, b, nullptr, c, n, {.add = false, .upper = symmetric});
  if (symmetric) gemm::mirror_upper(n, c, n);
}

}  // namespace

void matmul(core::Context& ctx, const core::View* in, core::View* out, const op::Matmul::Options& o) {
  if (in[0].dtype == core::Dtype::f64)
    matmul_of<double>(ctx, in, out, o);
  else
    matmul_of<float>(ctx, in, out, o);
}

void linear(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  if (in[0].dtype == core::Dtype::bf16)
    linear_of<uint16_t>(ctx, in, out);
  else
    linear_of<float>(ctx, in, out);
}

void linear_grad(core::Context& ctx, const core::View* in, core::View* out, const op::NoOptions&) {
  const int64_t n = in[0].shape[0], d = in[0].shape[1], targets = in[1].shape[0];
  const float *w = in[1].as<float>(), *gy = in[2].as<float>();
  if (out[0].rank >= 0) {
    const gemm::Factor<float> a{gy, targets, true}, b{w, d, false};
    gemm::multiply(ctx, n, d, targets, a, b, nullptr, out[0].as<float>(), d);
  }
  if (out[1].rank >= 0) {
    if (in[0].dtype == core::Dtype::bf16)
      weight_gradient<uint16_t>(ctx, in, out[1].as<float>());
    else
      weight_gradient<float>(ctx, in, out[1].as<float>());
  }
  if (out[2].rank >= 0) {
    double* sum = ctx.scratch<double>(targets);
    std::fill(sum, sum + targets, 0.0);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t t = 0; t < targets; ++t) sum[t] += static_cast<double>(gy[i * targets + t]);
    std::transform(sum, sum + targets, out[2].as<float>(), [](double s) { return static_cast<float>(s); });
  }
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
