// A symmetric matrix to tridiagonal form and eigenvectors back: a = Q T Q^T with Householder reflectors, in float32 or
// float64.
// Layout: a [N,N] row-major, of which the rows from the diagonal on are read. Row j becomes the reflector that makes
// column j tridiagonal: H = 1 - tau v v^T, v_{j+1} = 1.
// Columns are reduced in panels (Dongarra, Sorensen, Hammarling 1989): within one, each column costs a product with the
// trailing matrix, whose triangle is read once for both halves and which binds (4/3 N^3 operations, half of them here,
// at the speed of memory); the panel's 2 kPanel rank-one updates then go through the packed product. Threads share the
// rows of the triangle; every task has its own sum and the sums are added in order of the tasks, which depend on N
// alone, so the bits do not depend on the number of threads. Included after simd/gemm.h.
#pragma once
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/workspace.h"

#include "cpu/simd/gemm.h"

namespace striate::cpu::STRIATE_SIMD_NS::eigen {
namespace {

constexpr int64_t kPanel = 32, kBack = 64, kMostTasks = 32;
template <class S>
using Vector = typename gemm::Numbers<S>::Vector;
template <class S>
constexpr int64_t kWide = gemm::kLanesOf<S>;

template <class S>
inline S dot(const S* x, const S* y, int64_t n) {
  constexpr int64_t kStep = kWide<S>;
  Vector<S> sum[4] = {};
  int64_t i = 0;
  for (; i + 4 * kStep <= n; i += 4 * kStep)
    for (int j = 0; j < 4; ++j) sum[j] = vfma(vload(x + i + j * kStep), vload(y + i + j * kStep), sum[j]);
  for (; i + kStep <= n; i += kStep) sum[0] = vfma(vload(x + i), vload(y + i), sum[0]);
  S total = vsum((sum[0] + sum[1]) + (sum[2] + sum[3]));
  for (; i < n; ++i) total += x[i] * y[i];
  return total;
}
/// y += s x
template <class S>
inline void add_scaled(S* y, const S* x, std::type_identity_t<S> s, int64_t n) {
  const Vector<S> factor = vspread(s);
  int64_t i = 0;
  for (; i + kWide<S> <= n; i += kWide<S>) vstore(y + i, vfma(factor, vload(x + i), vload(y + i)));
  for (; i < n; ++i) y[i] += s * x[i];
}

/// Rows of a triangle at once: their sums and factors stay in registers, and the corner is one vector wide.
template <class S>
constexpr int kTriangleRows = std::min<int64_t>(STRIATE_SIMD == 4 ? 8 : 4, kWide<S>);

/// R rows from `i` on of the upper triangle of a [m,m], no shorter than a vector: to[k] += what they add to (a v)[k] for
/// k >= i.
template <int R, class S>
inline void triangle_rows(const S* a, int64_t stride, int64_t m, int64_t i, const S* v, S* to) {
  constexpr int64_t kStep = kWide<S>;
  Vector<S> sums[R] = {}, factor[R], lane;
  for (int64_t k = 0; k < kStep; ++k) lane[k] = static_cast<S>(k);
  const S* row[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    row[r] = a + (i + r) * stride;
    factor[r] = vspread(v[i + r]);
  }
  // own(r, element): what of a row counts for itself; mirrored: for the rows below.
  const auto add = [&](int64_t k, auto&& own, auto&& mirrored) __attribute__((always_inline)) {
    const Vector<S> x = vload(v + k);
    Vector<S> y = vload(to + k);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Vector<S> element = vload(row[r] + k);
      sums[r] = vfma(own(r, element), x, sums[r]);
      y = vfma(mirrored(r, element), factor[r], y);
    }
    vstore(to + k, y);
  };
  const auto all = [](int, Vector<S> element) { return element; };
  add(
      i, [&](int r, Vector<S> element) { return lane >= static_cast<S>(r) ? element : Vector<S>{}; },
      [&](int r, Vector<S> element) { return lane > static_cast<S>(r) ? element : Vector<S>{}; });
  int64_t k = i + kStep;
  for (; k + kStep <= m; k += kStep) add(k, all, all);
  if (k < m) {
    const auto rest = [&](int, Vector<S> element) {
      return lane >= static_cast<S>(k + kStep - m) ? element : Vector<S>{};
    };
    add(m - kStep, rest, rest);
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) to[i + r] += vsum(sums[r]);
}

/// y = a v for the upper triangle of a [m,m]; parts [kMostTasks, m] is scratch.
template <class S>
inline void symmetric_product(const S* a, int64_t stride, int64_t m, const S* v, S* parts, S* y) {
  const int64_t wanted = std::clamp<int64_t>(m * m / (1 << 16), 1, kMostTasks);
  constexpr int kRows = kTriangleRows<S>;
  const int64_t rows = gemm::ceil_to((m + wanted - 1) / wanted, kRows), tasks = (m + rows - 1) / rows;
  core::parallel_for(tasks, [&](int64_t task) {
    const int64_t begin = task * rows, end = std::min(m, begin + rows);
    S* to = parts + task * m;
    for (int64_t k = begin; k < m; ++k) to[k] = 0;
    int64_t i = begin;
    for (; i + kRows <= end && i + kWide<S> <= m; i += kRows) triangle_rows<kRows>(a, stride, m, i, v, to);
    for (; i < end && i + kWide<S> <= m; ++i) triangle_rows<1>(a, stride, m, i, v, to);
    for (; i < end; ++i)
      for (int64_t k = i; k < m; ++k) {
        to[i] += a[i * stride + k] * v[k];
        if (k > i) to[k] += a[i * stride + k] * v[i];
      }
  });
  for (int64_t k = 0; k < m; ++k) y[k] = parts[k];
  for (int64_t task = 1; task < tasks; ++task)
    add_scaled(y + task * rows, parts + task * m + task * rows, 1, m - task * rows);
}

/// Numbers of scratch that `reduce` and `transform_back` take.
inline int64_t panel_numbers(int64_t n) { return (4 * kPanel + kMostTasks + kBack + 2) * n + 2 * kBack * kBack; }

/// Overwrites a, of which the largest is near 1; diagonal [N], beside [N-1] (between diagonal i and i + 1), tau [N-1].
template <class S>
inline void reduce(core::Workspace& workspace, int64_t n, S* a, double* diagonal, double* beside, S* tau, S* scratch) {
  S *left = scratch, *right = left + 2 * kPanel * n;  // [v; w] and, once the panel is done, [-w; -v]
  S *parts = right + 2 * kPanel * n, *product = parts + kMostTasks * n;
  for (int64_t begin = 0; begin < n; begin += kPanel) {
    const int64_t end = std::min(n, begin + kPanel), panel = end - begin;
    S *v = left, *w = left + panel * n;
    for (int64_t j = begin; j < end; ++j) {
      S* row = a + j * n;
      for (int64_t q = 0; q < j - begin; ++q) {
        add_scaled(row + j, w + q * n + j, -v[q * n + j], n - j);
        add_scaled(row + j, v + q * n + j, -w[q * n + j], n - j);
      }
      diagonal[j] = row[j];
      if (j == n - 1) break;
      const int64_t first = j + 1, m = n - first;
      S *x = row + first, *reflector = v + (j - begin) * n, *update = w + (j - begin) * n;
      for (int64_t i = begin; i < first; ++i) reflector[i] = update[i] = 0;
      const S rest = std::sqrt(dot(x + 1, x + 1, m - 1)), norm = std::sqrt(x[0] * x[0] + rest * rest);
      // Below this it is far from moving an eigenvalue, and its square might underflow: the largest of a is near 1.
      if (rest <= std::numeric_limits<S>::epsilon() * std::numeric_limits<S>::epsilon()) {
        beside[j] = x[0];
        tau[j] = 0;
        for (int64_t i = 0; i < m; ++i) x[i] = reflector[first + i] = update[first + i] = 0;
        x[0] = reflector[first] = 1;
        continue;
      }
      const S turned = x[0] > 0 ? -norm : norm;
      beside[j] = turned;
      tau[j] = (turned - x[0]) / turned;
      const S scale = 1 / (x[0] - turned);
      for (int64_t i = 1; i < m; ++i) x[i] *= scale;
      x[0] = 1;
      for (int64_t i = 0; i < m; ++i) reflector[first + i] = x[i];
      symmetric_product(a + first * n + first, n, m, x, parts, product);
      for (int64_t q = 0; q < j - begin; ++q) {
        const S *vq = v + q * n + first, *wq = w + q * n + first;
        const S along_w = dot(wq, x, m), along_v = dot(vq, x, m);
        add_scaled(product, vq, -along_w, m);
        add_scaled(product, wq, -along_v, m);
      }
      const S middle = S(-0.5) * tau[j] * tau[j] * dot(product, x, m);
      for (int64_t i = 0; i < m; ++i) update[first + i] = tau[j] * product[i] + middle * x[i];
    }
    if (end == n) break;
    for (int64_t q = 0; q < panel; ++q)
      for (int64_t i = end; i < n; ++i) {
        right[q * n + i] = -w[q * n + i];
        right[(panel + q) * n + i] = -v[q * n + i];
      }
    core::Context ctx = workspace.fresh();
    if (ctx.stop()) return;
    gemm::multiply(ctx, n - end, n - end, 2 * panel, gemm::Factor<S>{left + end, n, false},
                   gemm::Factor<S>{right + end, n, false}, nullptr, a + end * n + end, n, {.add = true, .upper = true});
  }
}

/// x [K,N], rows y of T's eigenvectors, become rows Q y. kBack reflectors at a time as 1 - V^T S V (Schreiber and Van
/// Loan 1989), V [kBack,N].
template <class S>
inline void transform_back(core::Workspace& workspace, int64_t n, const S* a, const S* tau, int64_t count, S* x,
                           S* scratch, S* along) {
  S *v = scratch, *s = v + kBack * n, *gram = s + kBack * kBack;
  const int64_t reflectors = n - 1;
  for (int64_t begin = (reflectors - 1) / kBack * kBack; reflectors > 0 && begin >= 0; begin -= kBack) {
    const int64_t b = std::min(kBack, reflectors - begin), first = begin + 1, m = n - first;
    for (int64_t q = 0; q < b; ++q)
      for (int64_t i = 0; i < m; ++i) v[q * n + i] = i < q ? 0 : a[(begin + q) * n + first + i];
    const gemm::Factor<S> lengthwise{v, n, true};
    core::Context ctx = workspace.fresh();
    gemm::multiply(ctx, b, b, m, lengthwise, lengthwise, nullptr, gram, b);
    // -S, upper triangular: S_qq = tau_q, S_:q = -tau_q S_:: V v_q.
    for (int64_t q = 0; q < b; ++q) {
      for (int64_t i = 0; i < b; ++i) s[i * b + q] = 0;
      for (int64_t i = 0; i < q; ++i)
        for (int64_t k = i; k < q; ++k) s[i * b + q] -= tau[begin + q] * s[i * b + k] * gram[k * b + q];
      s[q * b + q] = -tau[begin + q];
    }
    S *along_v = along, *turned = along + count * b;
    gemm::multiply(ctx, count, b, m, gemm::Factor<S>{x + first, n, true}, lengthwise, nullptr, along_v, b);
    workspace.reset();
    gemm::multiply(ctx, count, b, b, gemm::Factor<S>{along_v, b, true}, gemm::Factor<S>{s, b, true}, nullptr, turned,
                   b);
    workspace.reset();
    gemm::multiply(ctx, count, m, b, gemm::Factor<S>{turned, b, true}, gemm::Factor<S>{v, n, false}, nullptr, x + first,
                   n, {.add = true, .upper = false});
  }
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::eigen
