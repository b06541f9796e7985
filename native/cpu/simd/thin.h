// A matrix times a few vectors: c[i * along + j * across] = sum over k of matrix(i, k) * vectors[j][k] (+ bias[i]). Each
// number of the matrix is read once, in the order of memory, where gemm.h would pack it first. Where k runs along its rows
// these are dot products: lanes in two turns, joined in a fixed tree for each chunk of columns, and the chunks added in
// order; the bits depend on K alone. Else its rows are added up along a strip that stays in L1, with the bits of gemm.h.
#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/context.h"
#include "core/parallel.h"

#include "cpu/simd/gemm.h"

namespace striate::cpu::STRIATE_SIMD_NS::thin {
namespace {

using gemm::Factor, gemm::kLanesOf, gemm::load_rest;
template <class S>
using Vector = typename gemm::Numbers<S>::Vector;

constexpr int64_t kChunk = 2048, kRowBlock = 32, kStripBytes = 16 << 10;
constexpr int64_t kNear = 1 << 17;  // numbers of a matrix for which it is not worth waking another thread

template <class S>
struct Target {
  S* c;
  int64_t along, across;
  const S* bias;
};

/// f(a constant: how many of `t` vectors, the first of them), for groups of at most four.
template <class F>
STRIATE_INLINE void in_groups(int64_t t, F&& f) {
  int64_t first = 0;
  for (; t - first >= 4; first += 4) f(std::integral_constant<int, 4>{}, first);
  if (t - first == 3) f(std::integral_constant<int, 3>{}, first);
  if (t - first == 2) f(std::integral_constant<int, 2>{}, first);
  if (t - first == 1) f(std::integral_constant<int, 1>{}, first);
}

template <class F>
void for_each(bool alone, int64_t count, F&& f) {
  if (!alone) return core::parallel_for(count, f);
  for (int64_t i = 0; i < count; ++i) f(i);
}

/// sum[r][t]: R rows of the matrix by T vectors, over some columns.
template <int R, int T, class S>
STRIATE_INLINE void dots(const S* a, int64_t a_stride, const S* b, int64_t b_stride, int64_t columns, S (&sum)[R][T]) {
  constexpr int kTurns = 2, kWide = kLanesOf<S>;
  Vector<S> lanes[kTurns][R][T] = {};
  const auto add = [&](int turn, auto&& load) __attribute__((always_inline)) {
    Vector<S> x[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) x[r] = load(a + r * a_stride);
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
      const Vector<S> y = load(b + t * b_stride);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) lanes[turn][r][t] = vfma(x[r], y, lanes[turn][r][t]);
    }
  };
  int64_t i = 0;
  for (; i + kTurns * kWide <= columns; i += kTurns * kWide)
#pragma GCC unroll 2
    for (int turn = 0; turn < kTurns; ++turn)
      add(turn, [&](const S* p) __attribute__((always_inline)) { return vload(p + i + turn * kWide); });
#pragma GCC unroll 2
  for (int turn = 0; turn < kTurns; ++turn, i += kWide)
    if (i < columns)
      add(turn, [&](const S* p) __attribute__((always_inline)) { return load_rest(p + i, columns - i); });
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) sum[r][t] = vsum(lanes[0][r][t] + lanes[1][r][t]);
}

/// The products of some rows with T vectors over the columns [begin, end), chunk by chunk. Not inlined: its loops have
/// the registers for themselves.
template <int T, class S>
__attribute__((noinline)) void dot_block(const Factor<S>& matrix, int64_t first, int64_t rows, const S* vectors,
                                         int64_t depth, int64_t begin, int64_t end, int64_t width,
                                         const Target<S>& to) {
  constexpr int kTogether = std::min(4, (STRIATE_SIMD == 4 ? 8 : 4) / T);
  const auto some = [&](auto count, int64_t row) __attribute__((always_inline)) {
    constexpr int kRows = count;
    S total[kRows][T] = {};
    for (int64_t k = begin; k < end; k += width) {
      S sum[kRows][T];
      dots<kRows, T>(matrix.data + row * matrix.stride + k, matrix.stride, vectors + k, depth, std::min(width, end - k),
                     sum);
      for (int r = 0; r < kRows; ++r)
        for (int t = 0; t < T; ++t) total[r][t] = k > begin ? total[r][t] + sum[r][t] : sum[r][t];
    }
    for (int r = 0; r < kRows; ++r)
      for (int t = 0; t < T; ++t)
        to.c[(row + r) * to.along + t * to.across] = to.bias ? total[r][t] + to.bias[row + r] : total[r][t];
  };
  int64_t row = first;
  for (; row + kTogether <= first + rows; row += kTogether) some(std::integral_constant<int, kTogether>{}, row);
  for (; row < first + rows; ++row) some(std::integral_constant<int, 1>{}, row);
}

template <class S>
void multiply_rows(core::Context& ctx, const Factor<S>& matrix, int64_t n, int64_t depth, const S* vectors, int64_t t,
                   const Target<S>& to) {
  const int64_t width = std::max(kChunk, (depth / 64 + kChunk - 1) / kChunk * kChunk);
  const int64_t blocks = (n + kRowBlock - 1) / kRowBlock, chunks = std::max<int64_t>(1, (depth + width - 1) / width);
  const bool alone = n * depth <= kNear, few = !alone && chunks > 1 && blocks < 4 * core::threads();
  // The chunks of a block of rows are tasks of their own, if there are few blocks.
  const int64_t parts = few ? chunks : 1, reach = few ? width : depth;
  S* partial = few ? ctx.scratch<S>(static_cast<size_t>(chunks * n * t)) : nullptr;
  for_each(alone, blocks * parts, [&](int64_t task) {
    const int64_t first = task / parts * kRowBlock, part = task % parts, begin = part * reach;
    in_groups(t, [&](auto count, int64_t at) {
      const Target<S> sums = few ? Target<S>{partial + part * n * t + at, t, 1, nullptr}
                                 : Target<S>{to.c + at * to.across, to.along, to.across, to.bias};
      dot_block<count>(matrix, first, std::min(kRowBlock, n - first), vectors + at * depth, depth, begin,
                       std::min(depth, begin + reach), width, sums);
    });
  });
  for (int64_t i = 0; few && i < n; ++i)
    for (int64_t j = 0; j < t; ++j) {
      S sum = partial[i * t + j];
      for (int64_t chunk = 1; chunk < chunks; ++chunk) sum += partial[(chunk * n + i) * t + j];
      to.c[i * to.along + j * to.across] = to.bias ? sum + to.bias[i] : sum;
    }
}

/// sums[j][i] += the products of K numbers of each of T vectors with as many rows, in order.
template <int T, int K, class S>
STRIATE_INLINE void add_rows(const S* rows, int64_t stride, const S* vectors, int64_t depth, int64_t width, S* sums,
                             int64_t apart) {
  constexpr int kWide = kLanesOf<S>;
  Vector<S> factor[T][K];
  for (int t = 0; t < T; ++t)
    for (int k = 0; k < K; ++k) factor[t][k] = vspread(vectors[t * depth + k]);
  const auto add = [&](int64_t i, auto&& load) __attribute__((always_inline)) {
    Vector<S> x[K];
#pragma GCC unroll 8
    for (int k = 0; k < K; ++k) x[k] = load(rows + k * stride + i);
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
      Vector<S> sum = vload(sums + t * apart + i);
#pragma GCC unroll 8
      for (int k = 0; k < K; ++k) sum = vfma(factor[t][k], x[k], sum);
      vstore(sums + t * apart + i, sum);
    }
  };
  int64_t i = 0;
  for (; i + kWide <= width; i += kWide) add(i, [](const S* p) __attribute__((always_inline)) { return vload(p); });
  if (i < width) add(i, [&](const S* p) __attribute__((always_inline)) { return load_some(p, width - i); });
}

template <int T, class S>
__attribute__((noinline)) void strip(const S* rows, int64_t stride, int64_t depth, const S* vectors,
                                     int64_t vector_depth, int64_t width, S* sums, int64_t apart) {
  constexpr int kTogether = std::min(8, (STRIATE_SIMD == 4 ? 16 : 8) / T);
  std::fill(sums, sums + T * apart, S{0});
  int64_t k = 0;
  for (; k + kTogether <= depth; k += kTogether)
    add_rows<T, kTogether>(rows + k * stride, stride, vectors + k, vector_depth, width, sums, apart);
  for (; k < depth; ++k) add_rows<T, 1>(rows + k * stride, stride, vectors + k, vector_depth, width, sums, apart);
}

template <class S>
void multiply_columns(const Factor<S>& matrix, int64_t n, int64_t depth, const S* vectors, int64_t t,
                      const Target<S>& to) {
  constexpr int64_t kWide = kLanesOf<S>, kStrip = kStripBytes / static_cast<int64_t>(sizeof(S));
  const int64_t kc = gemm::depth_of_block(depth), group = std::min<int64_t>(t, 4);
  const bool alone = n * depth <= kNear;
  const int64_t most = kStrip / group / kWide * kWide, share = (n + core::threads() - 1) / core::threads();
  const int64_t columns = gemm::ceil_to(std::min(most, alone ? n : std::max<int64_t>(share, 8 * kWide)), kWide);
  for_each(alone, (n + columns - 1) / columns, [&](int64_t task) {
    alignas(64) S sums[kStrip];
    const int64_t first = task * columns, width = std::min(columns, n - first), apart = gemm::ceil_to(width, kWide);
    in_groups(t, [&](auto count, int64_t at) {
      for (int64_t k = 0; k == 0 || k < depth; k += kc) {
        strip<count>(matrix.data + k * matrix.stride + first, matrix.stride, std::min(kc, depth - k),
                     vectors + at * depth + k, depth, width, sums, apart);
        for (int j = 0; j < count; ++j) {
          S* c = to.c + first * to.along + (at + j) * to.across;
          for (int64_t i = 0; i < width; ++i, c += to.along) {
            const S sum = sums[j * apart + i];
            *c = k > 0 ? *c + sum : to.bias ? sum + to.bias[first + i] : sum;
          }
        }
      }
    });
  });
}

/// So many vectors at most are worth it: none for short dot products, more for long ones where gemm.h would have to turn
/// the matrix.
template <class S>
int64_t most(const Factor<S>& matrix, int64_t depth, bool turned) {
  if (!matrix.k_contiguous) return 4;
  return depth < 2 * kLanesOf<S> ? 0 : turned && depth >= kChunk / 2 ? 12 : 4;
}

/// A factor of one column has k along its rows as well.
template <class S>
Factor<S> along_rows(Factor<S> f, int64_t count, int64_t depth) {
  return count == 1 && f.stride == 1 ? Factor<S>{f.data, depth, true} : f;
}

/// The vectors of a factor one after another: where they lie, or copied.
template <class T, class S = typename Factor<T>::Packed>
const S* vectors_of(core::Context& ctx, const Factor<T>& f, int64_t count, int64_t depth) {
  if constexpr (std::is_same_v<T, S>)
    if (f.k_contiguous && f.stride == depth) return f.data;
  S* to = ctx.scratch<S>(static_cast<size_t>(count * depth));
  for (int64_t j = 0; j < count; ++j)
    for (int64_t k = 0; k < depth; ++k)
      to[j * depth + k] = widen(f.data[f.k_contiguous ? j * f.stride + k : k * f.stride + j]);
  return to;
}

template <class T, class S>
void multiply(core::Context& ctx, const Factor<S>& matrix, int64_t n, int64_t depth, const Factor<T>& vectors,
              int64_t t, const Target<S>& to) {
  const S* packed = vectors_of(ctx, vectors, t, depth);
  if (matrix.k_contiguous)
    multiply_rows(ctx, matrix, n, depth, packed, t, to);
  else
    multiply_columns(matrix, n, depth, packed, t, to);
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::thin
