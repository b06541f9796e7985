// Stacks of fibers and the switch from one to another. Included by cuda_on_cpu.cpp alone: it holds assembly.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <mutex>
#include <new>
#include <vector>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuda_on_cpu {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr size_t kStack = 512 << 10;
#else
inline constexpr size_t kStack = 128 << 10;
#endif
inline constexpr size_t kGuard = 64 << 10;

/// Stacks are kept for the life of the process; a thread that ends without having waited gives its own to the next
/// thread.
class Stacks {
 public:
  char* take() {
    std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      char* stack = free_.back();
      free_.pop_back();
      return stack;
    }
    void* p =
        mmap(nullptr, kGuard + kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    mprotect(p, kGuard, PROT_NONE);
    return static_cast<char*>(p) + kGuard;
  }
  void give(char* stack) {
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(stack, kStack);
#endif
    std::lock_guard lock(mutex_);
    free_.push_back(stack);
  }

 private:
  std::mutex mutex_;
  std::vector<char*> free_;
};
inline Stacks& stacks() {
  static Stacks* all = new Stacks;
  return *all;
}

#if defined(__x86_64__)
extern "C" void cuda_on_cpu_switch(void** from, void* to);
asm(R"(
.text
.globl cuda_on_cpu_switch
.hidden cuda_on_cpu_switch
.type cuda_on_cpu_switch, @function
cuda_on_cpu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cuda_on_cpu_switch, .-cuda_on_cpu_switch
)");
using Place = void*;
inline void start(Place& place, char* stack, void (*entry)()) {
  void** top = reinterpret_cast<void**>(stack + kStack);
  *--top = nullptr;  // a return address that ends a backtrace; the stack is aligned as after a call
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  place = top;
}
inline void jump(Place& from, Place& to) { cuda_on_cpu_switch(&from, to); }
#else
using Place = ucontext_t;
inline void start(Place& place, char* stack, void (*entry)()) {
  getcontext(&place);
  place.uc_stack.ss_sp = stack;
  place.uc_stack.ss_size = kStack;
  place.uc_link = nullptr;
  makecontext(&place, entry, 0);
}
inline void jump(Place& from, Place& to) { swapcontext(&from, &to); }
#endif

}  // namespace cuda_on_cpu
