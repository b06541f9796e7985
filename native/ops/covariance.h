// covariance        one more chunk of rows x [G,N,D] for the sums of G groups: `count` rows went before; mean [G,D] and
//                   moments [G,D,D] (sums of products of the rows' deviations from it) are brought up to date in place;
//                   with count 0 what they hold is not read
// covariance_merge  the same of two such sums, of disjoint rows: those of `count` take in the others
// With delta = mean of the chunk - mean and w = count N / (count + N):
//   moments += sum (x - mean of the chunk)(x - mean of the chunk)^T + w delta delta^T,  mean += N / (count + N) delta
// (Chan, Golub, LeVeque 1983). Numerics: a row minus its chunk's mean (float64 sums) is rounded once to float32;
// products in float32, whose sums stay there for 64 rows and go on as float64 or as pairs of float32, some 48 bits. So a
// mean far from zero costs nothing: of the Frobenius norm the error is some 2 / sqrt(N / 64) * 2^-24, and no eigenvalue
// falls below rounding. A GPU that is fast in float64 may do all of it there. Symmetric and repeatable to the bit,
// whatever the number of threads; the cut into chunks changes rounding.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct Covariance {
  static constexpr const char* signature = "x f32 [G,N,D], mean& f64 [G,D], moments& f64 [G,D,E]";
  static constexpr int64_t kMost = int64_t(1) << 52;
  struct Options {
    int64_t count = 0;
  };
  static void options(OptionVisitor& v, Options& o) { v.integer("count", o.count, 0, kMost); }
  static void square(const Shapes& s, const char* argument) {
    if (s['E'] != s['D'])
      s.refuse(argument, core::shape_text(s.input(argument)), "[G,D,D] with D = " + std::to_string(s['D']));
  }
  static void infer(Shapes& s, const Options&) { square(s, "moments"); }
};

struct CovarianceMerge {
  static constexpr const char* signature =
      "mean& f64 [G,D], moments& f64 [G,D,E], other f64 [G,D], other_moments f64 [G,D,E]";
  struct Options {
    int64_t count = 0, others = 0;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.integer("count", o.count, 0, Covariance::kMost);
    v.integer("others", o.others, 0, Covariance::kMost);
  }
  static void infer(Shapes& s, const Options&) { Covariance::square(s, "moments"); }
};

}  // namespace striate::op
