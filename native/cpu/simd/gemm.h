// c = a b (+ bias), or c += a b: a [M,K] and b [K,N], float32 or bf16 with c float32 or float64, or all three float64;
// either transposed. Included after simd/begin.h.
// Layout: one tile of c (kRows x kColumns) stays in registers over a block of at most kDepth k's. b is packed in panels
// of kColumns columns, k outermost; a block of it (kBlockBytes) lives in L2 and is gone through once for each panel of
// kRows rows of a. Those are read in place where k runs along them (what the next panel reads is fetched meanwhile), or
// else packed. A small b (kNearBytes) that lies as panels do is read in place too.
// Numerics: each block of k's is summed from zero in order of k, and the blocks are added in order: they depend on K
// alone, so the bits depend neither on the number of threads nor on which tile a thread takes.
// On Sapphire Rapids the tiles alone run at some nine tenths of the FMA peak where c lies on huge pages. What is left to
// lose is the packing of b, in whole rows of a block. Prefetches of b within a tile gained nothing there.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "core/context.h"
#include "core/parallel.h"

#include "cpu/simd/gemm_factors.h"

namespace striate::cpu::STRIATE_SIMD_NS::gemm {
namespace {

/// Where a tile goes. `bias` (of the tile's first column) is added where the tile starts, `add` continues from what is
/// there.
template <class S>
struct Target {
  S* c;
  int64_t stride;
  const S* bias;
  bool add;
};

/// What a tile reads of a: number k of row r is data[r * row + k * step]. Of b: a row of numbers, `step` apart.
template <class S>
struct Rows {
  const S* data;
  int64_t row, step;
};
template <class S>
struct Columns {
  const S* data;
  int64_t step;
};

/// Products in S and sums in C: in float64 over float32 products, sums of kRun of these stay in float32.
template <class S, class C>
using Tile = void (*)(int64_t kc, const Rows<S>& a, const Columns<S>& b, const Target<C>& to, int rows, int columns);
constexpr int64_t kRun = 64;
constexpr int64_t kAlone = 1 << 19;  // multiplications for which it is not worth waking another thread

template <class S, class C, int R, int V>
void tile(int64_t kc, const Rows<S>& a, const Columns<S>& b, const Target<C>& to, int rows, int columns) {
  using Vector = typename Numbers<S>::Vector;
  constexpr int kWide = kLanesOf<S>;
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) __builtin_prefetch(to.c + std::min(r, rows - 1) * to.stride + v * kWide);
  const S *x[R], *y = b.data;
  for (int r = 0; r < R; ++r) x[r] = a.data + std::min(r, rows - 1) * a.row;
  int64_t at = 0;
  const auto accumulate = [&](int64_t depth, Vector(&sum)[R][V]) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int64_t k = 0; k < depth; ++k, at += a.step, y += b.step) {
      Vector line[V];
      for (int v = 0; v < V; ++v) line[v] = vload(y + v * kWide);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const Vector one = vspread(x[r][at]);
        for (int v = 0; v < V; ++v) sum[r][v] = vfma(one, line[v], sum[r][v]);
      }
    }
  };
  C edge[R][V * kWide];
  if constexpr (std::is_same_v<S, C>) {
    Vector sum[R][V] = {};
    accumulate(kc, sum);
    if (columns == V * kWide) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        if (r >= rows) return;
        S* c = to.c + r * to.stride;
        for (int v = 0; v < V; ++v) {
          Vector s = sum[r][v];
          if (to.add)
            s = vload(c + v * kWide) + s;
          else if (to.bias)
            s = s + vload(to.bias + v * kWide);
          vstore(c + v * kWide, s);
        }
      }
      return;
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) vstore(edge[r] + v * kWide, sum[r][v]);
  } else {
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < 2 * V; ++v) vstore(edge[r] + v * kWide / 2, vd{});
    for (int64_t k = 0; k < kc; k += kRun) {
      Vector sum[R][V] = {};
      accumulate(std::min(kRun, kc - k), sum);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r)
        for (int v = 0; v < V; ++v) {
          vd wide[2];
          widen(sum[r][v], wide);
          C* total = edge[r] + v * kWide;
          vstore(total, vload(total) + wide[0]);
          vstore(total + kWide / 2, vload(total + kWide / 2) + wide[1]);
        }
    }
    if (columns == V * kWide && !to.bias) {
      for (int r = 0; r < rows; ++r)
        for (int v = 0; v < 2 * V; ++v) {
          C* c = to.c + r * to.stride + v * kWide / 2;
          const vd total = vload(edge[r] + v * kWide / 2);
          vstore(c, to.add ? vload(c) + total : total);
        }
      return;
    }
  }
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < columns; ++j) {
      C* c = to.c + r * to.stride + j;
      *c = to.add ? *c + edge[r][j] : to.bias ? edge[r][j] + to.bias[j] : edge[r][j];
    }
}

template <class S, class C, int... I>
constexpr std::array<Tile<S, C>, sizeof...(I)> tile_table(std::integer_sequence<int, I...>) {
  return {tile<S, C, I / kVectors * 2 + 2, I % kVectors + 1>...};
}
/// The tile kernel for that many rows (rounded up to an even number) and columns.
template <class S, class C>
Tile<S, C> tile_for(int rows, int columns) {
  static constexpr auto kTiles = tile_table<S, C>(std::make_integer_sequence<int, kRows / 2 * kVectors>());
  return kTiles[static_cast<size_t>((rows - 1) / 2 * kVectors + (columns - 1) / kLanesOf<S>)];
}

/// A panel of a (`rows` rows) times n columns of b, `apart` numbers from one panel of these to the next, meanwhile(i,
/// tiles) before each tile. Tiles that lie wholly left of column `below` are left out.
template <class S, class C, class F>
void tiles(int64_t rows, int64_t n, int64_t kc, const Rows<S>& a, const Columns<S>& b, int64_t apart,
           const Target<C>& to, int64_t below, F&& meanwhile) {
  constexpr int64_t kWide = kColumns<S>;
  const int64_t first = std::max<int64_t>(0, below) / kWide, count = (n + kWide - 1) / kWide;
  for (int64_t i = first; i < count; ++i) {
    const int64_t j = i * kWide;
    const int height = static_cast<int>(rows), columns = static_cast<int>(std::min(kWide, n - j));
    meanwhile(i - first, count - first);
    const Target<C> at{to.c + j, to.stride, to.bias ? to.bias + j : nullptr, to.add};
    tile_for<S, C>(height, columns)(kc, a, {b.data + i * apart, b.step}, at, height, columns);
  }
}

inline int64_t ceil_to(int64_t n, int64_t step) { return (n + step - 1) / step * step; }
/// k's that are summed from zero: as even as possible.
inline int64_t depth_of_block(int64_t depth) {
  const int64_t blocks = std::max<int64_t>(1, (depth + kDepth - 1) / kDepth);
  return std::max<int64_t>(1, (depth + blocks - 1) / blocks);
}

/// f(slot, i) for each i in [0, count), by as many workers as `slots`: a slot is a worker's own scratch memory.
template <class F>
void by_slots(int64_t slots, int64_t count, F&& f) {
  std::atomic<int64_t> next{0};
  core::parallel_for(slots, [&](int64_t slot) {
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) f(slot, i);
  });
}

struct Update {
  bool add = false;    // c += a b rather than c = a b
  bool upper = false;  // only the tiles that reach the diagonal or above; below it c is unspecified
};

/// c [M,N], row stride `c_stride`; bias [N] or null.
template <class A, class B, class C>
void multiply(core::Context& ctx, int64_t m, int64_t n, int64_t depth, const A& a, const B& b,
              const std::type_identity_t<C>* bias, C* c, int64_t c_stride, Update update = {}) {
  using S = typename A::Packed;
  if (m <= 0 || n <= 0) return;
  constexpr int64_t kWide = kColumns<S>;
  const int64_t kc = depth_of_block(depth), threads = core::threads();
  // Few rows: each task packs and uses its own columns of b, and its own rows of a where there are more threads than
  // columns. Else b is packed in blocks of columns, and each task packs and uses its own rows of a: a panel at a time, or
  // all where k does not run along them.
  const bool few = m <= kBlockRows;
  const int64_t most =
      std::max<int64_t>(1, (few ? kChunkBytes : kBlockBytes) / static_cast<int64_t>(sizeof(S)) / (kc * kWide)) * kWide;
  const int64_t wanted = few && m * n * depth > kAlone ? threads : 1;
  const bool by_rows = n < 2 * kWide * wanted;
  const int64_t parts = std::max((n + most - 1) / most, by_rows ? 1 : wanted),
                columns = ceil_to((n + parts - 1) / parts, kWide), blocks = (n + columns - 1) / columns;
  const int64_t share = by_rows ? (wanted + blocks - 1) / blocks : 1;  // tasks that a block of columns is for, if few
  const int64_t most_rows =
      std::clamp(ceil_to((m + 2 * threads - 1) / (2 * threads), kRows), 4 * int64_t{kRows}, kBlockRows);
  const int64_t rows = few ? ceil_to((m + share - 1) / share, 2 * kRows) : most_rows;
  const int64_t panels = (m + rows - 1) / rows, tasks = few ? blocks * panels : panels,
                slots = std::min(threads, tasks);
  // Where k runs along its rows a is read in place: each number of it goes to as many tiles as b has panels.
  const bool there = k_contiguous(a) && in_place(a, 0, 0);
  const bool small = few && !k_contiguous(b) && in_place(b, 0, 0) && n % kLanesOf<S> == 0 &&
                     n * depth * static_cast<int64_t>(sizeof(S)) <= kNearBytes;
  S* packed_a = there ? nullptr : ctx.scratch<S>(slots * ceil_to(rows, kRows) * kc);
  S* packed_b = small ? nullptr : ctx.scratch<S>((few ? slots : 1) * columns * kc);
  const auto by_blocks = [&](auto&& f) {
    for (int64_t k0 = 0; k0 == 0 || k0 < depth; k0 += kc) f(k0, std::min(kc, depth - k0));
  };
  // Rows [row, end) of which `packed` holds those from `first` on.
  const auto product = [&](int64_t first, int64_t row, int64_t end, int64_t j, int64_t width, int64_t k0, int64_t k,
                           const S* packed, const Columns<S>& columns_of, int64_t apart) {
    const int64_t height = std::min<int64_t>(kRows, end - row);
    const Target<C> to{c + row * c_stride + j, c_stride, bias ? bias + j : nullptr, k0 > 0 || update.add};
    const Rows<S> rows_of =
        there ? Rows<S>{in_place(a, row, k0), a.stride, 1} : Rows<S>{packed + (row - first) * k, 1, kRows};
    tiles<S, C>(height, width, k, rows_of, columns_of, apart, to, update.upper ? row - j : 0,
                [&](int64_t part, int64_t parts) {
                  if (there && (!few || parts == 1) && row + 2 * kRows <= end)
                    fetch(a, row + kRows, k0, k, part, parts);
                });
  };
  const auto pack_rows = [&](int64_t slot, int64_t first, int64_t end, int64_t k0, int64_t k) -> const S* {
    S* own = there ? nullptr : packed_a + slot * ceil_to(rows, kRows) * kc;
    if (own) pack<kRows>(a, first, end, k0, k, own, kRows * k);
    return own;
  };
  if (few) {
    by_slots(slots, tasks, [&](int64_t slot, int64_t i) {
      const int64_t j = i / panels * columns, width = std::min(columns, n - j);
      const int64_t first = i % panels * rows, end = std::min(m, first + rows);
      by_blocks([&](int64_t k0, int64_t k) {
        const S* own_a = pack_rows(slot, first, end, k0, k);
        S* own = small ? nullptr : packed_b + slot * columns * kc;
        if (own) pack<kWide>(b, j, j + width, k0, k, own, kWide * k);
        const Columns<S> columns_of = own ? Columns<S>{own, kWide} : Columns<S>{in_place(b, j, k0), b.stride};
        for (int64_t row = first; row < end; row += kRows)
          product(first, row, end, j, width, k0, k, own_a, columns_of, own ? kWide * k : kWide);
      });
    });
    return;
  }
  for (int64_t j = 0; j < n; j += columns) {
    const int64_t width = std::min(columns, n - j);
    by_blocks([&](int64_t k0, int64_t k) {
      if (k_contiguous(b))
        core::parallel_for((width + kWide - 1) / kWide, [&](int64_t i) {
          pack<kWide>(b, j + i * kWide, std::min(j + width, j + (i + 1) * kWide), k0, k, packed_b + i * kWide * k, 0);
        });
      else
        core::parallel_for((k + kStep - 1) / kStep, [&](int64_t i) {
          pack<kWide>(b, j, j + width, k0 + i * kStep, std::min(kStep, k - i * kStep), packed_b + i * kStep * kWide,
                      kWide * k);
        });
      by_slots(slots, tasks, [&](int64_t slot, int64_t i) {
        const int64_t first = i * rows, end = std::min({m, first + rows, update.upper ? j + width : m});
        if (first >= end) return;
        const S* own = pack_rows(slot, first, end, k0, k);
        for (int64_t row = first; row < end; row += kRows)
          product(first, row, end, j, width, k0, k, own, Columns<S>{packed_b, kWide}, kWide * k);
      });
    });
  }
}

/// Copies what is above the diagonal of c [N,N] below it.
template <class S>
void mirror_upper(int64_t n, S* c, int64_t stride) {
  constexpr int64_t kSide = 32;
  const int64_t sides = (n + kSide - 1) / kSide;
  core::parallel_for(sides, [&](int64_t side) {
    const int64_t top = side * kSide, bottom = std::min(n, top + kSide);
    for (int64_t left = 0; left <= top; left += kSide)
      for (int64_t i = top; i < bottom; ++i)
        for (int64_t j = left; j < std::min(i, left + kSide); ++j) c[i * stride + j] = c[j * stride + i];
  });
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::gemm
