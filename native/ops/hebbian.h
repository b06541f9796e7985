// hebbian_step   One minibatch of the Krotov-Hopfield rule, equations (1) and (2) of Grinberg, Hopfield, Krotov 2019:
//   current[b,k] = sum over i of sign(w_ki) |w_ki|^(p-1) v_bi, which for p = 2 is w_k . v_b, with w as at the start
//   rank units by current, ties to the lowest index: the first gets g = 1, the one of rank m gets g = -antiHebbian, the
//   others 0; with m = 1 there is no such second unit (winner take all)
//   dw_k = sum over b of g (v_b - current w_k)
//   step 'max':   w += learningRate * dw / max(max |dw|, 1e-30), the maximum over all of dw (the authors' rule)
//   step 'count': w_k += learningRate * dw_k / (number of patches of the batch that selected row k)   (stable)
//   A patch with |v|^2 <= 1e-12 is zero: it is left out of ranking, counts, update and energy, in both ops.
// hebbian_learn  Minibatches firstStep .. firstStep + steps of totalSteps, on patches of u8 images [N,C,H,W].
//   Minibatch t takes patches t*batch ... of the endless sequence in which epoch e (all N*(H-W+1)*(W-W+1) windows,
//   window x window x C) is visited in the order core::Permutation(count, seed, e); an epoch's last, partial minibatch
//   is dropped. v = pixels / 255, axes [C,window,window]; minus its own mean if `centre`; divided by |v| if normalise
//   is 'patch'; and with z [E,M] and offset [E], which come together, whitened: u / |u|, u = z v + offset (zero where
//   |u|^2 <= 1e-12; then D = E, else D = M = C window window). Learning rate of step t: learningRate + (finalLearningRate - learningRate) * t / totalSteps.
// wins and losses count how often each unit was first / of rank m; gains is the sum of g * current of each unit (its
// row's p-norm is drawn to 1 where this is > 0 and repelled where < 0); energy is the mean over patches of -sum of
// g * current / |w_k|_p^(p-1) (E of Ryali et al. 2020), so that learning lowers it. All are over the call;
// hebbian_learn takes them over its last `tally` steps (0: over all). Numerics: float32 products and sums. Patches add
// to a row in the order of the batch whatever the number of threads: same seed, same device, same bits.
#pragma once
#include "core/random.h"
#include "ops/contract.h"

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

struct HebbianLearn : Patches {
  static constexpr const char* signature =
      "images u8 [N,C,H,W], w& f32 [K,D], z? f32 [D,M], offset? f32 [D] -> wins i32 [K], losses i32 [K], gains f32 "
      "[K], "
      "energy f32 [1]";
  struct Options {
    int64_t rank = 2;
    double anti_hebbian = 0.2, learning_rate = 0.02, p = 2;
    int32_t step = HebbianStep::count;
    int64_t window = 4, batch = 1000, steps = 1, first_step = 0, total_steps = 1, tally = 0, seed = 0;
    double final_learning_rate = 0;
    int32_t normalise = patch;
    bool centre = false;
  };
  static void options(OptionVisitor& v, Options& o) {
    HebbianStep::rule(v, o);
    v.integer("window", o.window, 1, 1 << 12);
    v.integer("batch", o.batch, 1, 1 << 24);
    v.integer("steps", o.steps, 1, int64_t(1) << 40);
    v.integer("firstStep", o.first_step, 0, int64_t(1) << 40);
    v.integer("totalSteps", o.total_steps, 1, int64_t(1) << 40);
    v.integer("tally", o.tally, 0, int64_t(1) << 40);
    v.integer("seed", o.seed, 0, (int64_t(1) << 53) - 1);
    v.real("finalLearningRate", o.final_learning_rate, 0, 10);
    Patches::normalise(v, o.normalise);
    v.flag("centre", o.centre);
  }
  /// Learning rate of step t of `total`: from `first` towards `last` in a straight line.
  STRIATE_HD static double rate(double first, double last, int64_t t, int64_t total) {
    return first + (last - first) * static_cast<double>(t) / static_cast<double>(total);
  }
  static void infer(Shapes& s, const Options& o) {
    HebbianStep::check(s, o);
    if (o.window > s['H'] || o.window > s['W'])
      s.refuse("window", std::to_string(o.window), "at most the images' height and width", core::ErrorKind::option);
    const int64_t numbers = s['C'] * o.window * o.window;
    const bool whitens = s.has("z");
    if (whitens != s.has("offset")) s.refuse(whitens ? "offset" : "z", "left out", "z and offset together, or neither");
    if (s[whitens ? 'M' : 'D'] != numbers) {
      const char* argument = whitens ? "z" : "w";
      s.refuse(
          argument, core::shape_text(s.input(argument)),
          std::string(whitens ? "[D,M] with M" : "[K,D] with D") + " = C*window*window = " + std::to_string(numbers));
    }
    if (o.batch > patches(s['N'], s['H'], s['W'], o.window))
      s.refuse("batch", std::to_string(o.batch),
               "at most the " + std::to_string(patches(s['N'], s['H'], s['W'], o.window)) + " patches of the images",
               core::ErrorKind::option);
    if (o.first_step + o.steps > o.total_steps)
      s.refuse("steps", std::to_string(o.steps), "at most totalSteps - firstStep", core::ErrorKind::option);
  }
};

}  // namespace striate::op
