// Rules that learn many minibatches of patches in one call (ops/minibatches.h), each with the bits of its ops one by one:
// patches v [B,D] of gather_patches, whitened by linear and unit_rows (so that only a row of zeros stays one).
// competitive_learn  u = v w^T, g = competition(u), competitive_step. wins and gains are the sums of what competitive_step
//                    gives, in float64, energy its mean weighted by the patches that a minibatch won.
// oja_learn          y = v w^T, r = v - y w, w += learningRate / B * y^T r: dw = y^T v - y^T y w (Oja 1989) at the cost of
//                    B K D. energy is the mean of sum of r^2 / B, each with w before its step.
// Numerics: those of the ops. Repeatable to the bit.
#pragma once
#include "ops/competition.h"
#include "ops/minibatches.h"

namespace striate::op {

struct CompetitiveLearn : Minibatches {
  static constexpr const char* signature =
      "images u8 [N,C,H,W], w& f32 [K,D], z? f32 [D,M], offset? f32 [D] -> wins i32 [K], gains f32 [K], energy f32 [1]";
  struct Options : Minibatches::Options {
    int32_t kind = Competition::soft;
    double temperature = 1;
    int32_t step = CompetitiveStep::count;
  };
  static void options(OptionVisitor& v, Options& o) {
    Competition::shares(v, o);
    CompetitiveStep::rule(v, o);
    course(v, o);
  }
};

struct OjaLearn : Minibatches {
  static constexpr const char* signature =
      "images u8 [N,C,H,W], w& f32 [K,D], z? f32 [D,M], offset? f32 [D] -> energy f32 [1]";
  static void options(OptionVisitor& v, Options& o) {
    v.real("learningRate", o.learning_rate, 0, 10);
    course(v, o);
  }
};

}  // namespace striate::op
