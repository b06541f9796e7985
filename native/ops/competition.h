// competition  How much each unit of a row of currents u [B,K] learns, g [B,K]:
//   'hard'      1 for the first maximum, else 0
//   'soft'      softmax of u / temperature
//   'softhebb'  the same, with the sign turned for all but the first maximum (Journe et al. 2022, the anti-Hebbian
//   form)
// A row with a NaN gives NaN ('hard': the first NaN wins). Numerics: float32, about the row's maximum.
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
  static void options(OptionVisitor& v, Options& o) {
    v.choice("kind", o.kind, {"hard", "soft", "softhebb"});
    v.real("temperature", o.temperature, 1e-6, 1e6);
  }
  static void infer(Shapes&, const Options&) {}
};

}  // namespace striate::op
