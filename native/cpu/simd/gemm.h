// c = a b (+ bias): a [M,K] and b [K,N], float32 or bf16, either transposed; c float32. Included after simd/begin.h.
// Layout: a in panels of kRows rows and b in panels of kColumns columns, k outermost; one tile of c (kRows x kColumns)
// stays in registers over a block of at most kDepth k's. A block of a (kBlockRows) lives in L2, panels of b stream
// through L1, fetched ahead. Numerics: each block of k's is summed from zero in order of k, and the blocks are added in
// order: they depend on K alone, so the bits depend neither on the number of threads nor on which tile a thread takes.
// On Zen 5 with AVX-512, 8 x 48 and long blocks won over 14 x 32 by 384: with rows of c a power of two apart, 14 of
// them do not fit the ways of one L1 set. Of OpenBLAS 0.3.21 at 1024 and 2048 square, on a busy machine: 0.95-1.00 and
// 0.90-0.97, against 0.89-0.93 and 0.82-0.89.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/context.h"
#include "core/parallel.h"

#include "cpu/simd/widen.h"

namespace striate::cpu::STRIATE_SIMD_NS::gemm {
namespace {

#if STRIATE_SIMD == 4
constexpr int kRows = 8, kVectors = 3;  // 24 of 32 registers accumulate
constexpr int64_t kDepth = 1024, kBlockRows = 14 * kRows;
#else
constexpr int kRows = 6, kVectors = 2;  // 12 of 16
constexpr int64_t kDepth = 384, kBlockRows = 20 * kRows;
#endif
constexpr int kColumns = kVectors * kLanes;
constexpr int64_t kBlockColumns = 480, kChunk = 96 << 10, kStretch = 4096;

/// a or b. `x` stands for a row of a or a column of b; element (x, k) is data[x * stride + k] where k is contiguous,
/// else data[k * stride + x].
template <class T>
struct Factor {
  const T* data;
  int64_t stride;
  bool k_contiguous;
};

using f4 = float __attribute__((vector_size(16)));

STRIATE_INLINE f4 load4(const float* p) {
  f4 v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
STRIATE_INLINE f4 load4(const uint16_t* p) { return f4{widen(p[0]), widen(p[1]), widen(p[2]), widen(p[3])}; }

/// One panel: dst[k * W + x] for x in [0, width), zero beyond.
template <int W, class T>
void pack_panel(const Factor<T>& f, int64_t x0, int width, int64_t k0, int64_t kc, float* dst) {
  if (width < W) {
    for (int64_t k = 0; k < kc; ++k)
      for (int x = 0; x < W; ++x)
        dst[k * W + x] = x >= width       ? 0.0f
                         : f.k_contiguous ? widen(f.data[(x0 + x) * f.stride + k0 + k])
                                          : widen(f.data[(k0 + k) * f.stride + x0 + x]);
    return;
  }
  if (!f.k_contiguous) {
    const T* p = f.data + k0 * f.stride + x0;
    for (int64_t k = 0; k < kc; ++k, p += f.stride) {
      float* to = dst + k * W;
      int x = 0;
      for (; x + kLanes <= W; x += kLanes) vstore(to + x, load_lanes(p + x));
      for (; x < W; ++x) to[x] = widen(p[x]);
    }
    return;
  }
  // Transposed by 4 x 4, eight cache lines of each of four rows at a time: with a stride of a power of two more rows
  // would share a cache set, and shorter runs leave the prefetcher behind.
  const T* p = f.data + x0 * f.stride + k0;
  int64_t k = 0;
  for (; k + 4 <= kc; k += 128) {
    const int64_t end = std::min<int64_t>(k + 128, kc - 3);
    for (int x = 0; x + 4 <= W; x += 4)
      for (int64_t i = k; i < end; i += 4) {
        const T* q = p + x * f.stride + i;
        const f4 a = load4(q), b = load4(q + f.stride), c = load4(q + 2 * f.stride), d = load4(q + 3 * f.stride);
        const f4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
        const f4 ef = __builtin_shufflevector(a, b, 2, 6, 3, 7), gh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
        const f4 r[4] = {__builtin_shufflevector(ab, cd, 0, 1, 4, 5), __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
                         __builtin_shufflevector(ef, gh, 0, 1, 4, 5), __builtin_shufflevector(ef, gh, 2, 3, 6, 7)};
        for (int j = 0; j < 4; ++j) std::memcpy(dst + (i + j) * W + x, &r[j], sizeof(f4));
      }
    for (int x = W / 4 * 4; x < W; ++x)
      for (int64_t i = k; i < end; i += 4) {
        const f4 a = load4(p + x * f.stride + i);
        for (int j = 0; j < 4; ++j) dst[(i + j) * W + x] = a[j];
      }
  }
  for (k = kc / 4 * 4; k < kc; ++k)
    for (int x = 0; x < W; ++x) dst[k * W + x] = widen(p[x * f.stride + k]);
}

/// Panels [x0, x1) of the factor, one after the other, kc * W floats each.
template <int W, class T>
void pack(const Factor<T>& f, int64_t x0, int64_t x1, int64_t k0, int64_t kc, float* dst) {
  for (int64_t x = x0; x < x1; x += W, dst += kc * W)
    pack_panel<W>(f, x, static_cast<int>(std::min<int64_t>(W, x1 - x)), k0, kc, dst);
}

/// Where a tile goes. `bias` (of the tile's first column) is added where the tile starts, `add` continues from the
/// block before.
struct Target {
  float* c;
  int64_t stride;
  const float* bias;
  bool add;
};

using Tile = void (*)(int64_t kc, const float* a, const float* b, const Target& to, int rows, int columns);

template <int R, int V>
void tile(int64_t kc, const float* a, const float* b, const Target& to, int rows, int columns) {
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) __builtin_prefetch(to.c + std::min(r, rows - 1) * to.stride + v * kLanes);
  vf sum[R][V] = {};
#pragma GCC unroll 4
  for (int64_t k = 0; k < kc; ++k) {
    vf y[V];
    __builtin_prefetch(a + 16 * kRows);
    for (int v = 0; v < V; ++v) __builtin_prefetch(b + 6 * kColumns + v * kLanes);
    for (int v = 0; v < V; ++v) y[v] = vload(b + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const vf x = vspread(a[r]);
      for (int v = 0; v < V; ++v) sum[r][v] = vfma(x, y[v], sum[r][v]);
    }
    a += kRows;
    b += kColumns;
  }
  if (columns == V * kLanes) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      if (r >= rows) return;
      float* c = to.c + r * to.stride;
      for (int v = 0; v < V; ++v) {
        vf s = sum[r][v];
        if (to.add)
          s = vload(c + v * kLanes) + s;
        else if (to.bias)
          s = s + vload(to.bias + v * kLanes);
        vstore(c + v * kLanes, s);
      }
    }
    return;
  }
  float edge[R][V * kLanes];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) vstore(edge[r] + v * kLanes, sum[r][v]);
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < columns; ++j) {
      float* c = to.c + r * to.stride + j;
      *c = to.add ? *c + edge[r][j] : to.bias ? edge[r][j] + to.bias[j] : edge[r][j];
    }
}

template <int... I>
constexpr std::array<Tile, sizeof...(I)> tile_table(std::integer_sequence<int, I...>) {
  return {tile<I / kVectors * 2 + 2, I % kVectors + 1>...};
}
/// The tile kernel for that many rows (rounded up to an even number) and columns.
inline Tile tile_for(int rows, int columns) {
  static constexpr auto kTiles = tile_table(std::make_integer_sequence<int, kRows / 2 * kVectors>());
  return kTiles[static_cast<size_t>((rows - 1) / 2 * kVectors + (columns - 1) / kLanes)];
}

/// All tiles of packed a (m rows) times packed b (n columns).
inline void block(int64_t m, int64_t n, int64_t kc, const float* a, const float* b, const Target& to) {
  for (int64_t j = 0; j < n; j += kColumns)
    for (int64_t i = 0; i < m; i += kRows) {
      const int rows = static_cast<int>(std::min<int64_t>(kRows, m - i)),
                columns = static_cast<int>(std::min<int64_t>(kColumns, n - j));
      const Target at{to.c + i * to.stride + j, to.stride, to.bias ? to.bias + j : nullptr, to.add};
      tile_for(rows, columns)(kc, a + i * kc, b + j * kc, at, rows, columns);
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

/// c [M,N], row stride `c_stride`, is overwritten; bias [N] or null. The K blocks of a stretch (kStretch) follow each
/// other on one block of c while that is in L2, so that c comes from memory once a stretch.
template <class A, class B>
void multiply(core::Context& ctx, int64_t m, int64_t n, int64_t depth, Factor<A> a, Factor<B> b, const float* bias,
              float* c, int64_t c_stride) {
  if (m <= 0 || n <= 0) return;
  const int64_t blocks = std::max<int64_t>(1, (depth + kDepth - 1) / kDepth);
  const int64_t kc = std::max<int64_t>(1, (depth + blocks - 1) / blocks);
  const int64_t stretch = std::max(kc, std::min(depth, kStretch / kc * kc));
  const int64_t threads = core::threads();
  const bool few = m <= kBlockRows;
  // Few rows: a is packed whole, and each task packs and uses its own columns of b. Else b is packed in blocks of
  // columns, and each task packs and uses its own rows of a.
  const int64_t rows =
      few ? m : std::clamp(ceil_to((m + 2 * threads - 1) / (2 * threads), kRows), 4 * int64_t{kRows}, kBlockRows);
  const int64_t chunk = std::clamp<int64_t>(kChunk / kc * kColumns, 1, 8) * kColumns;
  const int64_t most = few ? chunk : kBlockColumns, parts = (n + most - 1) / most;
  const int64_t columns = few ? most : ceil_to((n + parts - 1) / parts, kColumns);
  const int64_t tasks = few ? parts : (m + rows - 1) / rows, slots = std::min(threads, tasks);
  const int64_t a_size = ceil_to(rows, kRows) * kc + 16 * kRows, b_size = columns * kc;
  float* packed_a = ctx.scratch<float>(few ? ceil_to(rows, kRows) * stretch + 16 * kRows : slots * a_size);
  float* packed_b = ctx.scratch<float>((few ? slots * b_size : columns * stretch) + 16 * kColumns);
  for (int64_t start = 0; start == 0 || start < depth; start += stretch) {
    const int64_t end = std::min(depth, start + stretch);
    const auto for_blocks = [&](auto&& f) {
      for (int64_t k0 = start; k0 == start || k0 < end; k0 += kc) f(k0, std::min(kc, end - k0));
    };
    if (few) {
      for_blocks(
          [&](int64_t k0, int64_t k) { pack<kRows>(a, 0, m, k0, k, packed_a + (k0 - start) * ceil_to(m, kRows)); });
      by_slots(slots, tasks, [&](int64_t slot, int64_t i) {
        const int64_t j = i * columns, width = std::min(columns, n - j);
        float* own = packed_b + slot * b_size;
        for_blocks([&](int64_t k0, int64_t k) {
          pack<kColumns>(b, j, j + width, k0, k, own);
          block(m, width, k, packed_a + (k0 - start) * ceil_to(m, kRows), own,
                Target{c + j, c_stride, bias ? bias + j : nullptr, k0 > 0});
        });
      });
      continue;
    }
    for (int64_t j = 0; j < n; j += columns) {
      const int64_t width = std::min(columns, n - j), panels = (width + kColumns - 1) / kColumns;
      core::parallel_for(panels, [&](int64_t i) {
        for_blocks([&](int64_t k0, int64_t k) {
          pack<kColumns>(b, j + i * kColumns, j + std::min(width, (i + 1) * kColumns), k0, k,
                         packed_b + (k0 - start) * panels * kColumns + i * kColumns * k);
        });
      });
      by_slots(slots, tasks, [&](int64_t slot, int64_t i) {
        const int64_t row = i * rows, height = std::min(rows, m - row);
        float* own = packed_a + slot * a_size;
        for_blocks([&](int64_t k0, int64_t k) {
          pack<kRows>(a, row, row + height, k0, k, own);
          block(height, width, k, own, packed_b + (k0 - start) * panels * kColumns,
                Target{c + row * c_stride + j, c_stride, bias ? bias + j : nullptr, k0 > 0});
        });
      });
    }
  }
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS::gemm
