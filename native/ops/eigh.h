// eigh  a v_k = values_k v_k of symmetric matrices a [G,D,D], values in descending order: all of them, or the first
//       `top`; vectors [G,K,D] on request, v_k the row k, of norm 1, its entry of largest magnitude (the first of them)
//       positive
// a is read above and on the diagonal; what is below must equal it within 16 D unit roundoffs of the largest entry. Data
// faults: that, a number that is not finite, and a matrix whose iteration does not converge, each with its place.
// Numerics: |a - V^T diag(values) V| and |V V^T - 1| of some sqrt(D) unit roundoffs of a's type. Own solvers: bits
// independent of the number of threads. A vendor's repeat with the same library and number of threads.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct Eigh {
  static constexpr const char* signature = "a f32|f64 [G,D,E] -> values f32|f64 [G,K], vectors? f32|f64 [G,K,D]";
  struct Options {
    int64_t top = 0;  // 0: all
  };
  static void options(OptionVisitor& v, Options& o) { v.integer("top", o.top, 0, int64_t(1) << 31); }
  static void infer(Shapes& s, const Options& o) {
    const int64_t d = s['D'];
    if (s['E'] != d) s.refuse("a", core::shape_text(s.input("a")), "[G,D,D], square matrices");
    if (o.top > d) s.refuse("top", std::to_string(o.top), "at most D = " + std::to_string(d), core::ErrorKind::option);
    s.set('K', o.top ? o.top : d);
    s.set_output("values", s.input("a").dtype);
    s.set_output("vectors", s.input("a").dtype);
  }

  /// How far two entries that should be equal may differ, as a share of the largest magnitude in the matrix.
  static double asymmetry(core::Dtype dtype, int64_t d) {
    return 16 * static_cast<double>(d) * (dtype == core::Dtype::f32 ? 0x1p-24 : 0x1p-53);
  }
  /// "[g,i,j]", without g where there is one matrix only.
  static std::string place(int64_t matrices, int64_t g, int64_t i, int64_t j) {
    return "[" + (matrices > 1 ? std::to_string(g) + "," : "") + std::to_string(i) + "," + std::to_string(j) + "]";
  }
  [[noreturn]] static void refuse_infinite(int64_t matrices, int64_t g, int64_t i, int64_t j, double value) {
    throw core::Error(core::ErrorKind::data, "eigh", "a",
                      (value != value ? "NaN at "
                       : value > 0    ? "infinite at "
                                      : "-infinite at ") +
                          place(matrices, g, i, j),
                      "finite numbers");
  }
  [[noreturn]] static void refuse_asymmetry(int64_t matrices, int64_t g, int64_t i, int64_t j, double upper,
                                            double lower) {
    throw core::Error(core::ErrorKind::data, "eigh", "a",
                      std::to_string(upper) + " at " + place(matrices, g, i, j) + " and " + std::to_string(lower) +
                          " at " + place(matrices, g, j, i),
                      "symmetric matrices");
  }
  [[noreturn]] static void refuse_divergence(int64_t g) {
    throw core::Error(core::ErrorKind::data, "eigh",
                      "the eigenvalues of matrix " + std::to_string(g) + " did not converge");
  }
};

}  // namespace striate::op
