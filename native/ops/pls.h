// pls_components  partial least squares of y [N,T] on features, both centred: components of NIPALS (w = X'u / |X'u|,
//                 s = X w, q = Y's / s's, u = Y q, until w stands still; X -= s p', Y -= s q'), from x [N,P], the
//                 features, or (option `products`) their inner products XX' [N,N], and image = XX'Y [N,T].
// Features enter by their inner products alone: w = X'Y b, of length 1 where b'Cb = 1, C = Y'XX'Y, so that the iteration
// runs on the targets; it starts from the first target of which more than rounding is left, and ends once w has changed
// by less than `tolerance`, squared, or after `iterations`. Only Y and XX'Y are deflated, which is enough (Dayal and
// MacGregor 1997), and C where it is no larger than these; it is made anew once updates have left 1e-3 of its trace.
// weights [K,N], a component's scores being XX' times its row; loadings [K,T] have a row q of each; K is `components`.
// Rows beyond the components found, of which the features allow no more or the targets need none, are zero. found [2]:
// their number, and how many of them ended at `iterations`.
// Numerics: float64 throughout. Repeatable to the bit whatever the number of threads.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct PlsComponents {
  static constexpr const char* signature =
      "x f64 [N,P], y f64 [N,T], image f64 [N,T] -> weights f64 [K,N], loadings f64 [K,T], found i32 [E]";
  static constexpr double kRenewal = 1e-3, kRounding = 2.220446049250313e-16;
  struct Options {
    int64_t components = 1, iterations = 500;
    double tolerance = 1e-6;
    bool products = false;
  };
  static void options(OptionVisitor& v, Options& o) {
    v.integer("components", o.components, 1, int64_t(1) << 30);
    v.integer("iterations", o.iterations, 1, int64_t(1) << 30);
    v.real("tolerance", o.tolerance, 0, 3e38);
    v.flag("products", o.products);
  }
  static void infer(Shapes& s, const Options& o) {
    if (o.products && s['P'] != s['N'])
      s.refuse("x", core::shape_text(s.input("x")), "[N,N] of inner products, N = " + std::to_string(s['N']));
    s.set('K', o.components);
    s.set('E', 2);
  }
};

}  // namespace striate::op
