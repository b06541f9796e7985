// Currents of simd/winners.h on AMX tiles, for patches that come as bytes: 16 units are the left factor, made anew for
// each minibatch, a group of patches the right one. Patches stay whole numbers, less one near their mean where they are
// centred; what that leaves of the mean is taken off with the sum of the unit's weights, and the factor 1 / |v| comes
// last, on the two currents that are asked for: it changes no rank. Patches of float32 gained 1.0 to 1.24 times by
// their six products of tiles. Included after simd/patches.h.
#pragma once
#include <cstdint>

#include "cpu/simd/amx.h"
#include "cpu/simd/patches.h"
#include "cpu/simd/winners.h"

namespace striate::cpu::STRIATE_SIMD_NS {

/// The units of a minibatch.
struct UnitTiles {
  int64_t k, d, chunks;
  char* at;              // [groups of 16 units][part][chunk] tiles
  float* sum;            // [k rounded up] of a unit's weights
  tiles::Range* ranges;  // of each group

  static constexpr int64_t kFewestNumbers = tiles::kDepth, kFewestPatches = 64;  // from which tiles pay
  static UnitTiles make(core::Context& context, int64_t k, int64_t d) {
    UnitTiles u = {k, d, tiles::chunks_of(d), nullptr, nullptr, nullptr};
    u.at = context.scratch<char>(u.bytes());
    u.sum = context.scratch<float>(u.groups() * tiles::kSide);
    u.ranges = context.scratch<tiles::Range>(u.groups());
    return u;
  }
  int64_t groups() const { return (k + tiles::kSide - 1) / tiles::kSide; }
  /// Rows [from, from + count); from begins a group.
  UnitTiles rows(int64_t from, int64_t count) const {
    const int64_t group = from / tiles::kSide;
    return {count, d, chunks, at + group * 3 * part(), sum + from, ranges + group};
  }
  int64_t part() const { return chunks * tiles::kBytes; }
  int64_t bytes() const { return groups() * 3 * part(); }

  /// `sums` are for patches that are centred.
  void pack(int64_t group, const float* w, bool sums) const {
    char* const to = at + group * 3 * part();
    tiles::Range range;
    for (int64_t row = 0; row < tiles::kSide; ++row) {
      const int64_t unit = group * tiles::kSide + row;
      vf total{};
      for (int64_t chunk = 0; chunk < chunks; ++chunk) {
        vi half[2][3];
        for (int i = 0; i < 2; ++i) {
          const int64_t from = chunk * tiles::kDepth + i * kLanes, left = unit < k ? d - from : 0;
          const vf x = left >= kLanes ? vload(w + unit * d + from)
                       : left > 0     ? vload_part(w + unit * d + from, left)
                                      : vf{};
          range.take(x);
          if (sums) total += x;
          tiles::split(x, half[i]);
        }
        for (int i = 0; i < 3; ++i)
          tiles::store_halves(half[0][i], half[1][i], to + i * part() + chunk * tiles::kBytes + row * 64);
      }
      if (sums) sum[unit] = vsum(total);
    }
    ranges[group] = range;
  }
  bool fits() const {
    tiles::Range range;
    for (int64_t i = 0; i < groups(); ++i) range.take((vf)ranges[i].most);
    return range.fits();
  }
};

/// A group of patches, and the currents that come of it.
struct PatchTiles {
  char* at;                // [vector][chunk] tiles
  float* currents;         // [2][16 units][kGroup]
  const int32_t* whole;    // } [kGroup] of the patches' means
  const float* mean_rest;  // }
  int64_t chunks;
  bool centred;

  static PatchTiles make(core::Context& context, int64_t d, bool centred) {
    const int64_t chunks = tiles::chunks_of(d);
    return {context.scratch<char>(kGroupVectors * chunks * tiles::kBytes),
            context.scratch<float>(2 * tiles::kSide * kGroup),
            nullptr,
            nullptr,
            chunks,
            centred};
  }

  /// Of rows of `wide` bytes, `count` of them.
  void take(const uint8_t* rows, int64_t wide, int64_t count, int vectors) const {
    char* to = at;
    for (int64_t v = 0; v < vectors; ++v)
      for (int64_t chunk = 0; chunk < chunks; ++chunk, to += tiles::kBytes) {
        const int64_t left = wide - chunk * tiles::kDepth;
        const __mmask32 there = left >= tiles::kDepth ? ~0u : (1u << left) - 1;
        vf row[kLanes];
#pragma GCC unroll 16
        for (int lane = 0; lane < kLanes; ++lane) {
          const int64_t i = v * kLanes + lane;
          row[lane] =
              i < count ? bf16_pairs(_mm256_maskz_loadu_epi8(there, rows + i * wide + chunk * tiles::kDepth), whole[i])
                        : vf{};
        }
        exchange_rows<kLanes / 2>(row);
#pragma GCC unroll 16
        for (int pair = 0; pair < kLanes; ++pair) vstore(reinterpret_cast<float*>(to + pair * 64), row[pair]);
      }
  }

 private:
  static STRIATE_INLINE vf bf16_pairs(__m256i x, int32_t less) {
    const __m512i words = _mm512_cvtepu8_epi16(x), offset = _mm512_set1_epi32(less);
    const __m512i first = _mm512_sub_epi32(_mm512_and_si512(words, _mm512_set1_epi32(0xffff)), offset);
    const __m512i second = _mm512_sub_epi32(_mm512_srli_epi32(words, 16), offset);
    const __m512i low = _mm512_srli_epi32(_mm512_castps_si512(_mm512_cvtepi32_ps(first)), 16);
    return (vf)_mm512_or_si512(low, _mm512_castps_si512(_mm512_cvtepi32_ps(second)));
  }
};

/// Both, as simd/winners.h takes currents from them.
struct RankTiles {
  const UnitTiles& units;
  const PatchTiles& patches;

  /// As block_currents. Those of 16 units are made while the 16 before are ranked.
  template <int V>
  STRIATE_INLINE void currents(int64_t k, vf (&sum)[kUnits][V]) const {
    static_assert(tiles::kSide % kUnits == 0);
    const int64_t group = k / tiles::kSide;
    if (k % tiles::kSide == 0) {
      if (group == 0) multiply<V>(0);
      if (group + 1 < units.groups()) multiply<V>(group + 1);
    }
    const float* from = buffer(group) + k % tiles::kSide * V * kLanes;
#pragma GCC unroll 8
    for (int j = 0; j < kUnits; ++j)
#pragma GCC unroll 3
      for (int v = 0; v < V; ++v) sum[j][v] = vload(from + (j * V + v) * kLanes);
    if (!patches.centred) return;
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) {
      const vf rest = vload(patches.mean_rest + v * kLanes);
#pragma GCC unroll 8
      for (int j = 0; j < kUnits; ++j) sum[j][v] = vfma(-rest, vspread(units.sum[k + j]), sum[j][v]);
    }
  }

 private:
  float* buffer(int64_t group) const { return patches.currents + group % 2 * tiles::kSide * kGroup; }

  template <int V>
  STRIATE_INLINE void multiply(int64_t group) const {
    const int64_t part = units.part();
    const tiles::Place left{units.at + group * 3 * part, 64, part, tiles::kBytes, 0};
    const tiles::Place right{patches.at, 64, 0, tiles::kBytes, part};
    tiles::multiply<tiles::Split::left, 1, V>(units.chunks, left, right, buffer(group), V * 64, 0);
  }
};

template <int V>
STRIATE_INLINE void tile_currents(const RankTiles& tiles, int64_t k, vf (&sum)[kUnits][V]) {
  tiles.currents(k, sum);
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
