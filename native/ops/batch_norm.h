// batch_norm       y = gamma[c] (x - m[c]) s[c] + beta[c], s = 1 / sqrt(v + epsilon)
//   (Ioffe and Szegedy 2015, algorithm 1)
//   training: m and v are the mean and the biased variance of channel c over N, H, W; the running mean and variance
//   move by momentum (running = (1 - momentum) running + momentum batch, the variance unbiased), as PyTorch does.
//   Otherwise m and v are the running ones, which stay as they are.
//   centre and spread, on request: m and s as they were used, for the gradient.
// batch_norm_grad  of the training form; centre and spread as batch_norm gave them; each result on request:
//   gbeta = sum gy;  ggamma = sum gy xhat;  gx = gamma s (gy - mean(gy) - xhat mean(gy xhat)), xhat = (x - m) s
// Numerics: sums over a channel in float64 or an equally exact form, about its first value or its mean; the rest
// float32. Repeatable to the bit whatever the number of threads.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct BatchNorm {
  static constexpr const char* signature =
      "x f32 [N,C,H,W], gamma f32 [C], beta f32 [C], mean& f32 [C], variance& f32 [C] -> y f32 [N,C,H,W], "
      "centre? f32 [C], spread? f32 [C]";
  struct Options {
    double epsilon = 1e-5, momentum = 0.1;
    bool training = false;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.real("epsilon", o.epsilon, 1e-30, 1);
    v.real("momentum", o.momentum, 0, 1);
    v.flag("training", o.training);
  }
  static void infer(Shapes& s, const Options& o) {
    if (o.training && s['N'] * s['H'] * s['W'] < 2)
      s.refuse("x", core::shape_text(s.input("x")), "at least two values a channel to train on");
  }
};

struct BatchNormGrad {
  static constexpr const char* signature =
      "x f32 [N,C,H,W], gamma f32 [C], centre f32 [C], spread f32 [C], gy f32 [N,C,H,W] -> gx? f32 [N,C,H,W], "
      "ggamma? f32 [C], gbeta? f32 [C]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes&, const Options&) {}
};

}  // namespace striate::op
