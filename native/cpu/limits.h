// What this machine does at most, measured: the yardstick of `striate bench`. Every function works for about `seconds`
// with core::threads() threads and returns the best burst of about 1 ms: whatever else the machine does can only lower
// a burst, so the best of many is the limit. Compiled once for each instruction set, like the kernels.
//   fma_gflops  float32 multiply-adds held in registers; one multiply-add counts as two operations
//   read_gbs    reading `bytes` of memory again and again; 1e9 bytes a second
//   copy_gbs    copying `bytes`, bytes read plus bytes written; the faster of ordinary and streaming stores
// For main memory take `bytes` well above the last cache. Throws core::Error (out_of_memory) without room for it.
#pragma once
#include <cstddef>

#define STRIATE_DECLARE_LIMITS                   \
  double fma_gflops(double seconds);             \
  double read_gbs(size_t bytes, double seconds); \
  double copy_gbs(size_t bytes, double seconds);

namespace striate::cpu {
namespace base {
STRIATE_DECLARE_LIMITS
}
#if defined(__x86_64__)
namespace v3 {
STRIATE_DECLARE_LIMITS
}
namespace v4 {
STRIATE_DECLARE_LIMITS
}
#endif
}  // namespace striate::cpu

#undef STRIATE_DECLARE_LIMITS
