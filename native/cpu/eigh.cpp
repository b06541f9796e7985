// eigh: ops/eigh.h. Matrices of kLibrary and above go to a LAPACK where one is there (core/lapack.h; divide and conquer
// for all values, the relatively robust representations of syevr for some), each with all threads. Else: tridiagonal form
// (simd/tridiagonal.h), divide and conquer in float64 (simd/divide_conquer.h), and back. Matrices up to kAlone
// share the threads out, a matrix each; a larger one has them all.
#include "ops/eigh.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "core/lapack.h"
#include "core/parallel.h"
#include "core/workspace.h"

#include "cpu/simd/begin.h"
#include "cpu/simd/divide_conquer.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

constexpr int64_t kLibrary = 128, kAlone = 256;

/// Largest magnitude of numbers; NaN where one of them is not finite.
template <class T>
T largest_magnitude(const T* a, int64_t count) {
  constexpr int64_t kWide = 64;  // of which the compiler makes vectors
  T most[kWide] = {}, finite[kWide] = {};
  const auto take = [&](int64_t i, int64_t lane) {
    const T x = std::fabs(a[i]);
    most[lane] = x > most[lane] ? x : most[lane];
    finite[lane] += x * 0;  // NaN as soon as one is not finite
  };
  int64_t i = 0;
  for (; i + kWide <= count; i += kWide)
    for (int64_t lane = 0; lane < kWide; ++lane) take(i + lane, lane);
  for (; i < count; ++i) take(i, 0);
  for (int64_t lane = 1; lane < kWide; ++lane) {
    most[0] = std::max(most[0], most[lane]);
    finite[0] += finite[lane];
  }
  return most[0] + finite[0];
}

/// Largest magnitude of a matrix [D,D]; refuses what is not finite or not symmetric.
template <class T>
double checked_scale(const T* a, int64_t matrices, int64_t g, int64_t d, core::Dtype dtype) {
  const T largest = largest_magnitude(a, d * d);
  if (std::isnan(largest))
    for (int64_t i = 0; i < d * d; ++i)
      if (!std::isfinite(a[i])) op::Eigh::refuse_infinite(matrices, g, i / d, i % d, a[i]);
  const double most = op::Eigh::asymmetry(dtype, d) * static_cast<double>(largest);
  constexpr int64_t kSide = 32;
  for (int64_t top = 0; top < d; top += kSide)
    for (int64_t left = top; left < d; left += kSide)
      for (int64_t i = top; i < std::min(d, top + kSide); ++i)
        for (int64_t j = std::max(i, left); j < std::min(d, left + kSide); ++j)
          if (std::fabs(static_cast<double>(a[i * d + j]) - static_cast<double>(a[j * d + i])) > most)
            op::Eigh::refuse_asymmetry(matrices, g, i, j, a[i * d + j], a[j * d + i]);
  return static_cast<double>(largest);
}

/// v with its entry of largest magnitude positive.
template <class T>
void store_vector(const T* from, int64_t d, T* to) {
  const T largest = largest_magnitude(from, d);
  int64_t at = 0;
  while (at < d - 1 && std::fabs(from[at]) != largest) ++at;
  const T sign = from[at] < 0 ? -1 : 1;
  for (int64_t i = 0; i < d; ++i) to[i] = sign * from[i];
}

template <class T>
struct Result {
  T *values, *vectors;  // [top], [top,D] or null
  int64_t top;
};

/// Memory of the own solver: numbers of the matrix's type and in float64, and indices.
template <class T>
struct Memory {
  T* numbers;
  double* doubles;
  int64_t* indices;
  int8_t* kinds;
  static int64_t count(int64_t d, bool vectors) {
    return d * d + d + eigen::panel_numbers(d) + (vectors ? 2 * d * eigen::kBack : 0);
  }
  static int64_t double_count(int64_t d, bool vectors) {
    return d * d * (vectors ? eigen::kTreeDoubles : 0) + d * (2 + eigen::kTreeVectors);
  }
  static int64_t index_count(int64_t d) { return eigen::kTreeIndices * d; }
};

/// False when it did not converge.
template <class T>
bool solve(core::Workspace& workspace, const T* from, int64_t d, double largest, const Memory<T>& memory,
           const Result<T>& to) {
  // Scaled by a power of two, so that no square overflows or vanishes that matters.
  const int exponent = largest > 0 ? std::clamp(std::ilogb(largest), -1000, 1000) : 0;
  const double factor = std::scalbn(1.0, -exponent);
  auto take = [free = memory.numbers](int64_t count) mutable { return std::exchange(free, free + count); };
  auto take_doubles = [free = memory.doubles](int64_t count) mutable { return std::exchange(free, free + count); };
  T *a = take(d * d), *tau = take(d), *scratch = take(eigen::panel_numbers(d));
  double *diagonal = take_doubles(d), *beside = take_doubles(d);
  core::parallel_for((d + 63) / 64, [&](int64_t task) {
    for (int64_t i = task * 64; i < std::min(d, task * 64 + 64); ++i)
      for (int64_t j = i; j < d; ++j) a[i * d + j] = static_cast<T>(factor * static_cast<double>(from[i * d + j]));
  });
  eigen::reduce(workspace, d, a, diagonal, beside, tau, scratch);
  int64_t *order = memory.indices, *index = memory.indices;
  if (!to.vectors) {
    if (!eigen::implicit_ql(d, diagonal, beside, nullptr, 0, 0)) return false;
  } else {
    eigen::Tree t{};
    t.n = d;
    t.diagonal = diagonal;
    t.beside = beside;
    for (double** matrix : {&t.vectors, &t.other, &t.delta, &t.inner}) *matrix = take_doubles(d * d);
    for (double** vector : {&t.z, &t.poles, &t.weights, &t.roots}) *vector = take_doubles(d);
    for (int64_t** list : {&t.order, &t.kept, &t.dropped, &t.place}) {
      *list = index;
      index += d;
    }
    t.kind = memory.kinds;
    T* along = take(2 * d * eigen::kBack);
    if (!eigen::divide_and_conquer(t, workspace)) return false;
    const double* rows = t.vectors;
    T* chosen = reinterpret_cast<T*>(t.other);
    std::iota(order, order + d, int64_t{0});
    std::sort(order, order + d,
              [&](int64_t x, int64_t y) { return diagonal[x] > diagonal[y] || (diagonal[x] == diagonal[y] && x < y); });
    for (int64_t k = 0; k < to.top; ++k)
      for (int64_t i = 0; i < d; ++i) chosen[k * d + i] = static_cast<T>(rows[order[k] * d + i]);
    eigen::transform_back(workspace, d, a, tau, to.top, chosen, scratch, along);
    core::parallel_for((to.top + 15) / 16, [&](int64_t task) {
      for (int64_t k = task * 16; k < std::min(to.top, task * 16 + 16); ++k)
        store_vector(chosen + k * d, d, to.vectors + k * d);
    });
    for (int64_t k = 0; k < to.top; ++k) to.values[k] = static_cast<T>(std::scalbn(diagonal[order[k]], exponent));
    return true;
  }
  std::sort(diagonal, diagonal + d, [](double x, double y) { return x > y; });
  for (int64_t k = 0; k < to.top; ++k) to.values[k] = static_cast<T>(std::scalbn(diagonal[k], exponent));
  return true;
}

template <class T>
void solve_all(core::Context& ctx, const core::View& in, core::View* out) {
  const int64_t matrices = in.shape[0], d = in.shape[1], top = out[0].shape[1];
  const T* a = in.as<T>();
  const bool vectors = out[1].rank >= 0;
  const auto result = [&](int64_t g) {
    return Result<T>{out[0].as<T>() + g * top, vectors ? out[1].as<T>() + g * top * d : nullptr, top};
  };
  double* scale = ctx.scratch<double>(matrices);
  for (int64_t g = 0; g < matrices; ++g) scale[g] = checked_scale(a + g * d * d, matrices, g, d, in.dtype);
  if (const core::Lapack* lapack = d >= kLibrary ? core::lapack() : nullptr) {
    for (int64_t g = 0; g < matrices && !ctx.stop(); ++g) {
      const Result<T> to = result(g);
      core::Workspace memory(ctx.cancelled);
      if (!lapack->solve(memory, static_cast<int>(d), static_cast<int>(top), a + g * d * d, to.values, to.vectors))
        op::Eigh::refuse_divergence(g);
      for (int64_t k = 0; vectors && k < top; ++k) store_vector(to.vectors + k * d, d, to.vectors + k * d);
    }
    return;
  }
  const int64_t slots = d <= kAlone ? std::min<int64_t>(core::threads(), matrices) : 1;
  const int64_t numbers = Memory<T>::count(d, vectors), doubles = Memory<T>::double_count(d, vectors),
                indices = Memory<T>::index_count(d);
  T* all_numbers = ctx.scratch<T>(slots * numbers);
  double* all_doubles = ctx.scratch<double>(slots * doubles);
  int64_t* all_indices = ctx.scratch<int64_t>(slots * indices);
  int8_t* all_kinds = ctx.scratch<int8_t>(slots * d);
  bool* converged = ctx.scratch<bool>(matrices);
  const auto one = [&](core::Workspace& workspace, int64_t slot, int64_t g) {
    const Memory<T> memory{all_numbers + slot * numbers, all_doubles + slot * doubles, all_indices + slot * indices,
                           all_kinds + slot * d};
    converged[g] = solve(workspace, a + g * d * d, d, scale[g], memory, result(g));
  };
  if (slots > 1) {
    std::atomic<int64_t> next{0};
    core::parallel_for(slots, [&](int64_t slot) {
      core::Workspace workspace(ctx.cancelled);
      for (int64_t g; (g = next.fetch_add(1, std::memory_order_relaxed)) < matrices && !ctx.stop();)
        one(workspace, slot, g);
    });
  } else {
    core::Workspace workspace(ctx.cancelled);
    for (int64_t g = 0; g < matrices && !ctx.stop(); ++g) one(workspace, 0, g);
  }
  for (int64_t g = 0; g < matrices && !ctx.stop(); ++g)
    if (!converged[g]) op::Eigh::refuse_divergence(g);
}

}  // namespace

void eigh(core::Context& ctx, const core::View* in, core::View* out, const op::Eigh::Options&) {
  if (in[0].dtype == core::Dtype::f64)
    solve_all<double>(ctx, in[0], out);
  else
    solve_all<float>(ctx, in[0], out);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
