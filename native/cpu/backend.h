// What the addon sees of the CPU back end.
#pragma once
#include <string>

#include "core/backend.h"

namespace striate::cpu {

const core::BackendTable* backend();
/// Name of the instruction set whose kernels are in use: "AVX-512", "AVX2", "SSE2", "NEON".
const char* instruction_set();
std::string processor_name();

/// What the machine can do at most with core::threads() threads: float32 GFLOP/s, and GB/s of reading and of copying
/// (both ways counted).
struct Limits {
  double fma_gflops, read_gbs, copy_gbs;
};
/// Measures each for about `seconds`.
Limits measure_limits(double seconds);

}  // namespace striate::cpu
