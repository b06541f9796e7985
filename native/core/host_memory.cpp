#include "core/host_memory.h"

#include <mutex>

#include "core/blocks.h"

namespace striate::core {
namespace {

std::mutex mutex;
Blocks kept;

}  // namespace

void* Results::take(size_t bytes) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (void* memory = kept.take(bytes)) return memory;
  }
  void* memory = allocate_host(bytes);
  if (memory) populate(memory, bytes);
  return memory;
}

void Results::give(void* memory, size_t bytes) {
  if (bytes >= kManyPages) {
    std::lock_guard<std::mutex> lock(mutex);
    if (kept.bytes() + bytes <= kKept) return kept.give(memory, bytes);
  }
  std::free(memory);
}

}  // namespace striate::core
