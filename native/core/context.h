// What a kernel may use beside its arguments: the device's queue, scratch memory, and a flag that asks it to stop.
#pragma once
#include <atomic>
#include <cstddef>

namespace striate::core {

/// Scratch memory of one stream. Blocks given by `take` are aligned to kAlignment and live until the op returns
/// (on CUDA: until the work that was queued before is done); the memory itself is kept for the next op.
class Arena {
 public:
  virtual ~Arena() = default;
  virtual void* take(size_t bytes) = 0;
  virtual void reset() = 0;
};

struct Context {
  void* queue = nullptr;   // cudaStream_t on CUDA, unused on the CPU
  void* device = nullptr;  // the back end's own device object
  Arena* arena = nullptr;
  const std::atomic<bool>* cancelled = nullptr;

  template <class T>
  T* scratch(size_t count) const {
    return static_cast<T*>(arena->take(count * sizeof(T)));
  }
  /// True when the environment is being torn down: a kernel that loops for long returns early, its outputs unspecified.
  bool stop() const { return cancelled && cancelled->load(std::memory_order_relaxed); }
};

}  // namespace striate::core
