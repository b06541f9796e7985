// Eigenvalues and eigenvectors of a symmetric tridiagonal matrix by divide and conquer (Cuppen 1981; deflation and the
// recomputed z of Gu and Eisenstat 1995), and by implicit QL for pieces of at most kLeaf and where only values are
// wanted. Eigenvectors are rows. Nearly all the work is one packed product a merge; what deflates is only copied.
// The tree depends on N alone and every sum has its order: bits do not depend on the number of threads.
// Included after simd/begin.h.
#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>

#include "cpu/simd/secular.h"
#include "cpu/simd/tridiagonal.h"

namespace striate::cpu::STRIATE_SIMD_NS::eigen {
namespace {

constexpr int64_t kLeaf = 32;

/// Implicit QL: d [n] becomes the eigenvalues, unsorted; e [n] (the last unused) is overwritten; rows of z [n, width]
/// (stride apart), or none, are rotated along. False when an eigenvalue takes more than 60 steps.
inline bool implicit_ql(int64_t n, double* d, double* e, double* z, int64_t stride, int64_t width) {
  e[n - 1] = 0;
  // Of a matrix of low rank most entries are rounding themselves: beside each other alone they would never be small.
  double largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = std::max({largest, std::fabs(d[i]), std::fabs(e[i])});
  for (int64_t l = 0; l < n; ++l)
    for (int step = 0;; ++step) {
      int64_t m = l;
      while (m < n - 1 && std::fabs(e[m]) > kRounding * std::max(largest, std::fabs(d[m]) + std::fabs(d[m + 1]))) ++m;
      if (m == l) break;
      if (step == 60) return false;
      double g = (d[l + 1] - d[l]) / (2 * e[l]), r = std::sqrt(g * g + 1);
      g = d[m] - d[l] + e[l] / (g + std::copysign(r, g));
      double s = 1, c = 1, p = 0;
      int64_t i = m - 1;
      for (; i >= l; --i) {
        const double f = s * e[i], b = c * e[i];
        r = std::sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r == 0) {  // underflow: the rest is done in the next step
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        double *x = z + i * stride, *y = x + stride;
        for (int64_t k = 0; k < width; ++k) {
          const double t = y[k];
          y[k] = s * x[k] + c * t;
          x[k] = c * x[k] - s * t;
        }
      }
      if (i >= l) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  return true;
}

/// Memory of the merges: each n x n where not said. A merge of rows [begin, begin + size) uses the part of that place.
struct Tree {
  int64_t n;
  double *diagonal, *beside;                // [n]; diagonal becomes the eigenvalues
  double *vectors, *other, *delta, *inner;  // `vectors` holds the current rows, `other` takes the next
  double *z, *poles, *weights, *roots;      // [n]
  int64_t *order, *kept, *dropped, *place;  // [n]
  int8_t* kind;                             // [n]: a row is of the left piece only, of both, of the right only
};
constexpr int64_t kTreeDoubles = 4, kTreeVectors = 4, kTreeIndices = 4;  // n x n, n and n

inline void rotate_rows(double* x, double* y, int64_t n, double c, double s) {
  for (int64_t k = 0; k < n; ++k) {
    const double t = c * x[k] + s * y[k];
    y[k] = c * y[k] - s * x[k];
    x[k] = t;
  }
}

/// Sorts what deflates into `dropped` from what is `kept`; rotates rows of equal eigenvalues. Returns how many are kept.
inline int64_t deflate(const Tree& t, int64_t begin, int64_t size, double rho) {
  double *d = t.diagonal + begin, *z = t.z + begin, *rows = t.vectors + begin * t.n + begin;
  int64_t *order = t.order + begin, *kept = t.kept + begin, *dropped = t.dropped + begin;
  int8_t* kind = t.kind + begin;
  std::iota(order, order + size, int64_t{0});
  std::sort(order, order + size, [&](int64_t a, int64_t b) { return d[a] < d[b] || (d[a] == d[b] && a < b); });
  const double scale = std::max({std::fabs(d[order[0]]), std::fabs(d[order[size - 1]]), rho});
  const double tolerance = 8 * kRounding * scale;
  int64_t keeps = 0, drops = 0, before = -1;
  for (int64_t at = 0; at < size; ++at) {
    const int64_t i = order[at];
    if (rho * std::fabs(z[i]) <= tolerance) {
      dropped[drops++] = i;
      continue;
    }
    if (before >= 0) {
      const double norm = std::sqrt(z[i] * z[i] + z[before] * z[before]);
      const double c = z[i] / norm, s = -z[before] / norm;
      if (std::fabs((d[i] - d[before]) * c * s) <= tolerance) {
        z[i] = norm;
        z[before] = 0;
        if (kind[i] != kind[before]) kind[i] = kind[before] = 1;
        rotate_rows(rows + before * t.n, rows + i * t.n, size, c, s);
        const double low = d[before] * c * c + d[i] * s * s;
        d[i] = d[before] * s * s + d[i] * c * c;
        d[before] = low;
        dropped[drops++] = before;
      } else {
        kept[keeps++] = before;
      }
    }
    before = i;
  }
  if (before >= 0) kept[keeps++] = before;
  return keeps;
}

/// Rows [begin, begin + size) of `vectors`, two solved pieces of which the left has `half`, become those of the whole in
/// `other`.
inline void merge(const Tree& t, core::Workspace& workspace, int64_t begin, int64_t half, int64_t size) {
  const int64_t n = t.n, right = size - half;
  const double coupling = t.beside[begin + half - 1];
  double *d = t.diagonal + begin, *z = t.z + begin;
  double *from = t.vectors + begin * n + begin, *to = t.other + begin * n + begin;
  const double rho = 2 * std::fabs(coupling);  // u = (last row of the left, first of the right) / sqrt 2
  for (int64_t i = 0; i < size; ++i) {
    double* row = from + i * n;
    const bool left = i < half;
    z[i] = std::sqrt(0.5) * (left ? row[half - 1] : coupling < 0 ? -row[half] : row[half]);
    t.kind[begin + i] = left ? 0 : 2;
    for (int64_t k = left ? half : 0; k < (left ? size : half); ++k) row[k] = 0;
  }
  const int64_t k = deflate(t, begin, size, rho);
  const int64_t *kept = t.kept + begin, *dropped = t.dropped + begin;
  double *poles = t.poles + begin, *weights = t.weights + begin, *roots = t.roots + begin;
  for (int64_t i = 0; i < k; ++i) {
    poles[i] = d[kept[i]];
    weights[i] = z[kept[i]];
  }
  // delta[j][i] = poles[i] - root j.
  double *delta = t.delta + begin * n, *inner = t.inner + begin * n;
  constexpr int64_t kRoots = 8;
  core::parallel_for((k + kRoots - 1) / kRoots, [&](int64_t task) {
    for (int64_t j = task * kRoots; j < std::min(k, (task + 1) * kRoots); ++j)
      roots[j] = secular_root(k, j, poles, weights, rho, delta + j * k);
  });
  // The z whose matrix has exactly these roots; with it the vectors are orthogonal to rounding.
  constexpr int64_t kRange = 64;
  core::parallel_for((k + kRange - 1) / kRange, [&](int64_t task) {
    const int64_t first = task * kRange, count = std::min(k, first + kRange) - first;
    double product[kRange];
    for (int64_t i = 0; i < count; ++i) product[i] = 1;
    for (int64_t j = 0; j < k; ++j) {
      const double* row = delta + j * k + first;
      const int64_t own = std::clamp<int64_t>(j - first, 0, count);
      for (int64_t i = 0; i < own; ++i) product[i] *= row[i] / (poles[first + i] - poles[j]);
      if (own < count && first + own == j) product[own] *= row[own];
      for (int64_t i = own + (first + own == j); i < count; ++i) product[i] *= row[i] / (poles[first + i] - poles[j]);
    }
    for (int64_t i = 0; i < count; ++i)
      weights[first + i] = std::copysign(std::sqrt(std::fabs(product[i])), z[kept[first + i]]);
  });
  // Columns of the inner vectors in the order left, both, right: each half of the rows then takes one product.
  int64_t* place = t.place + begin;
  int64_t ends[3], count = 0;
  for (int kind = 0; kind < 3; ++kind) {
    for (int64_t i = 0; i < k; ++i)
      if (t.kind[begin + kept[i]] == kind) place[count++] = i;
    ends[kind] = count;
  }
  core::parallel_for((k + kRoots - 1) / kRoots, [&](int64_t task) {
    for (int64_t j = task * kRoots; j < std::min(k, (task + 1) * kRoots); ++j) {
      double square = 0;
      double *row = inner + j * k, *difference = delta + j * k;
      for (int64_t i = 0; i < k; ++i) {
        difference[i] = weights[i] / difference[i];
        square += difference[i] * difference[i];
      }
      const double scale = 1 / std::sqrt(square);
      for (int64_t i = 0; i < k; ++i) row[i] = scale * difference[place[i]];
    }
  });
  // The outer rows, packed over what delta held: [ends[1], half] and [k - ends[0], right].
  double *above = delta, *below = delta + ends[1] * half;
  for (int64_t i = 0; i < ends[1]; ++i) std::copy_n(from + kept[place[i]] * n, half, above + i * half);
  for (int64_t i = ends[0]; i < k; ++i)
    std::copy_n(from + kept[place[i]] * n + half, right, below + (i - ends[0]) * right);
  core::Context ctx = workspace.fresh();
  if (ctx.stop()) return;
  gemm::multiply(ctx, k, half, ends[1], gemm::Factor<double>{inner, k, true}, gemm::Factor<double>{above, half, false},
                 nullptr, to, n);
  workspace.reset();
  gemm::multiply(ctx, k, right, k - ends[0], gemm::Factor<double>{inner + ends[0], k, true},
                 gemm::Factor<double>{below, right, false}, nullptr, to + half, n);
  for (int64_t i = k; i < size; ++i) {
    std::copy_n(from + dropped[i - k] * n, size, to + i * n);
    roots[i] = d[dropped[i - k]];
  }
  std::copy_n(roots, size, d);
}

/// Pieces of the tree at a depth: the boundaries of 2^depth parts as even as halving makes them.
inline int64_t boundary(int64_t n, int64_t part, int depth) {
  int64_t begin = 0, size = n;
  for (int level = depth - 1; level >= 0; --level) {
    const int64_t half = size / 2;
    if (part >> level & 1) {
      begin += half;
      size -= half;
    } else {
      size = half;
    }
  }
  return begin;
}

/// All eigenvalues (in t.diagonal, unsorted) and eigenvectors (rows of t.vectors) of the tridiagonal matrix. False when
/// QL did not converge.
inline bool divide_and_conquer(Tree& t, core::Workspace& workspace) {
  const int64_t n = t.n;
  int depth = 0;
  while ((n + (int64_t{1} << depth) - 1) >> depth > kLeaf) ++depth;
  const int64_t leaves = int64_t{1} << depth;
  const auto begin_of = [&](int64_t part, int level) {
    return part == int64_t{1} << level ? n : boundary(n, part, level);
  };
  for (int64_t leaf = 1; leaf < leaves; ++leaf) {
    const int64_t at = begin_of(leaf, depth);
    t.diagonal[at - 1] -= std::fabs(t.beside[at - 1]);
    t.diagonal[at] -= std::fabs(t.beside[at - 1]);
  }
  std::atomic<bool> converged{true};
  core::parallel_for(leaves, [&](int64_t leaf) {
    const int64_t begin = begin_of(leaf, depth), size = begin_of(leaf + 1, depth) - begin;
    double* rows = t.vectors + begin * n + begin;
    for (int64_t i = 0; i < size; ++i)
      for (int64_t j = 0; j < size; ++j) rows[i * n + j] = i == j;
    double beside[kLeaf] = {};
    std::copy_n(t.beside + begin, size - 1, beside);
    if (!implicit_ql(size, t.diagonal + begin, beside, rows, n, size)) converged = false;
  });
  for (int level = depth - 1; level >= 0 && converged; --level) {
    const int64_t merges = int64_t{1} << level;
    const auto one = [&](int64_t part, core::Workspace& own) {
      const int64_t begin = begin_of(2 * part, level + 1), middle = begin_of(2 * part + 1, level + 1);
      merge(t, own, begin, middle - begin, begin_of(2 * part + 2, level + 1) - begin);
    };
    // Many small merges take a thread each, few large ones all threads.
    const std::atomic<bool>* cancelled = workspace.fresh().cancelled;
    if (merges >= 8)
      core::parallel_for(merges, [&](int64_t part) {
        core::Workspace own(cancelled);
        one(part, own);
      });
    else
      for (int64_t part = 0; part < merges; ++part) one(part, workspace);
    std::swap(t.vectors, t.other);
  }
  return converged;
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::eigen
