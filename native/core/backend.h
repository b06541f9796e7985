// The plain C table between the addon and a back end. The CPU's is linked in; CUDA's comes from libstriate_cuda, opened
// at run time by `striate_backend` (and the simulated one, for tests, from libstriate_cuda_sim). No C++ exception and
// no C++ object crosses it, except View, which is plain data, and the cancel flag.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/view.h"

namespace striate::core {

inline constexpr uint32_t kBackendVersion = 3;

/// Text of a failure, in the parts of core::Error. `kind` is -1 while nothing failed.
struct Fault {
  int32_t kind = -1;
  char op[64] = {}, argument[64] = {}, actual[512] = {}, expected[512] = {}, text[1024] = {};
};

struct DeviceInfo {
  char name[128] = {};
  char libraries[512] = {};  // what is in use: "AVX-512 kernels, 2 threads", "driver 13.0, runtime 13.0, cuBLAS 13.1"
  uint64_t memory = 0;       // bytes
  char address[32] = {};     // of a GPU on its host's bus; empty on the CPU
};

/// What a device can do at most, measured.
struct Limits {
  double fma_gflops = 0;  // float32 multiply-adds, two operations each
  double read_gbs = 0;    // memory read
  double copy_gbs = 0;    // memory copied, bytes read plus bytes written
};

inline constexpr size_t kSumsKey = 128;  // bytes by which the processes that add up together know each other

/// Sums of tensors over the GPUs of several processes, one each. A process joins once, and leaves by its end.
struct SumsTable {
  /// 1 with the name and version of the library that adds up, or 0 with the reason why there is none.
  int32_t (*library)(char* text, size_t size);
  /// The key of one process, for all.
  int32_t (*make_key)(void* device, char* key, Fault* fault);
  // Called on the device's stream thread. `join` waits for all; `add` queues the sums of some float32 tensors, in place
  // and in the order of the stream: all processes add up the same ones, in the same order.
  int32_t (*join)(void* device, const char* key, int32_t rank, int32_t size, Fault* fault);
  int32_t (*add)(void* device, const View* tensors, int32_t count, Fault* fault);
  // Called on any other thread. After a break what sums have touched is not whole: the device gives nothing out any more.
  /// Ends sums that wait for processes which are gone, now and from then on.
  void (*break_off)(void* device, const char* why);
  /// The same where the library has noticed so itself.
  void (*watch)(void* device);
};

struct BackendTable {
  uint32_t version;  // kBackendVersion
  const char* kind;  // "cpu", "cuda", "cuda-sim"
  int32_t op_count;
  const char* const* op_names;  // compared with the addon's table when the library is opened

  /// Number of usable devices. When 0, `reason` holds one sentence that says why and what to do.
  int32_t (*device_count)(char* reason, size_t size);
  // The rest return 0, or 1 after filling the fault.
  int32_t (*open)(int32_t index, void** device, DeviceInfo* info, Fault* fault);
  void (*close)(void* device);
  int32_t (*allocate)(void* device, size_t bytes, void** memory, Fault* fault);
  void (*release)(void* device, void* memory);
  // Called on the device's stream thread, in order. `upload` may return before the copy is done only if it no longer
  // reads `from`.
  int32_t (*upload)(void* device, void* to, const void* from, size_t bytes, Fault* fault);
  int32_t (*download)(void* device, void* to, const void* from, size_t bytes, Fault* fault);
  int32_t (*copy)(void* device, void* to, const void* from, size_t bytes, Fault* fault);
  int32_t (*synchronise)(void* device, Fault* fault);
  int32_t (*launch)(void* device, int32_t op, const View* in, View* out, const void* options,
                    const std::atomic<bool>* cancelled, Fault* fault);
  /// Measures each limit for about `seconds`.
  int32_t (*limits)(void* device, double seconds, Limits* limits, Fault* fault);
  const SumsTable* sums;  // null where the back end has none
};

using BackendEntry = const BackendTable* (*)();

}  // namespace striate::core
