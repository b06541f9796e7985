// Blocks of memory that wait for their next user, by size.
#pragma once
#include <cstddef>
#include <unordered_map>
#include <utility>
#include <vector>

namespace striate::core {

/// Whoever uses it from several threads locks.
class Blocks {
 public:
  /// Null where there is none of that size.
  void* take(size_t bytes) {
    const auto found = by_size_.find(bytes);
    if (found == by_size_.end() || found->second.empty()) return nullptr;
    void* memory = found->second.back();
    found->second.pop_back();
    bytes_ -= bytes;
    return memory;
  }
  void give(void* memory, size_t bytes) {
    by_size_[bytes].push_back(memory);
    bytes_ += bytes;
  }
  /// Of all that wait.
  size_t bytes() const { return bytes_; }
  template <class F>
  void for_each(F&& f) const {
    for (const auto& [bytes, blocks] : by_size_)
      for (void* memory : blocks) f(memory);
  }

 private:
  std::unordered_map<size_t, std::vector<void*>> by_size_;
  size_t bytes_ = 0;
};

}  // namespace striate::core
