// reduce  x [N,D] to y: sum, mean or max over 'rows' (y [D]), 'columns' (y [N]) or 'all' (y [1])
//   sums in float32 lanes joined in a fixed tree for a row, in float64 over rows; max of a range with NaN is NaN
// argmax  index of the first maximum of each row; a NaN counts as the maximum
// Repeatable to the bit whatever the number of threads.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct Reduce {
  static constexpr const char* signature = "x f32 [N,D] -> y f32 [M]";
  enum Kind : int32_t { sum, mean, max };
  enum Over : int32_t { rows, columns, all };
  struct Options {
    int32_t kind = sum, over = all;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.choice("kind", o.kind, {"sum", "mean", "max"});
    v.choice("over", o.over, {"rows", "columns", "all"});
  }
  static void infer(Shapes& s, const Options& o) {
    s.set('M', o.over == rows ? s['D'] : o.over == columns ? s['N'] : 1);
  }
};

struct Argmax {
  static constexpr const char* signature = "x f32 [N,D] -> index i32 [N]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes&, const Options&) {}
};

}  // namespace striate::op
