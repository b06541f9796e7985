// centred_products  inner products y [A,B] of some images, `rows` [A], with others, `columns` [B], both less the mean of
//                   the latter, from the inner products k [N,N] (symmetric) of N images, centred anywhere:
//                   y_ij = k(r_i, c_j) - mean_j' k(r_i, c_j') - mean_i' k(c_i', c_j) + mean k(c, c)
// Indices outside [0, N) are data faults, checked at each call.
// Numerics: float64; the means are sums over B. Symmetric to the bit where rows are the columns. Repeatable to the bit
// whatever the number of threads.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct CentredProducts {
  static constexpr const char* signature = "k f64 [N,M], rows i32 [A], columns i32 [B] -> y f64 [A,B]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes& s, const Options&) {
    if (s['M'] != s['N']) s.refuse("k", core::shape_text(s.input("k")), "[N,N]");
  }
  [[noreturn]] static void refuse_index(bool is_row, int64_t at, int64_t index, int64_t images) {
    throw core::Error(core::ErrorKind::data, "centred_products", is_row ? "rows" : "columns",
                      std::to_string(index) + " at " + std::to_string(at), "0 to " + std::to_string(images - 1));
  }
};

}  // namespace striate::op
