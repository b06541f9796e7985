// Scratch memory of one worker of an op that calls packed products many times: `reset` makes all of it free again, and
// the next call takes the same blocks.
#pragma once
#include <cstddef>
#include <vector>

#include "core/context.h"

namespace striate::core {

class Workspace final : public Arena {
 public:
  explicit Workspace(const std::atomic<bool>* cancelled);
  ~Workspace() override;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  void* take(size_t bytes) override;
  void reset() override;
  /// A context whose scratch memory is this. Everything taken before is free again.
  Context fresh();

 private:
  struct Block {
    void* memory;
    size_t bytes;
  };
  std::vector<Block> blocks_;
  size_t next_ = 0;
  const std::atomic<bool>* cancelled_;
};

}  // namespace striate::core
