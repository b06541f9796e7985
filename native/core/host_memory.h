// Memory of the host for tensors and for results: what is large lies on huge pages, of which the system hands out and
// clears 512 small ones' worth at once.
#pragma once
#include <sys/mman.h>

#include <cstdlib>

#include "core/view.h"

namespace striate::core {

inline constexpr size_t kPage = 4096, kHugePage = 2 << 20;
inline constexpr size_t kManyPages = 64 << 10;

/// To be released by std::free; null where there is none left.
inline void* allocate_host(size_t bytes) {
  const bool large = bytes >= kHugePage;
  const size_t alignment = large ? kHugePage : bytes >= kManyPages ? kPage : kAlignment;
  void* memory =
      std::aligned_alloc(alignment, (bytes / alignment + (bytes % alignment != 0 || bytes == 0)) * alignment);
#if defined(MADV_HUGEPAGE)
  if (memory && large) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

/// Maps the pages of memory that is about to be written from end to end, all in one call: a fault for each costs more
/// than copying its bytes does. Systems older than Linux 5.14 refuse, and then faults do it.
inline void populate(void* memory, size_t bytes) {
#if defined(__linux__)
  constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, which headers of older systems lack
  if (bytes >= kManyPages) madvise(memory, bytes, kPopulateWrite);
#endif
}

/// Memory of results that JavaScript has let go of, for the next ones of as many bytes: the system clears new pages,
/// which takes longer than the copy. Of large ones only, and at most a thirty-second of the machine's memory and 512
/// MiB.
class Results {
 public:
  /// Null where there is none left.
  static void* take(size_t bytes);
  static void give(void* memory, size_t bytes);
  /// Gives what waits back to the system.
  static void trim();
};

}  // namespace striate::core
