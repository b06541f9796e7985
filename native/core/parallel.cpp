#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "core/check.h"
#include "core/cores.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace striate::core {
namespace {

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int default_threads() {
  const char* text = std::getenv("STRIATE_THREADS");
  if (!text || !*text) return std::min(kMostThreads, usable_cores());
  char* end;
  const long n = std::strtol(text, &end, 10);
  if (!std::isdigit(static_cast<unsigned char>(*text)) || *end || n < 1 || n > kMostThreads)
    throw Error(ErrorKind::option, "", "STRIATE_THREADS", "'" + std::string(text) + "'",
                "a whole number from 1 to " + std::to_string(kMostThreads));
  return static_cast<int>(n);
}

thread_local bool inside = false;  // this thread is running a body

// One region of work at a time. A worker joins by raising `active`, and only then looks whether the region is still
// open; the caller closes it, waits for `active` to fall to zero, and may then let the body go out of scope.
class Pool {
 public:
  void run(int64_t count, detail::Body body, void* self) {
    const int want = threads();
    std::unique_lock<std::mutex> turn(turn_, std::defer_lock);
    if (count <= 1 || want <= 1 || inside || !turn.try_lock()) {
      const bool nested = inside;
      inside = true;
      try {
        for (int64_t i = 0; i < count; ++i) body(self, i);
      } catch (...) {
        inside = nested;
        throw;
      }
      inside = nested;
      return;
    }
    grow(static_cast<int>(count < want ? count : want) - 1);
    body_ = body;
    self_ = self;
    count_ = count;
    error_ = nullptr;
    next_.store(0, std::memory_order_relaxed);
    seats_.store((count < want ? static_cast<int>(count) : want) - 1);
    open_.store(true);
    epoch_.fetch_add(1);
    if (asleep_.load() > 0) {
      std::lock_guard<std::mutex> lock(sleep_);
      wake_.notify_all();
    }
    work();
    open_.store(false);
    for (int spin = 0; active_.load() != 0; ++spin) spin < 2000 ? relax() : std::this_thread::yield();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  std::atomic<int> threads_{default_threads()};
  int threads() const { return threads_.load(std::memory_order_relaxed); }

 private:
  void work() {
    inside = true;
    try {
      for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) body_(self_, i);
    } catch (...) {
      next_.store(count_, std::memory_order_relaxed);
      std::lock_guard<std::mutex> lock(fault_);
      if (!error_) error_ = std::current_exception();
    }
    inside = false;
  }

  /// Where the system gives no more threads, those that there are do the work, and `threads` says how many.
  void grow(int workers) {
    try {
      for (; workers_ < workers; ++workers_) std::thread([this] { serve(); }).detach();
    } catch (const std::system_error&) {
      threads_.store(workers_ + 1);
    }
  }

  void serve() {
    uint64_t seen = 0;
    for (;;) {
      // A short watch keeps back-to-back regions (thousands of small minibatches) free of system calls; then sleep.
      for (int spin = 0; epoch_.load(std::memory_order_acquire) == seen && spin < 4000; ++spin) relax();
      if (epoch_.load() == seen) {
        std::unique_lock<std::mutex> lock(sleep_);
        asleep_.fetch_add(1);
        wake_.wait(lock, [&] { return epoch_.load() != seen; });
        asleep_.fetch_sub(1);
      }
      seen = epoch_.load();
      active_.fetch_add(1);
      if (open_.load() && seats_.fetch_sub(1) > 0) work();
      active_.fetch_sub(1);
    }
  }

  std::mutex turn_, sleep_, fault_;
  std::condition_variable wake_;
  std::atomic<uint64_t> epoch_{0};
  std::atomic<int64_t> next_{0};
  std::atomic<int> active_{0}, asleep_{0}, seats_{0};
  std::atomic<bool> open_{false};
  detail::Body body_ = nullptr;
  void* self_ = nullptr;
  int64_t count_ = 0;
  std::exception_ptr error_;
  int workers_ = 0;
};

// Never destroyed: its detached workers may outlive main's statics (the addon is linked with nodelete for the same
// reason).
Pool& pool() {
  static Pool* p = new Pool;
  return *p;
}

}  // namespace

int threads() { return inside ? 1 : pool().threads(); }
void set_threads(int n) { pool().threads_.store(n < 1 ? 1 : n); }

namespace detail {
void relax(int turn) { turn < 2000 ? striate::core::relax() : std::this_thread::yield(); }
void run(int64_t count, Body body, void* self) { pool().run(count, body, self); }
}  // namespace detail

}  // namespace striate::core
