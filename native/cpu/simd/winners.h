// The best unit and the unit of rank m for a group of patches, without storing their currents. Included after
// simd/vec.h.
// Layout: up to kGroupVectors vectors of patches, a patch in each lane: tile[d][vectors * kLanes]. kUnits rows of w
// meet them in registers, D fused multiply-adds deep, and the ranking is brought up to date as each block of units
// leaves the registers. Rows are read as they lie: a broadcast costs the same from 8 streams as from a packed one, and
// nothing needs repacking.
// Order: current descending, ties to the lowest index, NaN below everything. The fast paths only ever test
// `current > best`, so what is not above -infinity is never taken; a patch that then lacks m units is ranked again by
// `rank_exactly`. Rank 2 keeps two values and two indices in registers. A higher rank keeps the m best values as a
// sorted list through which a new one sinks by max/min, only where some lane beats its last; such currents are logged
// with their unit, and the unit of rank m is found in the log afterwards: the t-th entry equal to the m-th value, t
// being how many of the list equal it.
#pragma once
#include <cstdint>
#include <limits>

#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {

inline constexpr int kGroupVectors = 3;
inline constexpr int kGroup = kGroupVectors * kLanes;
#if STRIATE_SIMD == 4 || defined(__ARM_NEON)
inline constexpr int kUnits = 8;  // 24 sums of 32 registers
#else
inline constexpr int kUnits = 4;  // 12 of 16
#endif
inline constexpr int kShortList = 8;  // ranks up to here keep so many values
inline constexpr float kNever = -std::numeric_limits<float>::infinity();

STRIATE_INLINE vf vbroadcast(float x) {
  return x - vf{};
}  // exact for -0.0f too, so that no addition is left in the code

/// Memory that ranking needs for one thread.
struct RankScratch {
  float* currents;  // [K][kLanes]
  float* list;      // [kGroupVectors][max(m, kShortList)][kLanes]     } only for m > 2
  float* log;       // [kGroupVectors][K][kLanes]     }
  int32_t* unit;    // [kGroupVectors][K]             }
};

#if defined(STRIATE_AMX)
struct RankTiles;  // simd/rank_tiles.h
#endif

struct Units {
  const float* w;  // [K][D]
  int64_t k, d;
  int64_t rank;  // m
#if defined(STRIATE_AMX)
  const RankTiles* tiles = nullptr;  // that give the currents, and `tile` is not used
#endif
};

/// What ranking found for each lane of a group.
struct Winners {
  alignas(64) int32_t first[kGroup], last[kGroup];
  alignas(64) float first_current[kGroup], last_current[kGroup];
};

#if defined(STRIATE_AMX)
template <int V>
void tile_currents(const RankTiles& tiles, int64_t k, vf (&sum)[kUnits][V]);
#endif

/// Currents of units [k, k + kUnits) for the lanes of V vectors. Units past the end repeat the last; the caller drops
/// them.
template <int V>
STRIATE_INLINE void block_currents(const float* tile, const Units& u, int64_t k, vf (&sum)[kUnits][V]) {
#if defined(STRIATE_AMX)
  if (u.tiles) return tile_currents(*u.tiles, k, sum);
#endif
  const float* row[kUnits];
#pragma GCC unroll 8
  for (int j = 0; j < kUnits; ++j) row[j] = u.w + (k + j < u.k ? k + j : u.k - 1) * u.d;
#pragma GCC unroll 8
  for (int j = 0; j < kUnits; ++j)
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) sum[j][v] = vf{};
#pragma GCC unroll 4
  for (int64_t i = 0; i < u.d; ++i) {
    vf x[V];
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) x[v] = vload(tile + (i * V + v) * kLanes);
#pragma GCC unroll 8
    for (int j = 0; j < kUnits; ++j) {
      const vf weight = vbroadcast(row[j][i]);
#pragma GCC unroll 3
      for (int v = 0; v < V; ++v) sum[j][v] = vfma(x[v], weight, sum[j][v]);
    }
  }
}

/// Makes the currents past the last unit too low to be taken.
template <int V>
STRIATE_INLINE void drop_units(int64_t units, vf (&sum)[kUnits][V]) {
#pragma GCC unroll 8
  for (int j = 0; j < kUnits; ++j)
    if (j >= units)
#pragma GCC unroll 3
      for (int v = 0; v < V; ++v) sum[j][v] = vbroadcast(kNever);
}

/// One lane after the other, by the whole order: for the patches with NaN or infinite currents.
template <int V>
static void rank_exactly(const float* tile, const Units& u, const RankScratch& scratch, int v, uint32_t lanes,
                         Winners& out) {
  for (int64_t k = 0; k < u.k; ++k) {
    vf sum{};
    for (int64_t i = 0; i < u.d; ++i) sum = vfma(vload(tile + (i * V + v) * kLanes), vbroadcast(u.w[k * u.d + i]), sum);
    vstore(scratch.currents + k * kLanes, sum);
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    if (!(lanes >> lane & 1)) continue;
    const float* c = scratch.currents + lane;
    const auto before = [&](int64_t a, int64_t b) {  // a stands before b in the order
      const float x = c[a * kLanes], y = c[b * kLanes];
      if (x != x || y != y) return y != y && (x == x || a < b);
      return x > y || (x == y && a < b);
    };
    int64_t at = -1;
    for (int64_t r = 0; r < u.rank; ++r) {
      int64_t next = -1;
      for (int64_t k = 0; k < u.k; ++k)
        if ((at < 0 || before(at, k)) && (next < 0 || before(k, next))) next = k;
      at = next;
      if (r == 0) {
        out.first[v * kLanes + lane] = static_cast<int32_t>(at);
        out.first_current[v * kLanes + lane] = c[at * kLanes];
      }
    }
    out.last[v * kLanes + lane] = static_cast<int32_t>(at);
    out.last_current[v * kLanes + lane] = c[at * kLanes];
  }
}

/// The two best of each lane.
template <int V>
struct BestTwo {
  vf first[V], second[V];
  vi first_unit[V], second_unit[V];

  STRIATE_INLINE void start() {
    for (int v = 0; v < V; ++v) {
      first[v] = second[v] = vbroadcast(kNever);
      first_unit[v] = second_unit[v] = vi{};
    }
  }
  STRIATE_INLINE void take(int v, vf c, vi unit) {
#if STRIATE_SIMD == 4
    const __mmask16 best = _mm512_cmp_ps_mask((__m512)c, (__m512)first[v], _CMP_GT_OQ);
    const __mmask16 good = _mm512_cmp_ps_mask((__m512)c, (__m512)second[v], _CMP_GT_OQ);
    const __m512i next = _mm512_mask_mov_epi32((__m512i)second_unit[v], good, (__m512i)unit);
    second_unit[v] = (vi)_mm512_mask_mov_epi32(next, best, (__m512i)first_unit[v]);
    first_unit[v] = (vi)_mm512_mask_mov_epi32((__m512i)first_unit[v], best, (__m512i)unit);
#else
    const vi best = c > first[v], good = c > second[v];
    second_unit[v] = vselect(best, first_unit[v], vselect(good, unit, second_unit[v]));
    first_unit[v] = vselect(best, unit, first_unit[v]);
#endif
    second[v] = vmax(vmin(first[v], c), second[v]);  // the operands' order lets a NaN current pass by
    first[v] = vmax(c, first[v]);
  }
};

template <int V, class Meanwhile>
static void rank_two(const float* tile, const Units& u, Winners& out, Meanwhile&& meanwhile) {
  BestTwo<V> best;
  best.start();
  vi first_of_block{};
  for (int64_t k = 0; k < u.k; k += kUnits) {
    meanwhile();
    vf sum[kUnits][V];
    block_currents<V>(tile, u, k, sum);
    if (u.k - k < kUnits) drop_units<V>(u.k - k, sum);
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) {
      vi unit = first_of_block;
#pragma GCC unroll 8
      for (int j = 0; j < kUnits; ++j) {
        best.take(v, sum[j][v], unit);
        unit += 1;
      }
    }
    first_of_block += kUnits;
  }
  for (int v = 0; v < V; ++v) {
    vstore(out.first + v * kLanes, best.first_unit[v]);
    vstore(out.last + v * kLanes, best.second_unit[v]);
    vstore(out.first_current + v * kLanes, best.first[v]);
    vstore(out.last_current + v * kLanes, best.second[v]);
  }
}

STRIATE_INLINE bool any_above(vf a, vf b) {
#if STRIATE_SIMD == 4
  return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ) != 0;
#elif STRIATE_SIMD == 3
  return _mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_GT_OQ)) != 0;
#elif defined(__SSE2__)
  return _mm_movemask_ps(_mm_cmpgt_ps((__m128)a, (__m128)b)) != 0;
#elif defined(__ARM_NEON)
  return vmaxvq_u32(vcgtq_f32((float32x4_t)a, (float32x4_t)b)) != 0;
#else
  const vi above = a > b;
  int32_t any = 0;
  for (int i = 0; i < kLanes; ++i) any |= above[i];
  return any != 0;
#endif
}

/// kHeld: length of the list if known when compiled, at least m; it then stays in registers from one current to the
/// next. Else 0.
template <int V, int kHeld, class Meanwhile>
static void rank_many(const float* tile, const Units& u, const RankScratch& scratch, Winners& out,
                      Meanwhile&& meanwhile) {
  const int64_t m = u.rank, held = kHeld ? kHeld : m;
  int64_t logged[V] = {};
  vi first_unit[V];
  for (int v = 0; v < V; ++v) {
    first_unit[v] = vi{};
    for (int64_t r = 0; r < held; ++r) vstore(scratch.list + (v * held + r) * kLanes, vbroadcast(kNever));
  }
  for (int64_t k = 0; k < u.k; k += kUnits) {
    meanwhile();
    vf sum[kUnits][V];
    block_currents<V>(tile, u, k, sum);
    alignas(64) float block[kUnits * V * kLanes];
    uint32_t events[V];  // one bit for each current of the block: some lane of it beats its m-th value
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) {
      const vf last = vload(scratch.list + (v * held + m - 1) * kLanes);
      events[v] = 0;
#pragma GCC unroll 8
      for (int j = 0; j < kUnits; ++j) {
        vstore(block + (j * V + v) * kLanes, sum[j][v]);
        events[v] |= static_cast<uint32_t>(any_above(sum[j][v], last)) << j;
      }
    }
    const uint32_t exist = u.k - k < kUnits ? (1u << (u.k - k)) - 1 : ~0u;
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) {
      uint32_t left = events[v] & exist;
      if (!left) continue;
      float* const list = scratch.list + v * held * kLanes;
      float* log = scratch.log + (v * u.k + logged[v]) * kLanes;
      int32_t* log_unit = scratch.unit + v * u.k + logged[v];
      logged[v] += __builtin_popcount(left);
      vf best[kHeld + 1];
#pragma GCC unroll 8
      for (int r = 0; r < kHeld; ++r) best[r] = vload(list + r * kLanes);
      for (; left; left &= left - 1, log += kLanes) {
        const int j = __builtin_ctz(left);
        vf c = vload(block + (j * V + v) * kLanes);
        vstore(log, c);
        *log_unit++ = static_cast<int32_t>(k + j);
        first_unit[v] = vselect(c > (kHeld ? best[0] : vload(list)), vset(static_cast<int32_t>(k + j)), first_unit[v]);
        // The order of the operands lets a NaN current pass by, as above.
#pragma GCC unroll 8
        for (int r = 0; r < kHeld; ++r) {
          const vf old = best[r];
          best[r] = vmax(c, old);
          c = vmin(old, c);
        }
        if constexpr (kHeld == 0)
          for (int64_t r = 0; r < m; ++r) {
            const vf old = vload(list + r * kLanes);
            vstore(list + r * kLanes, vmax(c, old));
            c = vmin(old, c);
          }
      }
#pragma GCC unroll 8
      for (int r = 0; r < kHeld; ++r) vstore(list + r * kLanes, best[r]);
    }
  }
  for (int v = 0; v < V; ++v) {
    const float* list = scratch.list + v * held * kLanes;
    const vf last = vload(list + (m - 1) * kLanes);
    vi left{}, last_unit{};
    for (int64_t r = 0; r < m; ++r) left -= vload(list + r * kLanes) == last;
    for (int64_t n = 0; n < logged[v]; ++n) {
      const vi equal = vload(scratch.log + (v * u.k + n) * kLanes) == last;
      left += equal;
      last_unit = vselect(equal & (left == 0), vset(scratch.unit[v * u.k + n]), last_unit);
    }
    vstore(out.first + v * kLanes, first_unit[v]);
    vstore(out.last + v * kLanes, last_unit);
    vstore(out.first_current + v * kLanes, vload(list));
    vstore(out.last_current + v * kLanes, last);
  }
}

/// Ranks the units for the first `count` patches of a tile of V vectors; `meanwhile()` runs once for each block of
/// units.
template <int V, class Meanwhile>
static void rank_units(const float* tile, int64_t count, const Units& u, const RankScratch& scratch, Winners& out,
                       Meanwhile&& meanwhile) {
  if (u.rank == 2)
    rank_two<V>(tile, u, out, meanwhile);
  else if (u.rank <= kShortList)
    rank_many<V, kShortList>(tile, u, scratch, out, meanwhile);
  else
    rank_many<V, 0>(tile, u, scratch, out, meanwhile);
  for (int v = 0; v < V; ++v) {
    int32_t lacking = 0;
    for (int lane = 0; lane < kLanes; ++lane) lacking |= !(out.last_current[v * kLanes + lane] > kNever);
    if (!lacking) continue;
    uint32_t lanes = 0;
    for (int lane = 0; lane < kLanes; ++lane)
      if (v * kLanes + lane < count && !(out.last_current[v * kLanes + lane] > kNever)) lanes |= 1u << lane;
    if (lanes) rank_exactly<V>(tile, u, scratch, v, lanes, out);
  }
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
