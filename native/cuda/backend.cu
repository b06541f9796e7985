// The CUDA back end: expands the table into launches and gives the addon its C table. One Device is one GPU with one
// stream.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/backend.h"
#include "core/fault.h"
#include "core/library.h"
#include "cuda/device.cuh"
#include "cuda/limits.h"
#include "ops/table.h"

namespace striate::cuda {

#define STRIATE_DECLARE(name, Contract) \
  void name(core::Context&, const core::View* in, core::View* out, const op::Contract::Options& options);
STRIATE_OPS(STRIATE_DECLARE)
#undef STRIATE_DECLARE

void* allocate_memory(cudaStream_t stream, size_t bytes) {
  void* memory = nullptr;
  if (cudaMallocAsync(&memory, bytes, stream) == cudaSuccess) return memory;
  // What the pool holds back may be of other sizes: give it to the driver and ask again.
  cudaGetLastError();
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  int ordinal = 0;
  cudaMemPool_t pool = nullptr;
  check(cudaGetDevice(&ordinal), "cudaGetDevice");
  check(cudaDeviceGetDefaultMemPool(&pool, ordinal), "cudaDeviceGetDefaultMemPool");
  check(cudaMemPoolTrimTo(pool, 0), "cudaMemPoolTrimTo");
  check(cudaMallocAsync(&memory, bytes, stream), "cudaMallocAsync");
  return memory;
}
void release_memory(cudaStream_t stream, void* memory) {
  cudaFreeAsync(memory, stream);
  cudaGetLastError();  // a device that has failed says so at the next call that can report it
}

void* DeviceArena::take(size_t bytes) {
  constexpr size_t kAlign = 256;
  bytes = (bytes + kAlign - 1) / kAlign * kAlign;
  if (bytes == 0) bytes = kAlign;
  for (Block& block : blocks_)
    if (block.size - block.used >= bytes) {
      void* memory = block.memory + block.used;
      block.used += bytes;
      return memory;
    }
#if defined(STRIATE_CUDA_SIM)
  const size_t size = bytes;  // a block for each, so that AddressSanitizer sees the end of each
#else
  const size_t size = bytes > kBlock ? bytes : kBlock;
#endif
  char* memory = static_cast<char*>(allocate_memory(stream, size));
  blocks_.push_back({memory, size, bytes});
  return memory;
}
void DeviceArena::reset() {
#if defined(STRIATE_CUDA_SIM)
  free_all();
#else
  size_t kept = 0;
  std::vector<Block> keep;
  for (Block& block : blocks_) {  // blocks of an exceptional op are not kept for ever
    block.used = 0;
    if (kept + block.size <= kKept) {
      kept += block.size;
      keep.push_back(block);
    } else {
      release_memory(stream, block.memory);
    }
  }
  blocks_.swap(keep);
#endif
}
void DeviceArena::free_all() {
  for (const Block& block : blocks_) release_memory(stream, block.memory);
  blocks_.clear();
}

unsigned long long* clear_flag(const core::Context& ctx) {
  Device& device = device_of(ctx);
  check(cudaMemsetAsync(device.flag, 0xff, sizeof *device.flag, device.stream), "cudaMemsetAsync");
  return device.flag;
}
unsigned long long read_flag(const core::Context& ctx) {
  Device& device = device_of(ctx);
  check(cudaMemcpyAsync(device.host_flag, device.flag, sizeof *device.flag, cudaMemcpyDeviceToHost, device.stream),
        "cudaMemcpyAsync");
  check(cudaStreamSynchronize(device.stream), "cudaStreamSynchronize");
  return *device.host_flag;
}

namespace {

template <auto kernel, class Contract>
void launch_as(core::Context& context, const core::View* in, core::View* out, const void* options) {
  kernel(context, in, out, *static_cast<const typename Contract::Options*>(options));
}

#define STRIATE_LAUNCH_ROW(name, Contract) launch_as<&name, op::Contract>,
#define STRIATE_NAME(name, Contract) #name,
const op::Launch kLaunches[] = {STRIATE_OPS(STRIATE_LAUNCH_ROW)};
constexpr const char* kNames[] = {STRIATE_OPS(STRIATE_NAME)};

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string versions() {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  return "driver for CUDA " + version_text(driver) + ", runtime " + version_text(runtime);
}

/// Ordinals of the GPUs that the kernels were compiled for, compute capability 8.0 and newer, and that have memory
/// pools.
std::vector<int> usable_devices(std::string* reason) {
  std::vector<int> usable;
#if !defined(STRIATE_CUDA_SIM)
  // The driver comes first: without it the runtime's own message does not say what is missing.
  std::string why;
  if (!core::open_library(nullptr, {"libcuda.so.1"}, &why)) {
    *reason = "no NVIDIA driver was found (" + why + "): install one";
    return usable;
  }
#endif
  int count = 0;
  const cudaError_t e = cudaGetDeviceCount(&count);
  if (e != cudaSuccess) {
    cudaGetLastError();
    *reason = std::string("CUDA answers \"") + cudaGetErrorString(e) + "\" (" + versions() +
              "): check that the driver is as new as the runtime and that a GPU is visible (nvidia-smi, "
              "CUDA_VISIBLE_DEVICES)";
    return usable;
  }
  for (int i = 0; i < count; ++i) {
    int major = 0, pools = 0;
    if (cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, i) == cudaSuccess && major >= 8 &&
        cudaDeviceGetAttribute(&pools, cudaDevAttrMemoryPoolsSupported, i) == cudaSuccess && pools)
      usable.push_back(i);
  }
  if (usable.empty())
    *reason = count == 0 ? "the driver sees no GPU: check CUDA_VISIBLE_DEVICES"
                         : "no GPU here has compute capability 8.0 (Ampere) or newer and memory pools "
                           "(cudaMallocAsync): both are needed";
  return usable;
}

int32_t device_count(char* reason, size_t size) {
  std::string why;
  try {
    const auto count = static_cast<int32_t>(usable_devices(&why).size());
    if (count == 0 && size) std::snprintf(reason, size, "%s", why.c_str());
    return count;
  } catch (...) {
    if (size) std::snprintf(reason, size, "the host has no memory left");
    return 0;
  }
}

void set_device(const Device* device) { check(cudaSetDevice(device->ordinal), "cudaSetDevice"); }

void close(void* pointer) {
  std::unique_ptr<Device> device(static_cast<Device*>(pointer));
  // Nothing can be reported from here, and a device that has failed must still give back what it can.
  cudaSetDevice(device->ordinal);
  kSums.break_off(pointer, "the process ends");
  if (device->stream) cudaStreamSynchronize(device->stream);
  if (device->cublas) cublas()->destroy(device->cublas);
  if (device->cusolver) cusolver()->destroy(device->cusolver);
  device->arena.free_all();
  device->wavelets.reset();
  if (device->flag) release_memory(device->stream, device->flag);
  if (device->host_flag) cudaFreeHost(device->host_flag);
  if (device->stream) {
    cudaStreamSynchronize(device->stream);
    cudaStreamDestroy(device->stream);
  }
  cudaGetLastError();
}

void describe(const Device& device, core::DeviceInfo* info) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, device.ordinal), "cudaGetDeviceProperties");
  std::snprintf(info->name, sizeof info->name, "%.127s", properties.name);
  info->memory = properties.totalGlobalMem;
  std::snprintf(info->address, sizeof info->address, "%04x:%02x:%02x.0", static_cast<unsigned>(properties.pciDomainID),
                static_cast<unsigned>(properties.pciBusID), static_cast<unsigned>(properties.pciDeviceID));
#if defined(STRIATE_CUDA_SIM)
  std::snprintf(info->libraries, sizeof info->libraries, "CUDA kernels run on the CPU");
#else
  std::string text = versions(), why;
  if (const Cublas* table = cublas(&why))
    text += ", cuBLAS " + std::to_string(table->major) + "." + std::to_string(table->minor);
  else
    text += ", own products (no cuBLAS: " + why + ")";
  if (const Cusolver* table = cusolver(&why))
    text += ", cuSOLVER " + version_text(table->version);
  else
    text += ", own eigenvalues (no cuSOLVER: " + why + ")";
  std::snprintf(info->libraries, sizeof info->libraries, "%s", text.c_str());
#endif
}

/// Multiprocessors that kernels are chosen and cut for. STRIATE_CUDA_SMS caps them, so that tests on a large GPU meet
/// what a small one would run.
int processors(int ordinal) {
  int count = 0;
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, ordinal), "cudaDeviceGetAttribute");
  const char* cap = std::getenv("STRIATE_CUDA_SMS");
  if (!cap || !*cap) return count;
  char* end = nullptr;
  const long most = std::strtol(cap, &end, 10);
  if (*end || most < 1)
    throw core::Error(core::ErrorKind::device, "",
                      std::string("STRIATE_CUDA_SMS is ") + cap + "; expected a number of multiprocessors");
  return static_cast<int>(std::min<long>(count, most));
}

bool has_fast_f64(int ordinal) {
  int ratio = 0;
  if (cudaDeviceGetAttribute(&ratio, cudaDevAttrSingleToDoublePrecisionPerfRatio, ordinal) == cudaSuccess)
    return ratio > 0 && ratio <= 2;
  cudaGetLastError();
  return false;
}

int32_t open(int32_t index, void** device, core::DeviceInfo* info, core::Fault* fault) {
  return core::guarded(fault, [&] {
    std::string why;
    const std::vector<int> usable = usable_devices(&why);
    if (index < 0 || static_cast<size_t>(index) >= usable.size())
      throw core::Error(core::ErrorKind::device, "",
                        usable.empty() ? why
                                       : "there is no CUDA device " + std::to_string(index) + ", only " +
                                             std::to_string(usable.size()));
    struct Close {
      void operator()(Device* d) const { close(d); }
    };
    std::unique_ptr<Device, Close> made(new Device);
    made->ordinal = usable[static_cast<size_t>(index)];
    set_device(made.get());
    check(cudaStreamCreateWithFlags(&made->stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    made->arena.stream = made->stream;
    made->processors = processors(made->ordinal);
    made->fast_f64 = has_fast_f64(made->ordinal);
    // Memory that was released stays with the process until an allocation fails: no call of the driver for a tensor of
    // a known size.
    cudaMemPool_t pool = nullptr;
    uint64_t everything = UINT64_MAX;
    check(cudaDeviceGetDefaultMemPool(&pool, made->ordinal), "cudaDeviceGetDefaultMemPool");
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &everything), "cudaMemPoolSetAttribute");
    made->flag = static_cast<unsigned long long*>(allocate_memory(made->stream, sizeof *made->flag));
    void* locked = nullptr;
    check(cudaHostAlloc(&locked, sizeof *made->host_flag, cudaHostAllocDefault), "cudaHostAlloc");
    made->host_flag = static_cast<unsigned long long*>(locked);
    describe(*made, info);
    *device = made.release();
  });
}

int32_t allocate(void* device, size_t bytes, void** memory, core::Fault* fault) {
  return core::guarded(fault, [&] {
    const Device* self = static_cast<Device*>(device);
    set_device(self);
    *memory = allocate_memory(self->stream, bytes);
  });
}
void release(void* device, void* memory) {
  const Device* self = static_cast<Device*>(device);
  cudaSetDevice(self->ordinal);
  release_memory(self->stream, memory);
}

int32_t transfer(void* device, void* to, const void* from, size_t bytes, cudaMemcpyKind kind, bool wait,
                 core::Fault* fault) {
  return core::guarded(fault, [&] {
    const Device* self = static_cast<Device*>(device);
    set_device(self);
    check(cudaMemcpyAsync(to, from, bytes, kind, self->stream), "cudaMemcpyAsync");
    if (!wait) return;
    check(cudaStreamSynchronize(self->stream), "cudaStreamSynchronize");
    self->sums.check();
  });
}
// From memory that is not page-locked, as JavaScript's is, cudaMemcpyAsync has read everything when it returns.
int32_t upload(void* device, void* to, const void* from, size_t bytes, core::Fault* fault) {
  return transfer(device, to, from, bytes, cudaMemcpyHostToDevice, false, fault);
}
int32_t download(void* device, void* to, const void* from, size_t bytes, core::Fault* fault) {
  return transfer(device, to, from, bytes, cudaMemcpyDeviceToHost, true, fault);
}
int32_t copy(void* device, void* to, const void* from, size_t bytes, core::Fault* fault) {
  return transfer(device, to, from, bytes, cudaMemcpyDeviceToDevice, false, fault);
}
int32_t synchronise(void* device, core::Fault* fault) {
  return core::guarded(fault, [&] {
    const Device* self = static_cast<Device*>(device);
    set_device(self);
    check(cudaStreamSynchronize(self->stream), "cudaStreamSynchronize");
    self->sums.check();
  });
}

int32_t launch_op(void* device, int32_t op, const core::View* in, core::View* out, const void* options,
                  const std::atomic<bool>* cancelled, core::Fault* fault) {
  const int32_t failed = core::guarded(fault, [&] {
    Device* self = static_cast<Device*>(device);
    set_device(self);
    core::Context context{self->stream, self, &self->arena, cancelled};
    struct Reset {
      core::Arena& arena;
      ~Reset() { arena.reset(); }
    } reset{self->arena};
    kLaunches[op](context, in, out, options);
  });
  if (failed && !fault->op[0]) std::snprintf(fault->op, sizeof fault->op, "%s", kNames[op]);
  return failed;
}

int32_t limits(void* device, double seconds, core::Limits* limits, core::Fault* fault) {
  return core::guarded(fault, [&] {
    const Device* self = static_cast<Device*>(device);
    set_device(self);
    *limits = measure_limits(*self, seconds);
  });
}

#if defined(STRIATE_CUDA_SIM)
constexpr const char* kKind = "cuda-sim";
#else
constexpr const char* kKind = "cuda";
#endif

}  // namespace
}  // namespace striate::cuda

extern "C" __attribute__((visibility("default"))) const striate::core::BackendTable* striate_backend() {
  using namespace striate::cuda;
  static const striate::core::BackendTable table = {striate::core::kBackendVersion,
                                                    kKind,
                                                    striate::op::kCount,
                                                    kNames,
                                                    device_count,
                                                    open,
                                                    close,
                                                    allocate,
                                                    release,
                                                    upload,
                                                    download,
                                                    copy,
                                                    synchronise,
                                                    launch_op,
                                                    limits,
                                                    &kSums};
  return &table;
}
