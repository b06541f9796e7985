// competition  How much each unit of a row of currents u [B,K] learns, g [B,K]:
//   'hard'      1 for the first maximum, else 0
//   'soft'      softmax of u / temperature
//   'softhebb'  the same, with the sign turned for all but the first maximum (anti-Hebbian, Journe et al. 2022)
//   A row with a NaN gives NaN ('hard': the first NaN wins). Numerics: float32, about the row's maximum.
// competitive_step  One minibatch of learning with such shares, where u = patches w^T:
//   dw_k = sum over b of g_bk (v_b - u_bk w_k), n_k = sum over b of |g_bk|
//   step 'count': w_k += learningRate * dw_k / n_k: for g >= 0 towards the mean patch by those shares. Not where
//                 n_k < 2^-80, since the products of such shares are below the normal range of float32.
//   step 'max':   w += learningRate * dw / max(max |dw|, 1e-30), the maximum over all of dw
//   A patch of zeros is left out of n, wins and energy. wins counts the patches on which a unit has the first maximum
//   of u; gains_k is the sum of g u (the row's norm is drawn to 1 where it is > 0); energy is the mean over patches of
//   -sum over k of g u / |w_k|, with w before the step.
//   Numerics: float32 products and the matrix product's sums; n and gains in float64, in order of b.
// Repeatable to the bit.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct Competition {
  static constexpr const char* signature = "u f32 [B,K] -> g f32 [B,K]";
  enum Kind : int32_t { hard, soft, softhebb };
  struct Options {
    int32_t kind = soft;
    double temperature = 1;
  };
  template <class O>
  static void shares(OptionVisitor& v, O& o) {
    v.choice("kind", o.kind, {"hard", "soft", "softhebb"});
    v.real("temperature", o.temperature, 1e-6, 1e6);
  }
  static void options(OptionVisitor& v, Options& o) { shares(v, o); }
  static void infer(Shapes&, const Options&) {}
};

struct CompetitiveStep {
  static constexpr double kLeastShares = 0x1p-80;  // least n_k of a unit that learns by step 'count'
  static constexpr const char* signature =
      "patches f32 [B,D], u f32 [B,K], g f32 [B,K], w& f32 [K,D] -> wins? i32 [K], gains? f32 [K], energy? f32 [1]";
  enum Step : int32_t { max, count };
  struct Options {
    double learning_rate = 0.02;
    int32_t step = count;
  };
  template <class O>
  static void rule(OptionVisitor& v, O& o) {
    v.real("learningRate", o.learning_rate, 0, 10);
    v.choice("step", o.step, {"max", "count"});
  }
  static void options(OptionVisitor& v, Options& o) { rule(v, o); }
  static void infer(Shapes&, const Options&) {}
};

}  // namespace striate::op
