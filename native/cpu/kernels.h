// Declares every op's CPU kernel from the table, once for each instruction set that this processor family is compiled
// for.
#pragma once
#include "ops/table.h"

#define STRIATE_DECLARE(name, Contract) \
  void name(core::Context&, const core::View* in, core::View* out, const op::Contract::Options& options);

namespace striate::cpu {
namespace base {
STRIATE_OPS(STRIATE_DECLARE)
}
#if defined(__x86_64__)
namespace v3 {
STRIATE_OPS(STRIATE_DECLARE)
}
namespace v4 {
STRIATE_OPS(STRIATE_DECLARE)
}
#endif
}  // namespace striate::cpu

#undef STRIATE_DECLARE
