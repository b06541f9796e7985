#include "core/host_memory.h"

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "core/blocks.h"

namespace striate::core {
namespace {

std::mutex mutex;
Blocks kept;

/// Two results of 256 MiB on a machine of 16 GiB: JavaScript lets go of one after it has got the next. No more on any: a
/// container sees the memory of its host.
size_t most_kept() {
  static const size_t memory =
      static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return std::clamp(memory / 32, size_t{128} << 20, size_t{512} << 20);
}

}  // namespace

void* Results::take(size_t bytes) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (void* memory = kept.take(bytes)) return memory;
  }
  void* memory = allocate_host(bytes);
  if (!memory) {
    trim();
    memory = allocate_host(bytes);
  }
  if (memory) populate(memory, bytes);
  return memory;
}

void Results::give(void* memory, size_t bytes) {
  if (bytes < kManyPages) return std::free(memory);
  std::vector<void*> gone;
  {
    std::lock_guard<std::mutex> lock(mutex);
    gone = kept.give(memory, bytes, most_kept());
  }
  for (void* block : gone) std::free(block);
}

void Results::trim() {
  Blocks waiting;
  {
    std::lock_guard<std::mutex> lock(mutex);
    std::swap(waiting, kept);
  }
  waiting.for_each([](void* memory) { std::free(memory); });
}

}  // namespace striate::core
