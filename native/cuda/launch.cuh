// The single include of every .cu file: CUDA under nvcc, its simulation on the CPU under g++ (STRIATE_CUDA_SIM), and
// what stands between the two: launches, dynamic shared memory, the grid's barrier, asynchronous copies and the tensor
// cores' instructions.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/check.h"
#include "core/context.h"
#include "core/view.h"

#if defined(STRIATE_CUDA_SIM)
#include "cuda_on_cpu.h"
#else
#include <cuda_runtime.h>
#endif

/// `STRIATE_LAUNCH((kernel<256>), grid, block, shared_bytes, stream, arguments...)`: arguments are converted to the
/// kernel's parameters, shared memory above 48 KiB is asked for, and a refused launch throws core::Error with the
/// name of the kernel's instance.
#define STRIATE_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) \
  ::striate::cuda::launch<kernel>(false, kernel, grid, block, shared_bytes, stream, __VA_ARGS__)
/// The same with every block alive at once, so that grid_sync() (cuda/grid.cuh) may be called: no more blocks than
/// `resident_blocks` tells.
#define STRIATE_LAUNCH_COOPERATIVE(kernel, grid, block, shared_bytes, stream, ...) \
  ::striate::cuda::launch<kernel>(true, kernel, grid, block, shared_bytes, stream, __VA_ARGS__)

/// `STRIATE_DYNAMIC_SHARED(float, tile)` declares float* tile, the block's dynamic shared memory, aligned to 128 bytes.
#if defined(STRIATE_CUDA_SIM)
#define STRIATE_DYNAMIC_SHARED(type, name) type* name = static_cast<type*>(::cuda_on_cpu::self->shared)
#define STRIATE_UNROLL
#else
#define STRIATE_DYNAMIC_SHARED(type, name)                                        \
  extern __shared__ __align__(128) unsigned char striate_dynamic_shared_memory[]; \
  type* name = reinterpret_cast<type*>(striate_dynamic_shared_memory)
#define STRIATE_UNROLL _Pragma("unroll")
#endif

namespace striate::cuda {

/// Throws core::Error(device) unless `e` is success. `what` is the call or kernel that answered it.
inline void check(cudaError_t e, const char* what) {
  if (e == cudaSuccess) return;
  cudaGetLastError();  // an error that does not stick is taken off, so that the next check does not meet it again
  throw core::Error(e == cudaErrorMemoryAllocation ? core::ErrorKind::out_of_memory : core::ErrorKind::device, "",
                    std::string(what) + ": " + cudaGetErrorString(e) + " (" + cudaGetErrorName(e) + ")");
}

inline cudaStream_t stream_of(const core::Context& ctx) { return static_cast<cudaStream_t>(ctx.queue); }

/// Blocks that cover `count` items, `each` of them a block.
inline unsigned blocks_for(int64_t count, int64_t each) {
  const int64_t blocks = (count + each - 1) / each;
  if (blocks > 0x7fffffff)
    throw core::Error(core::ErrorKind::device, "",
                      std::to_string(blocks) + " blocks are more than one launch can have");
  return static_cast<unsigned>(blocks);
}

/// As it is written with its template's arguments: `nnl_conv_bytes_kernel<true, false>`.
template <auto kKernel>
const std::string& kernel_name() {
  // ... [with auto kKernel = striate::cuda::{anonymous}::nnl_conv_bytes_kernel<true, false>; ...]
  static const std::string name = [](std::string text) {
    const std::string before = "kKernel = ";
    text.erase(0, text.find(before) + before.size());
    text.erase(std::min(text.find(';'), text.rfind(']')));
    for (const char* space : {"striate::", "cuda::", "{anonymous}::", "(anonymous namespace)::", "& "})
      for (size_t at; (at = text.find(space)) != std::string::npos;) text.erase(at, std::strlen(space));
    return text;
  }(__PRETTY_FUNCTION__);
  return name;
}

#if defined(STRIATE_CUDA_SIM)
/// Every instance that the library can launch is listed when it is loaded.
template <auto kKernel>
inline const bool kListed = cuda_on_cpu::list_kernel(kernel_name<kKernel>());
#endif

#if !defined(STRIATE_CUDA_SIM)
/// A kernel whose shared memory passes 48 KiB must ask for its dynamic part. Its static part, which counts too, is not
/// known here: no kernel has more than 32 KiB of it beside a dynamic one.
inline void allow_shared(const void* kernel, size_t bytes) {
  if (bytes > 16 * 1024)
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
          "cudaFuncSetAttribute");
}
#endif

template <auto kKernel, class... P, class... A>
void launch(bool cooperative, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
            A&&... arguments) {
  const char* name = kernel_name<kKernel>().c_str();
#if defined(STRIATE_CUDA_SIM)
  (void)stream;
  if (kListed<kKernel>) cuda_on_cpu::note_launch(name);
  cuda_on_cpu::launch(kernel, grid, block, shared_bytes, cooperative, std::forward<A>(arguments)...);
  check(cudaGetLastError(), name);
#else
  std::tuple<std::decay_t<P>...> parameters(static_cast<std::decay_t<P> >(arguments)...);
  std::apply(
      [&](auto&... p) {
        void* pointers[] = {const_cast<void*>(static_cast<const void*>(&p))...};
        const void* entry = reinterpret_cast<const void*>(kernel);
        allow_shared(entry, shared_bytes);
        check(cooperative ? cudaLaunchCooperativeKernel(entry, grid, block, pointers, shared_bytes, stream)
                          : cudaLaunchKernel(entry, grid, block, pointers, shared_bytes, stream),
              name);
      },
      parameters);
#endif
}

/// How many blocks of this kernel so many multiprocessors hold at once: the largest grid of a cooperative launch.
template <class... P>
int resident_blocks(void (*kernel)(P...), int threads, size_t shared_bytes, int processors) {
  int each = 0;
#if !defined(STRIATE_CUDA_SIM)
  allow_shared(reinterpret_cast<const void*>(kernel), shared_bytes);
#endif
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, kernel, threads, shared_bytes),
        "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
  return each * processors;
}

// ---- device code

/// bf16 is held as its 16 bits: the upper half of a float32.
__device__ __forceinline__ float bf16_to_float(uint16_t bits) {
  return __uint_as_float(static_cast<uint32_t>(bits) << 16);
}
/// Nearest, ties to even; a NaN stays one.
__device__ __forceinline__ uint16_t float_to_bf16(float x) {
  const uint32_t bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
__device__ __forceinline__ float load(const float* p) { return __ldg(p); }
__device__ __forceinline__ float load(const uint16_t* bf16) { return bf16_to_float(__ldg(bf16)); }
__device__ __forceinline__ void store(float* p, float x) { *p = x; }
__device__ __forceinline__ void store(uint16_t* bf16, float x) { *bf16 = float_to_bf16(x); }

/// x in three bf16 numbers (upper halves of the words), each the nearest to what is left; at and near infinity cut off.
__device__ __forceinline__ void split_in_three(float x, unsigned (&part)[3]) {
  STRIATE_UNROLL
  for (int i = 0; i < 3; ++i) {
    const unsigned bits = __float_as_uint(x);
    part[i] = fabsf(x) < 3e38f ? (bits + 0x8000u) & 0xffff0000u : bits & 0xffff0000u;
    x -= __uint_as_float(part[i]);
  }
}

/// float32 rounded to tf32 (nearest, ties away from zero), as the bits that mma_tf32 takes.
__device__ __forceinline__ uint32_t to_tf32(float x) {
#if defined(STRIATE_CUDA_SIM)
  return (__float_as_uint(x) + 0x1000u) & 0xffffe000u;
#else
  uint32_t r;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));
  return r;
#endif
}

/// d += a b on the warp's tensor core, m16n8k8: a 16 x 8 row-major, b 8 x 8 column-major, fragments as in the PTX
/// manual.
__device__ __forceinline__ void mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(STRIATE_CUDA_SIM)
  cuda_on_cpu::mma_tf32(d, a, b);
#else
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

/// The same with bf16 pairs (lower half first), m16n8k16.
__device__ __forceinline__ void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(STRIATE_CUDA_SIM)
  cuda_on_cpu::mma_bf16(d, a, b);
#else
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

/// ldmatrix.x4: four 8 x 8 matrices of 16-bit elements from shared memory; lanes 8m .. 8m+7 give the rows of matrix m,
/// 16-byte aligned.
template <bool kTranspose = false>
__device__ __forceinline__ void load_matrix_x4(uint32_t (&r)[4], const void* row) {
#if defined(STRIATE_CUDA_SIM)
  cuda_on_cpu::load_matrix_x4(r, row, kTranspose);
#else
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  if constexpr (kTranspose)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
#endif
}

/// Neighbours of an array that one access takes, aligned to all of them.
template <class T, int kCount>
struct alignas(kCount * sizeof(T)) Pack {
  T v[kCount];
};
template <int kCount, class T>
__device__ __forceinline__ auto& pack_at(T* first) {
  using P = Pack<std::remove_const_t<T>, kCount>;
  return *reinterpret_cast<std::conditional_t<std::is_const_v<T>, const P, P>*>(first);
}

/// Starts a copy of kBytes (4, 8 or 16, aligned to that) from global to shared memory; zeros are stored when `valid` is
/// false, and nothing is read. Done after copy_commit() and copy_wait<n>() (all but the last n groups), visible to the
/// block after a barrier.
template <int kBytes>
__device__ __forceinline__ void copy_async(void* shared, const void* global, bool valid = true) {
#if defined(STRIATE_CUDA_SIM)
  valid ? std::memcpy(shared, global, kBytes) : std::memset(shared, 0, kBytes);
#else
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  const int bytes = valid ? kBytes : 0;
  if constexpr (kBytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(bytes) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %3, %2;" ::"r"(address), "l"(global), "r"(bytes), "n"(kBytes)
                 : "memory");
#endif
}
__device__ __forceinline__ void copy_commit() {
#if !defined(STRIATE_CUDA_SIM)
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int kGroups>
__device__ __forceinline__ void copy_wait() {
#if !defined(STRIATE_CUDA_SIM)
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
#endif
}

/// Sum over the warp's 32 lanes, the same to the bit in each; a fixed order.
template <class T>
__device__ __forceinline__ T warp_sum(T x) {
  for (int bits = 16; bits; bits >>= 1) x += __shfl_xor_sync(0xffffffffu, x, bits);
  return x;
}

}  // namespace striate::cuda
