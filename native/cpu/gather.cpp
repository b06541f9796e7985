// ops/gather.h
#include "cpu/kernels.h"
#include "cpu/simd/begin.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {

void gather_images(core::Context&, const core::View*, core::View*, const op::GatherImages::Options&) {
  throw core::Error(core::ErrorKind::option, "gather_images", "device", "not written yet", "a kernel");
}

void gather_patches(core::Context&, const core::View*, core::View*, const op::GatherPatches::Options&) {
  throw core::Error(core::ErrorKind::option, "gather_patches", "device", "not written yet", "a kernel");
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
