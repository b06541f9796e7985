// c = a b (+ bias), or c += a b: a [M,K] and b [K,N], float32 or bf16 with c float32 or float64, or all three float64;
// either transposed. Included after simd/begin.h.
// Layout: a in panels of kRows rows and b in panels of kColumns columns, k outermost; one tile of c (kRows x kColumns)
// stays in registers over a block of at most kDepth k's. A block of b (kBlockBytes) lives in L2 and is gone through once
// for each panel of a, which is packed just before; what the next panel will be packed from is fetched meanwhile.
// Numerics: each block of k's is summed from zero in order of k, and the blocks are added in order: they depend on K
// alone, so the bits depend neither on the number of threads nor on which tile a thread takes.
// On Sapphire Rapids the tiles alone run at some nine tenths of the FMA peak where c lies on huge pages. What is left to
// lose is packing: of b in whole rows of a block, of a under cover of the tiles. Prefetches of b within a tile gained
// nothing there.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "core/context.h"
#include "core/parallel.h"

#include "cpu/simd/wide.h"
#include "cpu/simd/widen.h"

namespace striate::cpu::STRIATE_SIMD_NS::gemm {
namespace {

#if STRIATE_SIMD == 4
constexpr int kRows = 8, kVectors = 3;  // 24 of 32 registers accumulate
constexpr int64_t kBlockRows = 14 * kRows;
#else
constexpr int kRows = 6, kVectors = 2;  // 12 of 16
constexpr int64_t kBlockRows = 20 * kRows;
#endif
constexpr int64_t kDepth = 384, kBlockBytes = 720 << 10, kChunkBytes = 384 << 10, kStep = 16;

/// What a product in S (the type of c) is made of: vectors, four numbers of one row, and the width of a tile.
template <class S>
struct Numbers;
template <>
struct Numbers<float> {
  using Vector = vf;
  using Four = float __attribute__((vector_size(16)));
};
template <>
struct Numbers<double> {
  using Vector = vd;
  using Four = double __attribute__((vector_size(32)));
};
template <class S>
constexpr int kLanesOf = kLanes * 4 / sizeof(S);
template <class S>
constexpr int kColumns = kVectors * kLanesOf<S>;

/// a or b. `x` stands for a row of a or a column of b; element (x, k) is data[x * stride + k] where k is contiguous,
/// else data[k * stride + x].
template <class T>
struct Factor {
  using Packed = std::conditional_t<sizeof(T) == 8, double, float>;
  const T* data;
  int64_t stride;
  bool k_contiguous;
};
/// Float32 rows (one a k) minus a row in float64, rounded once.
struct Centred {
  using Packed = float;
  const float* data;
  int64_t stride;
  const double* centre;
};

template <class S>
STRIATE_INLINE typename Numbers<S>::Four load4(const S* p) {
  typename Numbers<S>::Four v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
STRIATE_INLINE Numbers<float>::Four load4(const uint16_t* p) {
  return Numbers<float>::Four{widen(p[0]), widen(p[1]), widen(p[2]), widen(p[3])};
}

/// One panel: dst[k * W + x] for x in [0, width), zero beyond.
template <int W, class T, class S>
void pack_panel(const Factor<T>& f, int64_t x0, int width, int64_t k0, int64_t kc, S* dst) {
  using Four = typename Numbers<S>::Four;
  if (!f.k_contiguous) {
    const T* p = f.data + k0 * f.stride + x0;
    for (int64_t k = 0; k < kc; ++k, p += f.stride) {
      S* to = dst + k * W;
      int x = 0;
      for (; x + kLanesOf<S> <= width; x += kLanesOf<S>) vstore(to + x, load_lanes(p + x));
      if (width == W) {
        for (; x < W; x += 4) {  // The last four overlap with others.
          const Four last = load4(p + std::min(x, W - 4));
          std::memcpy(to + std::min(x, W - 4), &last, sizeof last);
        }
        continue;
      }
      for (; x < width; ++x) to[x] = widen(p[x]);
      for (; x < W; ++x) to[x] = 0;
    }
    return;
  }
  // Transposed by 4 x 4, eight cache lines of each of four rows at a time: with a stride of a power of two more rows
  // would share a cache set, and shorter runs leave the prefetcher behind.
  const T* p = f.data + x0 * f.stride + k0;
  const int whole = width / 4 * 4;
  for (int64_t k = 0; k + 4 <= kc; k += 128) {
    const int64_t end = std::min<int64_t>(k + 128, kc - 3);
    for (int x = 0; x < whole; x += 4)
      for (int64_t i = k; i < end; i += 4) {
        const T* q = p + x * f.stride + i;
        const Four a = load4(q), b = load4(q + f.stride), c = load4(q + 2 * f.stride), d = load4(q + 3 * f.stride);
        const Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
        const Four ef = __builtin_shufflevector(a, b, 2, 6, 3, 7), gh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
        const Four r[4] = {__builtin_shufflevector(ab, cd, 0, 1, 4, 5), __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
                           __builtin_shufflevector(ef, gh, 0, 1, 4, 5), __builtin_shufflevector(ef, gh, 2, 3, 6, 7)};
        for (int j = 0; j < 4; ++j) std::memcpy(dst + (i + j) * W + x, &r[j], sizeof(Four));
      }
    for (int x = whole; x < width; ++x)
      for (int64_t i = k; i < end; i += 4) {
        const Four a = load4(p + x * f.stride + i);
        for (int j = 0; j < 4; ++j) dst[(i + j) * W + x] = a[j];
      }
  }
  for (int64_t k = kc / 4 * 4; k < kc; ++k)
    for (int x = 0; x < width; ++x) dst[k * W + x] = widen(p[x * f.stride + k]);
  for (int x = width; x < W; ++x)
    for (int64_t k = 0; k < kc; ++k) dst[k * W + x] = 0;
}

template <int W>
void pack_panel(const Centred& f, int64_t x0, int width, int64_t k0, int64_t kc, float* dst) {
  const double* centre = f.centre + x0;
  const float* p = f.data + k0 * f.stride + x0;
  for (int64_t k = 0; k < kc; ++k, p += f.stride, dst += W) {
    if (width == W) {
      constexpr int kHalf = kLanes / 2;
      for (int x = 0; x < W; x += kHalf) {
        const int at = std::min(x, W - kHalf);  // the last ones overlap with others
        vstore_narrow(dst + at, vload_wide(p + at) - vload(centre + at));
      }
      continue;
    }
    for (int x = 0; x < W; ++x) dst[x] = x < width ? static_cast<float>(static_cast<double>(p[x]) - centre[x]) : 0;
  }
}

template <class T>
STRIATE_INLINE bool k_contiguous(const Factor<T>& f) {
  return f.k_contiguous;
}
STRIATE_INLINE bool k_contiguous(const Centred&) { return false; }

/// Panels [x0, x1) of the factor, `apart` numbers from one to the next. Where a row of memory lies across the panels, all
/// of them take a few rows at a time: with a stride of a power of two more would share a cache set.
template <int W, class F, class S>
void pack(const F& f, int64_t x0, int64_t x1, int64_t k0, int64_t kc, S* dst, int64_t apart) {
  const int64_t step = k_contiguous(f) ? std::max<int64_t>(1, kc) : kStep;
  for (int64_t k = 0; k < kc; k += step) {
    S* to = dst + k * W;
    for (int64_t x = x0; x < x1; x += W, to += apart)
      pack_panel<W>(f, x, static_cast<int>(std::min<int64_t>(W, x1 - x)), k0 + k, std::min(step, kc - k), to);
  }
}

/// Fetches one of `parts` shares of what a panel of kRows rows of a will be packed from.
template <class T>
STRIATE_INLINE void fetch(const Factor<T>& f, int64_t x0, int64_t k0, int64_t kc, int64_t part, int64_t parts) {
  constexpr int64_t kLine = 64 / sizeof(T);
  const int64_t lines = (kc + kLine - 1) / kLine;
  for (int64_t i = lines * part / parts; i < lines * (part + 1) / parts; ++i)
    for (int r = 0; r < kRows; ++r) __builtin_prefetch(f.data + (x0 + r) * f.stride + k0 + i * kLine, 0, 2);
}
STRIATE_INLINE void fetch(const Centred&, int64_t, int64_t, int64_t, int64_t, int64_t) {}

/// Where a tile goes. `bias` (of the tile's first column) is added where the tile starts, `add` continues from what is
/// there.
template <class S>
struct Target {
  S* c;
  int64_t stride;
  const S* bias;
  bool add;
};

/// Products in S and sums in C: in float64 over float32 products, sums of kRun of these stay in float32.
template <class S, class C>
using Tile = void (*)(int64_t kc, const S* a, const S* b, const Target<C>& to, int rows, int columns);
constexpr int64_t kRun = 64;

template <class S, class C, int R, int V>
void tile(int64_t kc, const S* a, const S* b, const Target<C>& to, int rows, int columns) {
  using Vector = typename Numbers<S>::Vector;
  constexpr int kWide = kLanesOf<S>;
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) __builtin_prefetch(to.c + std::min(r, rows - 1) * to.stride + v * kWide);
  const auto accumulate = [&](int64_t depth, Vector(&sum)[R][V]) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int64_t k = 0; k < depth; ++k) {
      Vector y[V];
      for (int v = 0; v < V; ++v) y[v] = vload(b + v * kWide);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const Vector x = vspread(a[r]);
        for (int v = 0; v < V; ++v) sum[r][v] = vfma(x, y[v], sum[r][v]);
      }
      a += kRows;
      b += kColumns<S>;
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

/// One packed panel of a (`rows` rows) times packed b (n columns), meanwhile(i, tiles) before each tile. Tiles that lie
/// wholly left of column `below` are left out.
template <class S, class C, class F>
void tiles(int64_t rows, int64_t n, int64_t kc, const S* a, const S* b, const Target<C>& to, int64_t below,
           F&& meanwhile) {
  constexpr int64_t kWide = kColumns<S>;
  const int64_t first = std::max<int64_t>(0, below) / kWide, count = (n + kWide - 1) / kWide;
  for (int64_t i = first; i < count; ++i) {
    const int64_t j = i * kWide;
    const int height = static_cast<int>(rows), columns = static_cast<int>(std::min(kWide, n - j));
    meanwhile(i - first, count - first);
    const Target<C> at{to.c + j, to.stride, to.bias ? to.bias + j : nullptr, to.add};
    tile_for<S, C>(height, columns)(kc, a, b + j * kc, at, height, columns);
  }
}

inline int64_t ceil_to(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

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
  const int64_t blocks = std::max<int64_t>(1, (depth + kDepth - 1) / kDepth);
  const int64_t kc = std::max<int64_t>(1, (depth + blocks - 1) / blocks), threads = core::threads();
  // Few rows: a is packed whole, and each task packs and uses its own columns of b. Else b is packed in blocks of
  // columns, and each task packs and uses its own rows of a: a panel at a time, or all where k does not run along them.
  const bool few = m <= kBlockRows;
  const int64_t rows =
      few ? m : std::clamp(ceil_to((m + 2 * threads - 1) / (2 * threads), kRows), 4 * int64_t{kRows}, kBlockRows);
  const int64_t most =
      std::max<int64_t>(1, (few ? kChunkBytes : kBlockBytes) / static_cast<int64_t>(sizeof(S)) / (kc * kWide)) * kWide;
  const int64_t parts = (n + most - 1) / most, columns = ceil_to((n + parts - 1) / parts, kWide);
  const int64_t tasks = few ? parts : (m + rows - 1) / rows, slots = std::min(threads, tasks);
  const int64_t together = few || !k_contiguous(a) ? ceil_to(rows, kRows) : kRows;
  S* packed_a = ctx.scratch<S>((few ? 1 : slots) * together * kc);
  S* packed_b = ctx.scratch<S>((few ? slots : 1) * columns * kc);
  const auto by_blocks = [&](auto&& f) {
    for (int64_t k0 = 0; k0 == 0 || k0 < depth; k0 += kc) f(k0, std::min(kc, depth - k0));
  };
  const auto product = [&](int64_t row, int64_t height, int64_t j, int64_t width, int64_t k0, int64_t k, const S* pa,
                           const S* pb, auto&& meanwhile) {
    const Target<C> to{c + row * c_stride + j, c_stride, bias ? bias + j : nullptr, k0 > 0 || update.add};
    tiles<S, C>(height, width, k, pa, pb, to, update.upper ? row - j : 0, meanwhile);
  };
  if (few) {
    by_blocks([&](int64_t k0, int64_t k) {
      pack<kRows>(a, 0, m, k0, k, packed_a, kRows * k);
      by_slots(slots, tasks, [&](int64_t slot, int64_t i) {
        const int64_t j = i * columns, width = std::min(columns, n - j);
        S* own = packed_b + slot * columns * kc;
        pack<kWide>(b, j, j + width, k0, k, own, kWide * k);
        for (int64_t row = 0; row < m; row += kRows)
          product(row, std::min<int64_t>(kRows, m - row), j, width, k0, k, packed_a + row * k, own,
                  [](int64_t, int64_t) {});
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
        const int64_t end = std::min(m, (i + 1) * rows);
        S* own = packed_a + slot * together * kc;
        for (int64_t row = i * rows; row < end && !(update.upper && row >= j + width); row += kRows) {
          const int64_t packed = (row - i * rows) % together;
          if (packed == 0) pack<kRows>(a, row, std::min(end, row + together), k0, k, own, kRows * k);
          product(row, std::min<int64_t>(kRows, end - row), j, width, k0, k, own + packed * k, packed_b,
                  [&](int64_t part, int64_t parts) {
                    if (together == kRows && row + 2 * kRows <= end) fetch(a, row + kRows, k0, k, part, parts);
                  });
        }
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
