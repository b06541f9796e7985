// hebbian_step   One minibatch of the Krotov-Hopfield rule, equations (1) and (2) of Grinberg, Hopfield, Krotov 2019:
//   current[b,k] = sum over i of sign(w_ki) |w_ki|^(p-1) v_bi, which for p = 2 is w_k . v_b, with w as at the start
//   rank units by current, ties to the lowest index: the first gets g = 1, the one of rank m gets g = -antiHebbian, the
//   others 0; with m = 1 there is no such second unit (winner take all)
//   dw_k = sum over b of g (v_b - current w_k)
//   step 'max':   w += learningRate * dw / max(max |dw|, 1e-30), the maximum over all of dw (the authors' rule)
//   step 'count': w_k += learningRate * dw_k / (number of patches of the batch that selected row k)   (stable)
//   A patch with |v|^2 <= 1e-12 is zero: it is left out of ranking, counts, update and energy, in both ops.
// hebbian_learn  Many minibatches, on patches of u8 images (ops/minibatches.h). A whitened patch with |u|^2 <= 1e-12 is
//   zero. With `sums` and an `iteration` of so many minibatches (m = 1, p = 2) it is spherical k-means (Coates and Ng
//   2012): a minibatch moves no row but adds the patches that a unit won to its sum, and after minibatches iteration,
//   2 iteration, ... of the run w_k = sums_k / |sums_k|, a row without a sum stays, and sums = 0. There is no rate.
// wins and losses count how often each unit was first / of rank m; gains is the sum of g * current of each unit (its
// row's p-norm is drawn to 1 where this is > 0 and repelled where < 0); energy is the mean over patches of -sum of
// g * current / |w_k|_p^(p-1) (E of Ryali et al. 2020), so that learning lowers it. All are over the call;
// hebbian_learn takes them over its last `tally` steps (0: over all). Numerics: float32 products and sums. Patches add
// to a row in the order of the batch whatever the number of threads: same seed, same device, same bits.
#pragma once
#include "ops/minibatches.h"

namespace striate::op {

struct HebbianStep {
  static constexpr const char* signature =
      "patches f32 [B,D], w& f32 [K,D] -> wins? i32 [K], losses? i32 [K], gains? f32 [K], energy? f32 [1]";
  enum Step : int32_t { max, count };
  struct Options {
    int64_t rank = 2;
    double anti_hebbian = 0.2, learning_rate = 0.02, p = 2;
    int32_t step = count;
  };
  template <class V, class O>
  static void rule(V& v, O& o) {
    v.integer("rank", o.rank, 1, 1 << 20);
    v.real("antiHebbian", o.anti_hebbian, 0, 1);
    v.real("learningRate", o.learning_rate, 0, 10);
    v.real("p", o.p, 2, 100);
    v.choice("step", o.step, {"max", "count"});
  }
  static void options(OptionVisitor& v, Options& o) { rule(v, o); }
  template <class O>
  static void check(Shapes& s, const O& o) {
    if (s['K'] < 2) s.refuse("w", core::shape_text(s.input("w")), "[K,D] with K >= 2");
    if (o.rank > s['K'])
      s.refuse("rank", std::to_string(o.rank), "at most K = " + std::to_string(s['K']), core::ErrorKind::option);
  }
  static void infer(Shapes& s, const Options& o) { check(s, o); }
};

struct HebbianLearn : Minibatches {
  static constexpr const char* signature =
      "images u8 [N,C,H,W], w& f32 [K,D], z? f32 [D,M], offset? f32 [D], sums&? f32 [K,D] -> wins i32 [K], losses i32 "
      "[K], gains f32 [K], energy f32 [1]";
  struct Options : Minibatches::Options {
    int64_t rank = 2;
    double anti_hebbian = 0.2, p = 2;
    int32_t step = HebbianStep::count;
    int64_t iteration = 0;  // without sums
  };
  static void options(OptionVisitor& v, Options& o) {
    HebbianStep::rule(v, o);
    v.integer("iteration", o.iteration, 0, int64_t(1) << 40);
    course(v, o);
  }
  static void infer(Shapes& s, const Options& o) {
    HebbianStep::check(s, o);
    Minibatches::infer(s, o);
    if (s.has("sums") != (o.iteration > 0))
      s.refuse("sums", s.has("sums") ? "given" : "left out", "sums and an iteration together, or neither");
    if (o.iteration > 0 && (o.rank != 1 || o.p != 2))
      s.refuse(o.rank != 1 ? "rank" : "p", o.rank != 1 ? std::to_string(o.rank) : std::to_string(o.p),
               "rank 1 and p 2 with an iteration", core::ErrorKind::option);
  }
};

}  // namespace striate::op
