// cuSOLVER through a table that is filled at run time, as cublas.h: STRIATE_CUSOLVER, libcusolver.so.12 (of CUDA 13),
// libcusolver.so.11 (of CUDA 12).
#pragma once
#include <string>

namespace striate::cuda {

struct Cusolver {
  int (*get_version)(int* version);
  int version = 0;  // major * 1000 + minor * 100 + patch
};

/// The table, or null with the reason. The search is made once.
const Cusolver* cusolver(std::string* reason = nullptr);

}  // namespace striate::cuda
