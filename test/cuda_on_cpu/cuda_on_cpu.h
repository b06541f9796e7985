// CUDA on the CPU, for tests: lets g++ compile and run the .cu files of native/cuda. Each thread of a block is a fiber;
// a block's fibers take turns on one thread, from barrier to barrier, forward, backward or shuffled (STRIATE_SIM_ORDER
// = forward, backward or shuffle, read at every launch). Blocks run one after another; those of a cooperative launch
// are all alive and take turns at grid_sync() and __nanosleep(), which a loop that waits for another block must call.
// Found and reported as a launch failure: a thread that returned before a barrier or warp operation that others wait
// at, threads of a block at different barriers, a lane missing from a warp operation. Dynamic shared memory starts as
// NaN. AddressSanitizer works. Not covered: the memory model between blocks, occupancy, speed, the hardware's
// approximations.
#pragma once
#include <cstdio>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "on_cpu_runtime.h"
#include "on_cpu_types.h"

namespace cuda_on_cpu {

/// What one lane gives to and gets from a warp operation: up to 32 bytes.
struct Payload {
  uint32_t word[8];
};

struct Self {  // of the fiber that runs
  uint3 thread, block;
  dim3 block_size, grid_size;
  unsigned linear;
  void* shared;
};
extern __thread Self* self;  // plain: no wrapper function on the way

struct Where {
  const char* file;
  int line;
};
#define ON_CPU_WHERE ::cuda_on_cpu::Where where = {__builtin_FILE(), __builtin_LINE()}

void barrier(Where);
int barrier_count(bool predicate, Where);
void grid_barrier(Where);
void pause();
/// Waits for the lanes of `mask`, all at a warp operation, and returns their payloads (valid until this lane's next
/// one).
const Payload* exchange(unsigned mask, const void* payload, size_t bytes, Where);
[[noreturn]] void fail(const char* text, Where);

void run(dim3 grid, dim3 block, size_t shared_bytes, bool cooperative, void (*body)(void*), void* argument);

/// Kernels that the library holds, told when it is loaded, and those that were launched: both go to the file that
/// STRIATE_SIM_KERNELS names, one line each, `holds <name>` or `launched <name>`. Always true.
bool list_kernel(const std::string& name);
void note_launch(const std::string& name);

template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, bool cooperative, A&&... arguments) {
  struct Call {
    void (*kernel)(P...);
    std::tuple<std::decay_t<P>...> parameters;
  } call{kernel, {static_cast<std::decay_t<P>>(arguments)...}};
  run(
      grid, block, shared_bytes, cooperative,
      [](void* p) {
        auto* c = static_cast<Call*>(p);
        std::apply(c->kernel, c->parameters);
      },
      &call);
}

template <class T>
T lane_of(unsigned mask, T value, int source, int lane, Where where) {
  static_assert(sizeof(T) <= sizeof(Payload) && std::is_trivially_copyable_v<T>);
  const Payload* all = exchange(mask, &value, sizeof(T), where);
  if (source < 0 || source > 31) source = lane;
  if (!(mask >> source & 1)) fail("a shuffle reads a lane that is not in its mask", where);
  std::memcpy(&value, all[source].word, sizeof(T));
  return value;
}
inline int lane() { return static_cast<int>(self->linear & 31); }

inline float as_bf16(uint32_t pair, int half) { return __uint_as_float(half ? pair & 0xffff0000u : pair << 16); }
void mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
void load_matrix_x4(uint32_t (&r)[4], const void* row, bool transpose);

}  // namespace cuda_on_cpu

#define threadIdx (::cuda_on_cpu::self->thread)
#define blockIdx (::cuda_on_cpu::self->block)
#define blockDim (::cuda_on_cpu::self->block_size)
#define gridDim (::cuda_on_cpu::self->grid_size)
inline constexpr int warpSize = 32;

inline void __syncthreads(ON_CPU_WHERE) { cuda_on_cpu::barrier(where); }
inline int __syncthreads_count(int p, ON_CPU_WHERE) { return cuda_on_cpu::barrier_count(p != 0, where); }
inline int __syncthreads_or(int p, ON_CPU_WHERE) { return cuda_on_cpu::barrier_count(p != 0, where) != 0; }
inline int __syncthreads_and(int p, ON_CPU_WHERE) { return cuda_on_cpu::barrier_count(p == 0, where) == 0; }
inline void __syncwarp(unsigned mask = 0xffffffffu, ON_CPU_WHERE) { cuda_on_cpu::exchange(mask, nullptr, 0, where); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __nanosleep(unsigned) { cuda_on_cpu::pause(); }
[[noreturn]] inline void __trap(ON_CPU_WHERE) { cuda_on_cpu::fail("__trap", where); }

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, ON_CPU_WHERE) {
  const int lane = cuda_on_cpu::lane();
  return cuda_on_cpu::lane_of(mask, value, (lane & ~(width - 1)) | (source & (width - 1)), lane, where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, ON_CPU_WHERE) {
  const int lane = cuda_on_cpu::lane(), source = lane ^ bits;
  return cuda_on_cpu::lane_of(mask, value, (source & ~(width - 1)) > (lane & ~(width - 1)) ? lane : source, lane,
                              where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, ON_CPU_WHERE) {
  const int lane = cuda_on_cpu::lane(), source = lane + static_cast<int>(delta);
  return cuda_on_cpu::lane_of(mask, value, (source & ~(width - 1)) != (lane & ~(width - 1)) ? lane : source, lane,
                              where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, ON_CPU_WHERE) {
  const int lane = cuda_on_cpu::lane(), source = lane - static_cast<int>(delta);
  return cuda_on_cpu::lane_of(mask, value, source < (lane & ~(width - 1)) ? lane : source, lane, where);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, ON_CPU_WHERE) {
  const int mine = predicate != 0;
  const cuda_on_cpu::Payload* all = cuda_on_cpu::exchange(mask, &mine, sizeof mine, where);
  unsigned votes = 0;
  for (int i = 0; i < 32; ++i)
    if ((mask >> i & 1) && all[i].word[0]) votes |= 1u << i;
  return votes;
}
inline int __any_sync(unsigned mask, int p, ON_CPU_WHERE) { return __ballot_sync(mask, p, where) != 0; }
inline int __all_sync(unsigned mask, int p, ON_CPU_WHERE) { return __ballot_sync(mask, p, where) == mask; }

#define ON_CPU_WARP_REDUCE(name, T, expression)                                                 \
  inline T name(unsigned mask, T value, ON_CPU_WHERE) {                                         \
    const cuda_on_cpu::Payload* all = cuda_on_cpu::exchange(mask, &value, sizeof value, where); \
    bool first = true;                                                                          \
    T a{};                                                                                      \
    for (int i = 0; i < 32; ++i) {                                                              \
      if (!(mask >> i & 1)) continue;                                                           \
      const T b = static_cast<T>(all[i].word[0]);                                               \
      a = first ? b : static_cast<T>(expression);                                               \
      first = false;                                                                            \
    }                                                                                           \
    return a;                                                                                   \
  }
ON_CPU_WARP_REDUCE(__reduce_add_sync, unsigned, a + b)
ON_CPU_WARP_REDUCE(__reduce_add_sync, int, static_cast<unsigned>(a) + static_cast<unsigned>(b))
ON_CPU_WARP_REDUCE(__reduce_max_sync, unsigned, a < b ? b : a)
ON_CPU_WARP_REDUCE(__reduce_max_sync, int, a < b ? b : a)
ON_CPU_WARP_REDUCE(__reduce_min_sync, unsigned, b < a ? b : a)
ON_CPU_WARP_REDUCE(__reduce_min_sync, int, b < a ? b : a)
ON_CPU_WARP_REDUCE(__reduce_or_sync, unsigned, a | b)
#undef ON_CPU_WARP_REDUCE

// Blocks never run at the same moment: nothing more is needed to be atomic.
#define ON_CPU_ATOMIC(T)                                                              \
  inline T atomicExch(T* p, T v) { return std::exchange(*p, v); }                     \
  inline T atomicAdd(T* p, T v) { return std::exchange(*p, static_cast<T>(*p + v)); } \
  inline T atomicMax(T* p, T v) { return std::exchange(*p, *p < v ? v : *p); }        \
  inline T atomicMin(T* p, T v) { return std::exchange(*p, v < *p ? v : *p); }
ON_CPU_ATOMIC(int)
ON_CPU_ATOMIC(unsigned)
ON_CPU_ATOMIC(unsigned long long)
#undef ON_CPU_ATOMIC
#define ON_CPU_ATOMIC_BITS(T)                                         \
  inline T atomicOr(T* p, T v) { return std::exchange(*p, *p | v); }  \
  inline T atomicAnd(T* p, T v) { return std::exchange(*p, *p & v); } \
  inline T atomicCAS(T* p, T was, T v) { return *p == was ? std::exchange(*p, v) : *p; }
ON_CPU_ATOMIC_BITS(int)
ON_CPU_ATOMIC_BITS(unsigned)
ON_CPU_ATOMIC_BITS(unsigned long long)
#undef ON_CPU_ATOMIC_BITS
inline float atomicExch(float* p, float v) { return std::exchange(*p, v); }
inline float atomicAdd(float* p, float v) { return std::exchange(*p, *p + v); }
inline double atomicAdd(double* p, double v) { return std::exchange(*p, *p + v); }
inline unsigned atomicInc(unsigned* p, unsigned limit) { return std::exchange(*p, *p >= limit ? 0 : *p + 1); }
