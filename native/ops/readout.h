// readout_learn  Minibatches firstStep .. firstStep + steps of totalSteps of softmax regression by Adam, natively.
//   Minibatch t takes rows t*batch ... of the endless sequence in which epoch e visits all rows in the order of
//   core::Permutation(rows, seed, e) (without `shuffle`: as they stand, minibatch firstStep at row 0), the last partial
//   batch of an epoch dropped (as in hebbian_learn). logits = x w^T + b;  g = (softmax - onehot) / batch;  gw = g^T x;
//   gb = sum g;  then adam on w (with weightDecay) and b (without), t + 1 its step number.
//   Learning rate of step t: schedule 'constant', 'linear' (to finalLearningRate at totalSteps) or 'cosine'
//   (final + (first - final) (1 + cos(pi t / totalSteps)) / 2).
//   features [N,D] f32 or bf16; labels [N]; w [T,D], b [T] and Adam's moments of both, in place. `rows`, when given,
//   lists the rows of features that take part (a training split); otherwise all N do. loss and errors: mean loss and
//   count of wrong rows over the call, each row scored before its step.
// readout_score  mean loss and count of wrong rows (first maximum of the logits) with w and b as they are; prediction
//   [M] on request.
// A label outside [0, T) or a row outside [0, N) is a DataError when the queue reaches it. Numerics as linear,
// softmax_cross_entropy and adam. Repeatable to the bit whatever the number of threads.
#pragma once
#include <cmath>

#include "ops/optimiser.h"

namespace striate::op {

struct ReadoutLearn {
  static constexpr const char* signature =
      "features f32|bf16 [N,D], labels i32 [N], w& f32 [T,D], b& f32 [T], mw& f32 [T,D], vw& f32 [T,D], mb& f32 [T], "
      "vb& f32 [T], rows? i32 [M] -> loss f32 [1], errors i32 [1]";
  enum Schedule : int32_t { constant, linear, cosine };
  struct Options : AdamRates {
    int64_t batch = 100, steps = 1, first_step = 0, total_steps = 1, seed = 0;
    int32_t schedule = cosine;
    bool shuffle = true;
    double final_learning_rate = 0;
  };
  static void options(OptionVisitor& v, Options& o) {
    Adam::rates(v, o);
    v.integer("batch", o.batch, 1, 1 << 24);
    v.integer("steps", o.steps, 1, int64_t(1) << 40);
    v.integer("firstStep", o.first_step, 0, int64_t(1) << 40);
    v.integer("totalSteps", o.total_steps, 1, int64_t(1) << 40);
    v.integer("seed", o.seed, 0, (int64_t(1) << 53) - 1);
    v.choice("schedule", o.schedule, {"constant", "linear", "cosine"});
    v.real("finalLearningRate", o.final_learning_rate, 0, 1e6);
    v.flag("shuffle", o.shuffle);
  }
  /// Learning rate of step t.
  static double rate(const Options& o, int64_t t) {
    const double first = o.learning_rate, last = o.final_learning_rate,
                 part = static_cast<double>(t) / static_cast<double>(o.total_steps);
    if (o.schedule == linear) return first + (last - first) * part;
    if (o.schedule == cosine) return last + (first - last) * (1 + std::cos(M_PI * part)) / 2;
    return first;
  }
  static void infer(Shapes& s, const Options& o) {
    const int64_t rows = s.has("rows") ? s['M'] : s['N'];
    if (o.batch > rows)
      s.refuse("batch", std::to_string(o.batch), "at most the " + std::to_string(rows) + " rows",
               core::ErrorKind::option);
    if (o.first_step + o.steps > o.total_steps)
      s.refuse("steps", std::to_string(o.steps), "at most totalSteps - firstStep", core::ErrorKind::option);
  }
};

struct ReadoutScore {
  static constexpr const char* signature =
      "features f32|bf16 [N,D], labels i32 [N], w f32 [T,D], b f32 [T], rows? i32 [M] -> loss f32 [1], errors i32 [1], "
      "prediction? i32 [L]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes& s, const Options&) { s.set('L', s.has("rows") ? s['M'] : s['N']); }
};

}  // namespace striate::op
