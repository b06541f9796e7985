// adam   Kingma and Ba 2015, algorithm 1, with L2 decay added to the gradient (their section 6, regularised losses):
//   g += weightDecay * w;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   w -= learningRate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon),  t = step, from 1
// adamw  the same without the first line, after w -= learningRate * weightDecay * w
//   (Loshchilov and Hutter 2019, algorithm 2, its schedule within learningRate)
// sgd    g += weightDecay * w;  m = momentum m + g;  w -= learningRate * (nesterov ? g + momentum m : m)
// Any shape; w, m, v in place; float32, the two corrections in float64. Repeatable to the bit.
#pragma once
#include <cmath>

#include "ops/contract.h"

namespace striate::op {

struct AdamRates {
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
};

struct Adam {
  static constexpr const char* signature = "w& f32 [...], m& f32 [...], v& f32 [...], g f32 [...]";
  struct Options : AdamRates {
    int64_t step = 1;
  };
  static void rates(OptionVisitor& v, AdamRates& o) {
    v.real("learningRate", o.learning_rate, 0, 1e6);
    v.real("beta1", o.beta1, 0, 0.999999999);
    v.real("beta2", o.beta2, 0, 0.999999999);
    v.real("epsilon", o.epsilon, 0, 1);
    v.real("weightDecay", o.weight_decay, 0, 1e6);
  }
  static void options(OptionVisitor& v, Options& o) {
    rates(v, o);
    v.integer("step", o.step, 1, int64_t(1) << 40);
  }
  static void infer(Shapes&, const Options&) {}
};

struct Adamw : Adam {};

/// The constants of one step of Adam in float32, from float64. Weight decay comes in two forms: added to the gradient
/// (adam), or as the share of itself that the weight keeps (adamw, `decoupled`).
struct AdamConstants {
  float rate;  // learningRate / (1 - beta1^t)
  float root;  // 1 / sqrt(1 - beta2^t)
  float beta1, rest1, beta2, rest2, epsilon, decay, kept;

  AdamConstants(const AdamRates& o, double learning_rate, int64_t step, bool decoupled = false)
      : rate(static_cast<float>(learning_rate / (1 - std::pow(o.beta1, static_cast<double>(step))))),
        root(static_cast<float>(1 / std::sqrt(1 - std::pow(o.beta2, static_cast<double>(step))))),
        beta1(static_cast<float>(o.beta1)),
        rest1(static_cast<float>(1 - o.beta1)),
        beta2(static_cast<float>(o.beta2)),
        rest2(static_cast<float>(1 - o.beta2)),
        epsilon(static_cast<float>(o.epsilon)),
        decay(decoupled ? 0.0f : static_cast<float>(o.weight_decay)),
        kept(decoupled ? static_cast<float>(1 - learning_rate * o.weight_decay) : 1.0f) {}
};

struct Sgd {
  static constexpr const char* signature = "w& f32 [...], m& f32 [...], g f32 [...]";
  struct Options {
    double learning_rate = 0.01, momentum = 0.9, weight_decay = 0;
    bool nesterov = false;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.real("learningRate", o.learning_rate, 0, 1e6);
    v.real("momentum", o.momentum, 0, 0.999999999);
    v.real("weightDecay", o.weight_decay, 0, 1e6);
    v.flag("nesterov", o.nesterov);
  }
  static void infer(Shapes&, const Options&) {}
};

}  // namespace striate::op
