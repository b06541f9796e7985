// The back end's own device: what Context::device points to.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cuda/cublas.h"
#include "cuda/cusolver.h"
#include "cuda/launch.cuh"
#include "cuda/nccl.h"

namespace striate::cuda {

/// Memory of the device's stream: usable in the order of the stream, from any thread that names the device first.
void* allocate_memory(cudaStream_t stream, size_t bytes);
void release_memory(cudaStream_t stream, void* memory);

/// Scratch memory that grows to what the hungriest op so far took. The next op may be given the same bytes while this
/// one's kernels still run: they are ahead of it in the stream.
class DeviceArena : public core::Arena {
 public:
  void* take(size_t bytes) override;
  void reset() override;
  void free_all();
  cudaStream_t stream = nullptr;

 private:
  static constexpr size_t kBlock = 16 << 20, kKept = size_t(1) << 30;
  struct Block {
    char* memory;
    size_t size, used;
  };
  std::vector<Block> blocks_;
};

struct Device {
  int ordinal = 0, processors = 1;
  bool fast_f64 = false;  // at half the rate of float32 or more
  cudaStream_t stream = nullptr;
  DeviceArena arena;
  unsigned long long* flag = nullptr;       // on the device: the first fault that kernels found in the data
  unsigned long long* host_flag = nullptr;  // page-locked
  Cublas::Handle cublas = nullptr;          // made at the first product that wants it
  std::shared_ptr<void> wavelets;           // what wavelet_prepare.cu knows of banks it has read
  uint64_t labels = 0;                      // View::content of labels known to be below
  int64_t targets = 0;                      // this
  Cusolver::Handle cusolver = nullptr;      // the same of eigenvalues
  ProcessSums sums;                         // with other processes
};

inline Device& device_of(const core::Context& ctx) { return *static_cast<Device*>(ctx.device); }

/// A data fault is the position of what is wrong, and kernels keep the smallest: the message does not depend on who
/// came first.
inline constexpr unsigned long long kNoFault = ~0ull;
__device__ __forceinline__ void report_fault(unsigned long long* flag, int64_t position) {
  atomicMin(flag, static_cast<unsigned long long>(position));
}
/// The flag, set to kNoFault in the order of the stream.
unsigned long long* clear_flag(const core::Context& ctx);
/// Waits for the stream and returns what is in the flag.
unsigned long long read_flag(const core::Context& ctx);
/// Waits for the stream and returns one number of the device: what a fault's message names.
template <class T>
T fetch(const core::Context& ctx, const T* from) {
  T value;
  check(cudaMemcpyAsync(&value, from, sizeof value, cudaMemcpyDeviceToHost, stream_of(ctx)), "cudaMemcpyAsync");
  check(cudaStreamSynchronize(stream_of(ctx)), "cudaStreamSynchronize");
  return value;
}

/// Throws a data fault that names the first of `count` labels outside [0, targets). Waits for the stream, but not for
/// labels that were looked at in the call before. With `rows` (a list of rows of the `all` that there are), those are
/// checked first and only their labels count.
void check_labels(const core::Context& ctx, const char* op, const core::View& labels, const int32_t* rows,
                  int64_t count, int64_t all, int64_t targets);

}  // namespace striate::cuda
