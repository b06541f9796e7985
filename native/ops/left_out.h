// weigh_rows       rows of x [T,K] times each row of shares [L,K] in turn: y [LT,K], y[l T + t, k] = shares[l,k] x[t,k]
// left_out_scores  Pearson's r [L,T] of what L fits of T targets predict for N images that are left out of them, with
//                  what was measured. Row l T + t of residual [LT,N] holds e, the residuals of target t (with option
//                  `rest` less the measured, which is then added), and inverses [L,N] what they grow by where an image is
//                  left out: predicted are measured - inverse e. measured [T,N] is centred. A prediction that is the
//                  same for all images but for rounding (1e-14 of its largest) has r = 0; r is NaN where measured is 0
//                  throughout or a product is NaN.
// Numerics: float64; one rounding an element, and sums over N. Repeatable to the bit whatever the number of threads.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct WeighRows {
  static constexpr const char* signature = "x f64 [T,K], shares f64 [L,K] -> y f64 [R,K]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes& s, const Options&) { s.set('R', s['L'] * s['T']); }
};

struct LeftOutScores {
  static constexpr const char* signature = "residual f64 [R,N], measured f64 [T,N], inverses f64 [L,N] -> r f64 [L,T]";
  static constexpr double kConstant = 1e-14;
  struct Options {
    bool rest = false;
  };
  static void options(OptionVisitor& v, Options& o) { v.flag("rest", o.rest); }
  static void infer(Shapes& s, const Options&) {
    if (s['R'] != s['L'] * s['T'])
      s.refuse("residual", core::shape_text(s.input("residual")),
               std::to_string(s['L'] * s['T']) + " rows, one for each of inverses and measured");
  }
};

}  // namespace striate::op
