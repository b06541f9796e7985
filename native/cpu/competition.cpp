// ops/competition.h
#include "cpu/kernels.h"
#include "cpu/simd/begin.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {

void competition(core::Context&, const core::View*, core::View*, const op::Competition::Options&) {
  throw core::Error(core::ErrorKind::option, "competition", "device", "not written yet", "a kernel");
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
