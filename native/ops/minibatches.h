// What the ops that learn from patches for many minibatches share: hebbian_learn, competitive_learn, oja_learn. Minibatches
// firstStep .. firstStep + steps of totalSteps, on patches of u8 images [N,C,H,W].
//   Minibatch t takes patches t*batch ... of the endless sequence in which epoch e (all N*(H-W+1)*(W-W+1) windows,
//   window x window x C) is visited in the order core::Permutation(count, seed, e); an epoch's last, partial minibatch
//   is dropped. v = pixels / 255, axes [C,window,window]; minus its own mean if `centre`; divided by |v| if normalise
//   is 'patch'; and with z [D,M] and offset [D], which come together, whitened: u / |u|, u = z v + offset (else
//   D = M = C window window). Learning rate of step t: learningRate + (finalLearningRate - learningRate) * t / totalSteps.
// What is counted is over the call, or over its last `tally` minibatches (0: all). Calls that follow one another give the
// bits of one call.
#pragma once
#include "core/random.h"
#include "ops/contract.h"

namespace striate::op {

struct Minibatches : Patches {
  struct Options {
    double learning_rate = 0.02, final_learning_rate = 0;
    int64_t window = 4, batch = 1000, steps = 1, first_step = 0, total_steps = 1, tally = 0, seed = 0;
    int32_t normalise = patch;
    bool centre = false;
  };
  /// All but the learning rate at the start, which a rule's single step has too.
  static void course(OptionVisitor& v, Options& o) {
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
  static double rate(const Options& o, int64_t t) {
    return rate(o.learning_rate, o.final_learning_rate, t, o.total_steps);
  }
  /// The first minibatch that is counted.
  static int64_t tally_from(const Options& o) {
    return o.tally > 0 && o.tally < o.steps ? o.first_step + o.steps - o.tally : o.first_step;
  }
  static void infer(Shapes& s, const Options& o) {
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
