// The patches of a minibatch of the Hebbian rules, group by group in lanes: rows that are given, or windows gathered
// from images while the group before them is ranked. Included after simd/vec.h.
#pragma once
#include <cstdint>
#include <cstring>

#include "core/random.h"

#include "cpu/simd/patches.h"
#include "cpu/simd/shares.h"
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
struct alignas(64) Bench {
  float* tile;  // [D][kGroup]
  RankScratch rank;
  uint8_t* zero;      // [kGroup], for given patches
  float* rows;        // [B][stride], for gathered patches: its own where it `keeps` a minibatch, else everyone's
  bool keeps;         // all patches of a minibatch
  int64_t kept;       // the last one
  float* patches;     // [kGroup], before they are whitened
  int64_t* offset;    // [kGroup] } of the windows that it gathers next
  int64_t windows;    //          }
  const char* lines;  // of given patches that it asks memory for
  int64_t bytes;      // in them
  Pairs merged;       // of shares of rows
#if defined(STRIATE_AMX)
  PatchTiles tiles;  // of the group, in place of `tile`
  bool tiled;        // if they are wanted: by patches of bytes, where the units have tiles
#endif

  /// For ranking w [K,D] to `rank`; `windows` if patches are gathered, into `rows` where there are some and they serve.
  static Bench make(core::Context& context, int64_t k, int64_t d, int64_t rank, const Groups& groups,
                    const Windows* windows, bool keeps, float* rows) {
    const int64_t wide = windows ? (windows->d() + kLanes - 1) / kLanes * kLanes : 0;
    const int64_t stride = windows ? (d + kLanes - 1) / kLanes * kLanes : 0;
    Bench b = {};
    b.tile = context.scratch<float>(d * kGroup);
    b.zero = context.scratch<uint8_t>(kGroup);
    b.rows = rows && !keeps ? rows : context.scratch<float>(groups.batch * stride);
    b.keeps = keeps;
    b.kept = -1;
    b.patches = context.scratch<float>(kGroup * wide);
    b.offset = context.scratch<int64_t>(kGroup);
    if (keeps) b.merged = Pairs::make(context, groups.vectors);
#if defined(STRIATE_AMX)
    b.tiles = PatchTiles::make(context, d, windows && windows->centre);
#endif
    b.rank.currents = context.scratch<float>(k * kLanes);
    if (rank > 2) {
      b.rank.list = context.scratch<float>(kGroup * (rank > kShortList ? rank : kShortList));
      b.rank.log = context.scratch<float>(kGroup * k);
      b.rank.unit = context.scratch<int32_t>(kGroupVectors * k);
    }
    return b;
  }
};

/// Rows of patches that exist: hebbian_step's.
struct GivenPatches {
  const float* rows;
  int64_t stride, number = 0;
  bool ready = true;

  /// Brings group g into lanes, and says which of its patches are zero. `next` is likely to follow.
  const uint8_t* load(const Groups& groups, int64_t g, int64_t next, int64_t d, Bench& bench) const {
    rows_to_lanes(rows + groups.begin(g) * stride, stride, groups.size(g), d, groups.width(g), bench.tile);
    find_zeros(bench.tile, d, groups.width(g), bench.zero);
    const bool follows = next < groups.count;
    bench.lines = reinterpret_cast<const char*>(rows + (follows ? groups.begin(next) * stride : 0));
    bench.bytes = follows ? groups.size(next) * stride * static_cast<int64_t>(sizeof(float)) : 0;
    return bench.zero;
  }
  /// Asks for the next group's rows, some lines during each block of units.
  auto while_ranking(Bench& bench, int64_t blocks) const {
    const char* p = bench.lines;
    const int64_t lines = (bench.bytes + 63) / 64, step = (lines + blocks - 1) / blocks;
    return [p, end = p + 64 * lines, step]() mutable {
      for (int64_t i = 0; i < step && p < end; ++i, p += 64) __builtin_prefetch(p, 0, 2);
    };
  }
  void gather(const Groups&, int64_t, Bench&) const {}
  void announce(const Groups&, int64_t, bool, Bench&) const {}
  void gather_announced(const Groups&, int64_t, Bench&) const {}
  void complete(const Groups&, Bench&) const {}
  const float* rows_of(const Bench&) const { return rows; }
  const float* factors() const { return nullptr; }
};

/// Windows of images in the order of a shuffled epoch, whitened if that is asked for. While a group is ranked, the one
/// that has its place in the next minibatch is fetched from memory; then it is gathered, once for all threads.
struct GatheredPatches {
  struct Bytes {
    uint8_t* bytes;  // [groups][patches][whole vectors of a patch's numbers], and kApart
    uint8_t* zero;   // [B], and all below: Normalised
    int32_t* whole;
    float *rest, *factor;
  };
  Windows windows;
  int64_t stride;
  const core::Permutation* order;
  Bytes minibatch[2];  // even and odd ones
  int64_t number = 0;
  uint64_t at = 0;                      // place in the epoch of its first patch
  bool ready = false, goes_on = false;  // gathered; the next minibatch of the call follows in the same epoch
  const Whitening* whitening = nullptr;

  GatheredPatches(core::Context& context, const Windows& windows, int64_t batch, int64_t d,
                  const core::Permutation* order)
      : windows(windows), stride((d + kLanes - 1) / kLanes * kLanes), order(order) {
    const Groups groups(batch);
    const int64_t places = groups.vectors * kLanes;
    for (Bytes& b : minibatch)
      b = {context.scratch<uint8_t>(groups.count * kApart + places * wide()), context.scratch<uint8_t>(places),
           context.scratch<int32_t>(places), context.scratch<float>(places), context.scratch<float>(places)};
  }

  const uint8_t* load(const Groups& groups, int64_t g, int64_t, int64_t d, Bench& bench) const {
    if (!bench.keeps || bench.kept != number) make_rows(groups, g, bench);
    const Bytes& b = minibatch[number & 1];
    const int64_t first = groups.begin(g);
#if defined(STRIATE_AMX)
    if (bench.tiled) {
      bench.tiles.whole = b.whole + first, bench.tiles.mean_rest = b.rest + first;
      bench.tiles.take(bytes_of(b, groups, g), wide(), groups.size(g), groups.width(g));
      return b.zero + first;
    }
#endif
    rows_to_lanes(bench.rows + first * stride, stride, groups.size(g), d, groups.width(g), bench.tile);
    return b.zero + first;
  }
  auto while_ranking(Bench& bench, int64_t blocks) const {
    const int64_t step = (bench.windows + blocks - 1) / blocks;
    return [this, &bench, step, done = int64_t{0}]() mutable {
      for (int64_t i = 0; i < step && done < bench.windows; ++i, ++done) prefetch_window(windows, bench.offset[done]);
    };
  }
  /// Group g of this minibatch.
  void gather(const Groups& groups, int64_t g, Bench& bench) const {
    find(groups, g, 0, bench);
    take(groups, g, minibatch[number & 1], bench);
  }
  /// Group g of the next one, if it is this bench's and there is one ...
  void announce(const Groups& groups, int64_t g, bool mine, Bench& bench) const {
    bench.windows = 0;
    if (mine && goes_on) find(groups, g, groups.batch, bench);
  }
  /// ... and its windows are in the cache.
  void gather_announced(const Groups& groups, int64_t g, Bench& bench) const {
    if (bench.windows) take(groups, g, minibatch[(number + 1) & 1], bench);
  }
  /// The rows of a bench that keeps a minibatch and comes late.
  void complete(const Groups& groups, Bench& bench) const {
    if (!bench.keeps || bench.kept == number) return;
    for (int64_t g = 0; g < groups.count; ++g) make_rows(groups, g, bench);
    bench.kept = number;
  }
  const float* rows_of(const Bench& bench) const { return bench.rows; }
  const float* factors() const { return minibatch[number & 1].factor; }

 private:
  static constexpr int64_t kApart =
      64;  // bytes: gather_bytes writes past a patch, and the next group is another thread's

  int64_t wide() const { return (windows.d() + kLanes - 1) / kLanes * kLanes; }

  uint8_t* bytes_of(const Bytes& b, const Groups& groups, int64_t g) const {
    return b.bytes + groups.begin(g) * wide() + g * kApart;
  }
  void find(const Groups& groups, int64_t g, int64_t ahead, Bench& bench) const {
    bench.windows = groups.size(g);
    shuffled_offsets(windows, *order, at + static_cast<uint64_t>(ahead + groups.begin(g)),
                     static_cast<int>(bench.windows), bench.offset);
  }
  void take(const Groups& groups, int64_t g, const Bytes& b, const Bench& bench) const {
    const int64_t first = groups.begin(g), numbers = windows.d();
    uint8_t* const bytes = bytes_of(b, groups, g);
    for (int64_t i = 0; i < bench.windows; ++i) {
      gather_bytes(windows, bench.offset[i], bytes + i * wide());
      if (wide() > numbers) std::memset(bytes + i * wide() + numbers, 0, static_cast<size_t>(wide() - numbers));
    }
    for (int64_t i = 0; i < bench.windows; ++i) {
      const Normalised how = measure_bytes(windows, bytes + i * wide(), numbers);
      b.zero[first + i] = how.zero, b.whole[first + i] = how.whole;
      b.rest[first + i] = how.rest, b.factor[first + i] = how.factor;
    }
  }
  void make_rows(const Groups& groups, int64_t g, const Bench& bench) const {
    const Bytes& b = minibatch[number & 1];
    const int64_t first = groups.begin(g), size = groups.size(g);
    float* const to = bench.rows + first * stride;
    float* const patches = whitening ? bench.patches : to;  // in rows of wide() numbers
    for (int64_t i = 0; i < size; ++i) {
      const int64_t j = first + i;
      normalise_bytes(windows, bytes_of(b, groups, g) + i * wide(), windows.d(),
                      {b.whole[j], b.rest[j], b.factor[j], b.zero[j] != 0}, patches + i * wide());
    }
    if (whitening) whitening->apply(patches, wide(), size, to, b.zero + first);
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
