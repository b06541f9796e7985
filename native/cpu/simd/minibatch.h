// The patches of a minibatch of the Hebbian rules, group by group in lanes: rows that are given, or windows gathered
// from images while the group before them is ranked. Included after simd/vec.h.
#pragma once
#include <cstdint>
#include <cstring>

#include "core/random.h"

#include "cpu/simd/patches.h"
#if defined(STRIATE_AMX)
#include "cpu/simd/rank_tiles.h"
#endif
#include "cpu/simd/whiten.h"
#include "cpu/simd/windows.h"
#include "cpu/simd/winners.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// Group g of a batch: whole groups first, and what is left spread evenly (3 + 2 + 2 vectors rather than 3 + 3 + 1).
struct Groups {
  int64_t batch, vectors, whole, count;

  explicit Groups(int64_t batch) : batch(batch), vectors((batch + kLanes - 1) / kLanes) {
    static_assert(kGroupVectors == 3 && kOffsets == kGroup);
    whole = vectors / 3;
    if (vectors % 3 == 1 && whole > 0) --whole;
    count = whole + (vectors - 3 * whole + 1) / 2;
  }
  int64_t first_vector(int64_t g) const { return g <= whole ? 3 * g : 3 * whole + 2 * (g - whole); }
  int width(int64_t g) const {
    return static_cast<int>((g + 1 < count ? first_vector(g + 1) : vectors) - first_vector(g));
  }
  int64_t begin(int64_t g) const { return first_vector(g) * kLanes; }
  int64_t size(int64_t g) const {
    const int64_t end = begin(g) + width(g) * kLanes;
    return (end < batch ? end : batch) - begin(g);
  }
};

/// What one thread ranks with.
struct Bench {
  float* tile;  // [D][kGroup]
  RankScratch rank;
  uint8_t* zero;    // [kGroup]
  uint8_t* bytes;   // [kGroup][whole vectors of a patch's numbers], for gathered patches
  float* patches;   // the same numbers as patches, before they are whitened
  int64_t* offset;  // [kGroup], of the windows of the group that this bench gathers next
  int64_t announced,
      windows;  // that group, -1 for none, and how many windows it has; for rows, which numbers come next
  int index;
#if defined(STRIATE_AMX)
  PatchTiles tiles;  // of the group, in place of `tile`
  bool tiled;        // if they are wanted: by patches of bytes, where the units have tiles
#endif
};

/// Rows of patches that exist: hebbian_step's.
struct GivenPatches {
  const float* rows;
  int64_t stride;

  void load(const Groups& groups, int64_t g, int64_t next, int64_t d, Bench& bench) const {
    rows_to_lanes(rows + groups.begin(g) * stride, stride, groups.size(g), d, groups.width(g), bench.tile);
    find_zeros(bench.tile, d, groups.width(g), bench.zero);
    bench.announced = next < groups.count ? groups.begin(next) * stride : 0;
    bench.windows = next < groups.count ? groups.size(next) * stride : 0;
  }
  /// Asks for the next group's rows, some lines during each block of units.
  auto while_ranking(Bench& bench, int64_t blocks) const {
    const char* p = reinterpret_cast<const char*>(rows + bench.announced);
    const int64_t lines = (bench.windows + 15) / 16, step = (lines + blocks - 1) / blocks;
    return [p, end = p + 64 * lines, step]() mutable {
      for (int64_t i = 0; i < step && p < end; ++i, p += 64) __builtin_prefetch(p, 0, 2);
    };
  }
};

/// Windows of images in the order of a shuffled epoch, whitened if that is asked for. While a group is ranked, the
/// bench's next one is fetched from memory.
struct GatheredPatches {
  Windows windows;
  float* rows;
  int64_t stride;
  const core::Permutation* order;
  uint64_t at;   // place in the epoch of the minibatch's first patch
  bool goes_on;  // the next minibatch of the call follows in the same epoch
  const Whitening* whitening = nullptr;

  void load(const Groups& groups, int64_t g, int64_t next, int64_t d, Bench& bench) const {
    if (bench.announced != g) announce(groups, g, at, bench);
    const int64_t size = groups.size(g), numbers = windows.d(), wide = (numbers + kLanes - 1) / kLanes * kLanes;
    float* const to = rows + groups.begin(g) * stride;
    float* const patches = whitening ? bench.patches : to;  // in rows of `wide` numbers
    for (int64_t i = 0; i < size; ++i) {
      uint8_t* const bytes = bench.bytes + i * wide;
      gather_bytes(windows, bench.offset[i], bytes);
      if (wide > numbers) std::memset(bytes + numbers, 0, static_cast<size_t>(wide - numbers));
    }
    for (int64_t i = 0; i < size; ++i) {
      Normalised how;
      bench.zero[i] = normalise_bytes(windows, bench.bytes + i * wide, numbers, patches + i * wide, how);
#if defined(STRIATE_AMX)
      bench.tiles.whole[i] = how.whole, bench.tiles.mean_rest[i] = how.rest, bench.tiles.factor[i] = how.factor;
#endif
    }
    if (whitening) whitening->apply(patches, wide, size, to, bench.zero);
#if defined(STRIATE_AMX)
    if (bench.tiled)
      bench.tiles.take(bench.bytes, wide, size, groups.width(g));
    else
#endif
      rows_to_lanes(to, stride, size, d, groups.width(g), bench.tile);
    bench.announced = -1;
    if (next < groups.count)
      announce(groups, next, at, bench);
    else if (goes_on)  // every bench starts a minibatch with the group of its own number
      announce(groups, bench.index, at + static_cast<uint64_t>(groups.batch), bench);
  }
  auto while_ranking(Bench& bench, int64_t blocks) const {
    const int64_t step = (bench.windows + blocks - 1) / blocks;
    return [this, &bench, step, done = int64_t{0}]() mutable {
      for (int64_t i = 0; i < step && done < bench.windows; ++i, ++done) prefetch_window(windows, bench.offset[done]);
    };
  }

 private:
  void announce(const Groups& groups, int64_t g, uint64_t base, Bench& bench) const {
    bench.announced = g;
    bench.windows = groups.size(g);
    shuffled_offsets(windows, *order, base + static_cast<uint64_t>(groups.begin(g)), static_cast<int>(bench.windows),
                     bench.offset);
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
