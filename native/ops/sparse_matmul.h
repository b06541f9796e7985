// sparse_matmul  y [N,K] = x a^T for a sparse a [K,D] by rows (CSR): row k has the entries offsets[k] .. offsets[k + 1]
//                of values [M] and columns [M]; y[n,k] = sum of values x[n, columns], as sparse random projections need
// Columns do not descend within a row (equal ones add up); offsets [K+1] start at 0, do not descend and are at most M:
// what is behind the last is not used. Data faults otherwise, checked at each call.
// Numerics: float32, one fused multiply-add an entry in the order of the row where the processor has it. Repeatable to
// the bit whatever the number of threads.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct SparseMatmul {
  static constexpr const char* signature =
      "x f32 [N,D], values f32 [M], columns i32 [M], offsets i32 [E] -> y f32 [N,K]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes& s, const Options&) {
    if (s['E'] < 2) s.refuse("offsets", core::shape_text(s.input("offsets")), "[K+1] with K at least 1");
    s.set('K', s['E'] - 1);
  }

  [[noreturn]] static void refuse_offset(int64_t k, int64_t offset, int64_t before, int64_t entries) {
    throw core::Error(core::ErrorKind::data, "sparse_matmul", "offsets",
                      std::to_string(offset) + " at " + std::to_string(k),
                      k == 0 ? "0" : std::to_string(before) + " to " + std::to_string(entries));
  }
  [[noreturn]] static void refuse_column(int64_t entry, int64_t column, int64_t width) {
    throw core::Error(core::ErrorKind::data, "sparse_matmul", "columns",
                      std::to_string(column) + " at " + std::to_string(entry),
                      "0 to " + std::to_string(width - 1) + ", and no less than the entry before it in its row");
  }
};

}  // namespace striate::op
