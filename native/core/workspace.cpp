#include "core/workspace.h"

#include <cstdlib>
#include <new>

#include "core/host_memory.h"

namespace striate::core {

Workspace::Workspace(const std::atomic<bool>* cancelled) : cancelled_(cancelled) {}

Workspace::~Workspace() {
  for (const Block& block : blocks_) std::free(block.memory);
}

void* Workspace::take(size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (next_ == blocks_.size()) blocks_.push_back({nullptr, 0});
  Block& block = blocks_[next_];
  if (block.bytes < bytes) {
    std::free(block.memory);
    block = {allocate_host(bytes), bytes};
    if (!block.memory) {
      block.bytes = 0;
      throw std::bad_alloc();
    }
  }
  ++next_;
  return block.memory;
}

void Workspace::reset() { next_ = 0; }

Context Workspace::fresh() {
  reset();
  return {nullptr, nullptr, this, cancelled_};
}

}  // namespace striate::core
