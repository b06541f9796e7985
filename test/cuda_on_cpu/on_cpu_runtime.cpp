#include "on_cpu_runtime.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "cuda_on_cpu.h"

namespace cuda_on_cpu {

namespace {
thread_local cudaError_t last = cudaSuccess;
thread_local std::string failure;  // of the last launch that failed on this thread

std::mutex memory_mutex;
std::map<void*, size_t>& blocks() {
  static auto* all = new std::map<void*, size_t>;
  return *all;
}
size_t live = 0;
// Room for the tests, and small enough that a test of running out does not need much.
constexpr size_t kMemory = size_t(8) << 30;
// A middling GPU, so that what is chosen by their number is what users will run (more would need more stacks for a
// cooperative launch than a process may map); STRIATE_CUDA_SMS caps them.
constexpr int kProcessors = 40;

cudaError_t result(cudaError_t e) {
  if (e != cudaSuccess) last = e;
  return e;
}
}  // namespace

void set_failure(const std::string& text) {
  failure = text;
  last = cudaErrorLaunchFailure;
}

}  // namespace cuda_on_cpu

using namespace cuda_on_cpu;

namespace {
struct Kernels {
  std::mutex mutex;
  std::set<std::string> held, launched;
  static Kernels& all() {
    static auto* kernels = new Kernels;
    return *kernels;
  }
};
void append(const char* what, const std::string& name) {
  const char* path = std::getenv("STRIATE_SIM_KERNELS");
  if (!path || !*path) return;
  if (FILE* file = std::fopen(path, "a")) {
    std::fprintf(file, "%s %s\n", what, name.c_str());
    std::fclose(file);
  }
}
}  // namespace

bool cuda_on_cpu::list_kernel(const std::string& name) {
  std::lock_guard lock(Kernels::all().mutex);
  if (Kernels::all().held.insert(name).second) append("holds", name);
  return true;
}
void cuda_on_cpu::note_launch(const std::string& name) {
  std::lock_guard lock(Kernels::all().mutex);
  if (Kernels::all().launched.insert(name).second) append("launched", name);
}

cudaError_t cudaGetLastError() {
  const cudaError_t e = last;
  last = cudaSuccess;
  return e;
}
cudaError_t cudaPeekAtLastError() { return last; }
const char* cudaGetErrorString(cudaError_t e) {
  switch (e) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorLaunchFailure:
      return failure.c_str();
    default:
      return "invalid argument";
  }
}
const char* cudaGetErrorName(cudaError_t e) {
  switch (e) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    default:
      return "cudaErrorInvalidValue";
  }
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return result(device == 0 ? cudaSuccess : cudaErrorInvalidDevice); }
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  *properties = {};
  properties->totalGlobalMem = kMemory;
  properties->multiProcessorCount = kProcessors;
  if (const char* own = std::getenv("STRIATE_SIM_ADDRESS")) properties->pciBusID = std::atoi(own);
  return result(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = 1024;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = kProcessors;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = 9;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = 0;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = 227 * 1024;
      break;
    case cudaDevAttrSingleToDoublePrecisionPerfRatio:
      *value = 2;
      break;
    case cudaDevAttrCooperativeLaunch:
    case cudaDevAttrMemoryPoolsSupported:
      *value = 1;
      break;
  }
  return result(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}
cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 0;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 0;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  std::lock_guard lock(memory_mutex);
  *free = kMemory - live;
  *total = kMemory;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  std::lock_guard lock(memory_mutex);
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (bytes > kMemory - live) return result(cudaErrorMemoryAllocation);
  void* p = nullptr;
  if (posix_memalign(&p, 256, bytes) != 0) return result(cudaErrorMemoryAllocation);
  std::memset(p, 0xff, bytes);  // NaN: whoever reads what nobody wrote shall see it
  blocks()[p] = bytes;
  live += bytes;
  *memory = p;
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  if (!memory) return cudaSuccess;
  std::lock_guard lock(memory_mutex);
  const auto found = blocks().find(memory);
  if (found == blocks().end()) return result(cudaErrorInvalidValue);
  live -= found->second;
  blocks().erase(found);
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t) { return cudaMalloc(memory, bytes); }
cudaError_t cudaFreeAsync(void* memory, cudaStream_t) { return cudaFree(memory); }
cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned) {
  *memory = std::malloc(bytes);
  return result(*memory ? cudaSuccess : cudaErrorMemoryAllocation);
}
cudaError_t cudaFreeHost(void* memory) {
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  if (bytes) std::memmove(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t) {
  return cudaMemcpy(to, from, bytes, kind);
}
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t) {
  if (bytes) std::memset(memory, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = nullptr;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int) {
  *pool = nullptr;
  return cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr, void* value) {
  std::lock_guard lock(memory_mutex);
  *static_cast<uint64_t*>(value) = live;
  return cudaSuccess;
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) { return cudaSuccess; }
