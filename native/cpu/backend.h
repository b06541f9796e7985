// What the addon sees of the CPU back end.
#pragma once
#include <string>

#include "core/backend.h"

namespace striate::cpu {

const core::BackendTable* backend();
/// Name of the instruction set whose kernels are in use: "AVX-512 and AMX", "AVX-512", "AVX2", "SSE2", "NEON".
const char* instruction_set();
std::string processor_name();

}  // namespace striate::cpu
