#include "core/host_memory.h"

#include <mutex>
#include <unordered_map>
#include <vector>

namespace striate::core {
namespace {

std::mutex mutex;
std::unordered_map<size_t, std::vector<void*>> kept;  // by size
size_t total = 0;

}  // namespace

void* Results::take(size_t bytes) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    const auto found = kept.find(bytes);
    if (found != kept.end()) {
      void* memory = found->second.back();
      found->second.pop_back();
      if (found->second.empty()) kept.erase(found);
      total -= bytes;
      return memory;
    }
  }
  void* memory = allocate_host(bytes);
  if (memory) populate(memory, bytes);
  return memory;
}

void Results::give(void* memory, size_t bytes) {
  if (bytes >= kManyPages) {
    std::lock_guard<std::mutex> lock(mutex);
    if (total + bytes <= kKept) {
      kept[bytes].push_back(memory);
      total += bytes;
      return;
    }
  }
  std::free(memory);
}

}  // namespace striate::core
