// matmul       c = a b, a [M,D] (or [D,M] with transposeA), b [D,N] (or [N,D] with transposeB), c [M,N], all f32 or
//              all f64; with one tensor as both and one of them transposed the CPU computes half of c
// linear       y = x w^T + b, x [N,D] f32 or bf16, w [T,D], b [T] or none, y [N,T]
// linear_grad  gx = gy w, gw = gy^T x, gb = sum of gy over N; each made on request
// Numerics: float32 products, float32 sums in blocks (error at most about D * 2^-24 * sum |a||b|, in practice sqrt(D));
// bf16 is widened exactly; f64 products likewise in float64. Repeatable to the bit whatever the number of threads.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct Matmul {
  static constexpr const char* signature = "a f32|f64 [A,B], b f32|f64 [E,F] -> c f32|f64 [M,N]";
  struct Options {
    bool transpose_a = false, transpose_b = false;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.flag("transposeA", o.transpose_a);
    v.flag("transposeB", o.transpose_b);
  }
  static void infer(Shapes& s, const Options& o) {
    const int64_t inner = o.transpose_a ? s['A'] : s['B'], other = o.transpose_b ? s['F'] : s['E'];
    if (inner != other)
      s.refuse("b", core::shape_text(s.input("b")),
               std::string(o.transpose_b ? "[N,D]" : "[D,N]") + " with D = " + std::to_string(inner) + " from a");
    const core::Dtype dtype = s.input("a").dtype;
    if (s.input("b").dtype != dtype)
      s.refuse("b", core::dtype_name(s.input("b").dtype), std::string(core::dtype_name(dtype)) + ", as a");
    s.set_output("c", dtype);
    s.set('M', o.transpose_a ? s['B'] : s['A']);
    s.set('N', o.transpose_b ? s['E'] : s['F']);
  }
};

struct Linear {
  static constexpr const char* signature = "x f32|bf16 [N,D], w f32 [T,D], b? f32 [T] -> y f32 [N,T]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes&, const Options&) {}
};

struct LinearGrad : Linear {
  static constexpr const char* signature =
      "x f32|bf16 [N,D], w f32 [T,D], gy f32 [N,T] -> gx? f32 [N,D], gw? f32 [T,D], gb? f32 [T]";
};

}  // namespace striate::op
