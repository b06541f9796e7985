// Blocks of memory that wait for their next user, by size.
#pragma once
#include <chrono>
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
    void* memory = found->second.back().memory;
    found->second.pop_back();
    bytes_ -= bytes;
    return memory;
  }
  /// Keeps a block where no more than `most` bytes wait with it, what has waited for longer than kLong let go of first,
  /// the oldest before the others: other work needs other sizes, and what works in turns asks for all of its own again
  /// before. Returns what is to be freed, which may be the block itself.
  std::vector<void*> give(void* memory, size_t bytes, size_t most) {
    std::vector<void*> gone;
    if (bytes_ + bytes > most) gone = stale(bytes_ + bytes - most);
    if (bytes_ + bytes > most) {
      gone.push_back(memory);
      return gone;
    }
    by_size_[bytes].push_back({memory, bytes < kAged ? Time{} : Clock::now()});
    bytes_ += bytes;
    return gone;
  }
  /// Of all that wait.
  size_t bytes() const { return bytes_; }
  template <class F>
  void for_each(F&& f) const {
    for (const auto& [bytes, blocks] : by_size_)
      for (const Waiting& block : blocks) f(block.memory);
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  static constexpr std::chrono::seconds kLong{1};
  static constexpr size_t kAged = 1 << 20;  // smaller ones matter little, and are given without a look at the clock
  struct Waiting {
    void* memory;
    Time since;
  };

  /// Takes out `wanted` bytes of such blocks, or all that there are.
  std::vector<void*> stale(size_t wanted) {
    std::vector<void*> out;
    const Time before = Clock::now() - kLong;
    for (size_t found = 0; found < wanted;) {
      auto oldest = by_size_.end();
      for (auto i = by_size_.begin(); i != by_size_.end(); ++i)
        if (i->first >= kAged && !i->second.empty() && i->second.front().since < before &&
            (oldest == by_size_.end() || i->second.front().since < oldest->second.front().since))
          oldest = i;
      if (oldest == by_size_.end()) break;
      out.push_back(oldest->second.front().memory);
      oldest->second.erase(oldest->second.begin());
      found += oldest->first;
      bytes_ -= oldest->first;
    }
    return out;
  }

  std::unordered_map<size_t, std::vector<Waiting>> by_size_;
  size_t bytes_ = 0;
};

}  // namespace striate::core
