// The project's one thread pool. Work is handed out chunk by chunk, the calling thread takes part, and the join waits
// only for workers that hold a chunk: when the other cores are busy, the caller simply does more of the work itself.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

namespace striate::core {

inline constexpr int kMostThreads = 1024;

/// Threads that `parallel_for` uses, the caller included: one within a body of it. Default: STRIATE_THREADS, or else one for each of
/// usable_cores(). Throws an Error (option) when STRIATE_THREADS is no number from 1 to kMostThreads.
int threads();
void set_threads(int n);

namespace detail {
using Body = void (*)(void* self, int64_t index);
void run(int64_t count, Body body, void* self);
}  // namespace detail

/// Calls f(i) once for each i in [0, count), from several threads in no stated order; returns when all are done.
/// The first exception that f throws is rethrown here. A nested call runs on the calling thread alone.
/// Results must not depend on the number of threads: give each i its own output, and add partial sums in order of i.
template <class F>
void parallel_for(int64_t count, F&& f) {
  using Fn = std::remove_reference_t<F>;
  detail::run(
      count, [](void* self, int64_t index) { (*static_cast<Fn*>(self))(index); },
      const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

/// The same, `together` of them a task.
template <class F>
void parallel_rows(int64_t count, int64_t together, F&& f) {
  parallel_for((count + together - 1) / together, [&](int64_t task) {
    for (int64_t i = task * together; i < std::min(count, (task + 1) * together); ++i) f(i);
  });
}

namespace detail {
void relax(int turn);

/// Phases 0, 1, ... of work in shares; -1 when it is over.
struct Phases {
  struct alignas(128) Share {
    std::atomic<int64_t> phase{-1};  // the last in which a thread took it
  };
  explicit Phases(int shares) : shares(static_cast<size_t>(shares)) {}
  std::vector<Share> shares;
  alignas(128) std::atomic<int64_t> phase{0};
  alignas(128) std::atomic<int> done{0};
};
}  // namespace detail

/// Many short phases of work in `shares` shares by one team of threads: calls share(phase, i, member) once for each i in
/// [0, shares), then between(phase) once, whose result says whether another phase follows. Each thread has a number
/// `member` of its own below `shares` and takes share `member` in each phase where it can, so that it finds in its caches
/// what it left there; a share whose thread is kept from work by another program is taken by one that is free. Results
/// must not depend on who takes which. An exception of share or between ends the work and is rethrown here.
template <class F, class G>
void parallel_phases(int shares, F&& share, G&& between) {
  if (shares <= 1) {
    for (int64_t phase = 0;; ++phase) {
      share(phase, 0, 0);
      if (!between(phase)) return;
    }
  }
  detail::Phases state(shares);
  parallel_for(shares, [&](int64_t member) {
    try {
      for (int64_t phase; (phase = state.phase.load(std::memory_order_acquire)) >= 0;) {
        bool worked = false;
        for (int n = 0; n < shares; ++n) {
          const int i = static_cast<int>(member + n) % shares;
          int64_t last = phase - 1;
          if (!state.shares[static_cast<size_t>(i)].phase.compare_exchange_strong(last, phase)) continue;
          worked = true;
          share(phase, i, static_cast<int>(member));
          if (state.done.fetch_add(1) + 1 < shares) continue;
          state.done.store(0);
          int64_t open = phase;
          state.phase.compare_exchange_strong(open, between(phase) ? phase + 1 : -1);
        }
        if (worked) continue;
        for (int turn = 0; state.phase.load(std::memory_order_acquire) == phase; ++turn) detail::relax(turn);
      }
    } catch (...) {
      state.phase.store(-1);
      throw;
    }
  });
}

}  // namespace striate::core
