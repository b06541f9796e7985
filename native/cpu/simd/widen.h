// Reading float32 or bf16 as float32, for kernels that take either. Included after simd/begin.h.
#pragma once
#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS {

STRIATE_INLINE float widen(float x) { return x; }
STRIATE_INLINE float widen(uint16_t x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  float y;
  std::memcpy(&y, &bits, 4);
  return y;
}
STRIATE_INLINE vf load_lanes(const float* p) { return vload(p); }
STRIATE_INLINE vf load_lanes(const uint16_t* p) { return vload_bf16(p); }
/// `count` < kLanes numbers, zeros after them.
STRIATE_INLINE vf load_some(const float* p, int64_t count) { return vload_part(p, count); }
STRIATE_INLINE vf load_some(const uint16_t* p, int64_t count) {
  float lane[kLanes] = {};
  for (int64_t i = 0; i < count; ++i) lane[i] = widen(p[i]);
  return vload(lane);
}

/// Keeps a loaded vector in a register that several instructions share; GCC would load it again for each.
STRIATE_INLINE void in_register([[maybe_unused]] vf& v) {
#if STRIATE_SIMD == 4
  asm("" : "+v"(v));
#elif STRIATE_SIMD == 3
  asm("" : "+x"(v));
#endif
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
