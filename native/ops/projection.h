// sparse_projection  a matrix [rows,width] by rows, as sparse_matmul takes it, each of whose entries is, apart from the
//                    others, + or - `value`, else 0: values [M], columns [M], offsets [E], M = `room` entries, of which
//                    those behind the last offset are 0
// The entries are walked in one row. Philox under (counter, kStream, seed) gives three of them: the gap from an entry to
// the next is 1 and as many of bounds [G] (in 32 bits, unsigned, none above the one before) as are above word i, which
// takes any distribution of gaps; an entry is positive where bit i of the last word is 1.
// A room too small is a data fault. Repeatable to the bit, and the same on all devices.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct SparseProjection {
  static constexpr const char* signature = "bounds i32 [G] -> values f32 [M], columns i32 [M], offsets i32 [E]";
  static constexpr uint32_t kStream = 0x70726f6a;
  struct Options {
    int64_t rows = 1, width = 1, room = 1, seed = 0;
    double value = 1;
    int64_t end() const { return rows * width; }
  };
  static void options(OptionVisitor& v, Options& o) {
    constexpr int64_t most = (int64_t(1) << 31) - 2;
    v.integer("rows", o.rows, 1, most);
    v.integer("width", o.width, 1, most);
    v.integer("room", o.room, 1, most);
    v.integer("seed", o.seed, 0, (int64_t(1) << 53) - 1);
    v.real("value", o.value, -3e38, 3e38);
  }
  static void infer(Shapes& s, const Options& o) {
    s.set('M', o.room);
    s.set('E', o.rows + 1);
  }
  /// `last`: place of the last entry that there is room for.
  static void check_room(int64_t last, const Options& o) {
    if (last < o.end())
      throw core::Error(core::ErrorKind::data, "sparse_projection", "room", std::to_string(o.room),
                        "more, for entries from place " + std::to_string(last) + " to " + std::to_string(o.end()));
  }
};

}  // namespace striate::op
