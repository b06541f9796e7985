// The project's one thread pool. Work is handed out chunk by chunk, the calling thread takes part, and the join waits
// only for workers that hold a chunk: when the other cores are busy, the caller simply does more of the work itself.
#pragma once
#include <cstdint>
#include <memory>
#include <type_traits>

namespace striate::core {

inline constexpr int kMostThreads = 1024;

/// Threads that `parallel_for` uses, the caller included. Default: STRIATE_THREADS, or else one for each of
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

}  // namespace striate::core
