// Which patches of a minibatch change which rows of w, found by a team of threads that share the rows out: pairs of a
// unit and its current for each patch, merged from several shares, and sorted by unit. Included after simd/winners.h.
#pragma once
#include <cstdint>

#include "core/context.h"

#include "cpu/simd/winners.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// Of each patch the winner [0] and the unit of rank m [1], -1 for none. All arrays are whole vectors.
struct Pairs {
  int32_t* unit[2];
  float* current[2];

  static Pairs make(core::Context& context, int64_t vectors) {
    const int64_t n = vectors * kLanes;
    return {{context.scratch<int32_t>(n), context.scratch<int32_t>(n)},
            {context.scratch<float>(n), context.scratch<float>(n)}};
  }
};

/// Rows of w [from, from + count), and what a minibatch finds for them. One thread at a time works on it.
struct alignas(64) Share {
  int64_t from, count;
  Pairs pairs;  // what these rows alone gave, or all
  int64_t *own,
      *sorted;   // [2 B + 1] its entries: e is unit e % 2 of patch e / 2; and by row, in the order of the batch
  int32_t* row;  // [2 B + 1] of each of its own
  int64_t *number, *end;  // [count] of the entries of a row
  int64_t* hit;           // [count + 1] the rows that have entries
  int64_t hits;
  int64_t* won;         // [count]
  double *gain, *norm;  // [count]
  float largest;        // change

  static Share make(core::Context& context, int64_t from, int64_t end, int64_t batch) {
    Share s = {};
    s.from = from;
    s.count = end - from;
    s.own = context.scratch<int64_t>(2 * batch + 1);
    s.sorted = context.scratch<int64_t>(2 * batch + 1);
    s.row = context.scratch<int32_t>(2 * batch + 1);
    s.number = context.scratch<int64_t>(s.count);
    s.end = context.scratch<int64_t>(s.count);
    s.hit = context.scratch<int64_t>(s.count + 1);
    s.won = context.scratch<int64_t>(s.count);
    s.gain = context.scratch<double>(s.count);
    s.norm = context.scratch<double>(s.count);
    for (int64_t row = 0; row < s.count; ++row) s.number[row] = 0;
    return s;
  }

  /// A counting sort; rows are hit in the order in which they first appear.
  void sort(const Pairs& given, int64_t batch) {
    for (int64_t i = 0; i < hits; ++i) number[hit[i]] = 0;
    const int32_t *const winner = given.unit[0], *const other = given.unit[1];
    const int32_t first = static_cast<int32_t>(from);
    const uint32_t rows = static_cast<uint32_t>(count);
    int64_t entries = 0, found = 0, at = 0;
    const auto take = [&](int64_t e, int32_t unit) {  // without a branch that nobody can foresee
      own[entries] = e;
      row[entries] = unit - first;
      entries += static_cast<uint32_t>(unit - first) < rows;
    };
    for (int64_t i = 0; i < batch; ++i) {
      take(2 * i, winner[i]);
      take(2 * i + 1, other[i]);
    }
    for (int64_t n = 0; n < entries; ++n) {
      hit[found] = row[n];
      found += number[row[n]]++ == 0;
    }
    for (int64_t i = 0; i < found; ++i) {
      end[hit[i]] = at;
      at += number[hit[i]];
    }
    for (int64_t n = 0; n < entries; ++n) sorted[end[row[n]]++] = own[n];
    hits = found;
  }
};

/// The two best of all shares of rows for every patch.
inline void merge(const Share* share, int shares, int64_t vectors, bool alone_wins, const Pairs& to) {
  const auto above = [](vf a, vf b) { return (a > b) | ((a == a) & (b != b)); };  // a of rows after those of b
  for (int64_t at = 0; at < vectors * kLanes; at += kLanes) {
    vi unit[2] = {vload(share->pairs.unit[0] + at), vload(share->pairs.unit[1] + at)};
    vf current[2] = {vload(share->pairs.current[0] + at), vload(share->pairs.current[1] + at)};
    for (int i = 1; i < shares; ++i) {
      const Pairs& p = share[i].pairs;
      const vi other[2] = {vload(p.unit[0] + at), vload(p.unit[1] + at)};
      const vf theirs[2] = {vload(p.current[0] + at), vload(p.current[1] + at)};
      const vi best = above(theirs[0], current[0]);
      const vf left = vselect(best, current[0], current[1]), rival = vselect(best, theirs[1], theirs[0]);
      const vi second = above(rival, left);
      unit[1] = vselect(second, vselect(best, other[1], other[0]), vselect(best, unit[0], unit[1]));
      current[1] = vselect(second, rival, left);
      unit[0] = vselect(best, other[0], unit[0]);
      current[0] = vselect(best, theirs[0], current[0]);
    }
    vstore(to.unit[0] + at, unit[0]);
    vstore(to.unit[1] + at, alone_wins ? vset(-1) : unit[1]);
    vstore(to.current[0] + at, current[0]);
    vstore(to.current[1] + at, current[1]);
  }
}

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
