// The CPU back end: chooses the kernels for this processor's instruction set and expands the table into launches.
#include "core/backend.h"

#include <unistd.h>
#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#endif

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "core/context.h"
#include "core/fault.h"
#include "core/host_memory.h"
#include "core/parallel.h"
#include "cpu/backend.h"
#include "cpu/limits.h"
#include "ops/table.h"

namespace striate::cpu {

// The kernels, once for each instruction set that they were compiled for: AVX-512 is not where CMake found a machine
// without it. AMX has kernels of its own for a few ops (STRIATE_AMX_OPS, CMake's STRIATE_AMX_KERNELS) and AVX-512's for
// the others.
#define STRIATE_DECLARE(name, Contract) \
  void name(core::Context&, const core::View* in, core::View* out, const op::Contract::Options& options);
namespace base {
STRIATE_OPS(STRIATE_DECLARE)
}
#if defined(__x86_64__)
namespace v3 {
STRIATE_OPS(STRIATE_DECLARE)
}
#endif
#if defined(STRIATE_AVX512)
namespace v4 {
STRIATE_OPS(STRIATE_DECLARE)
}
#endif
#define STRIATE_AMX_OPS(X)       \
  X(hebbian_step, HebbianStep)   \
  X(hebbian_learn, HebbianLearn) \
  X(nnl_conv, NnlConv)           \
  X(nnl_conv_grad, NnlConvGrad)
#if defined(STRIATE_AMX)
namespace amx {
STRIATE_AMX_OPS(STRIATE_DECLARE)
}
#endif
#undef STRIATE_DECLARE

namespace {

// Scratch memory that grows to what the hungriest op so far took, so that a repeated op meets no fresh pages.
class HostArena : public core::Arena {
 public:
  ~HostArena() override {
    for (const Block& block : blocks_) std::free(block.memory);
  }
  void* take(size_t bytes) override {
    bytes = (bytes + core::kAlignment - 1) / core::kAlignment * core::kAlignment;
    for (Block& block : blocks_)
      if (block.size - block.used >= bytes) {
        void* memory = block.memory + block.used;
        block.used += bytes;
        return memory;
      }
    const size_t size = bytes > kBlock ? bytes : kBlock;
    char* memory = static_cast<char*>(core::allocate_host(size));
    if (!memory) throw std::bad_alloc();
    blocks_.push_back({memory, size, bytes});
    return memory;
  }
  void reset() override {
    // Blocks of an exceptional op are not kept for ever.
    size_t kept = 0;
    std::vector<Block> keep;
    for (Block& block : blocks_) {
      block.used = 0;
      if (kept + block.size <= kKept || keep.empty()) {
        kept += block.size;
        keep.push_back(block);
      } else {
        std::free(block.memory);
      }
    }
    blocks_.swap(keep);
  }

 private:
  static constexpr size_t kBlock = 4 << 20, kKept = 256 << 20;
  struct Block {
    char* memory;
    size_t size, used;
  };
  std::vector<Block> blocks_;
};

struct CpuDevice {
  HostArena arena;
};

enum class Level { base, v3, v4, amx };

constexpr const char* kLevelNames[] = {"base", "v3", "v4", "amx"};

/// Linux saves the tiles of a process only once it has asked for them, which is refused where the processor has none.
bool may_use_tiles() {
#if defined(__x86_64__) && defined(__linux__)
  constexpr long kRequest = 0x1023, kTiles = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  constexpr unsigned kBf16AndTiles = 1u << 22 | 1u << 24;
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & kBf16AndTiles) == kBf16AndTiles &&
         syscall(SYS_arch_prctl, kRequest, kTiles) == 0;
#else
  return false;
#endif
}

/// The highest that this processor has.
Level processor_level() {
#if defined(__x86_64__)
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  static const bool tiles = v4 && may_use_tiles();
  return tiles ? Level::amx : v4 ? Level::v4 : v3 ? Level::v3 : Level::base;
#else
  return Level::base;
#endif
}

#if defined(STRIATE_AMX)
constexpr Level kCompiled = Level::amx;
#elif defined(STRIATE_AVX512)
constexpr Level kCompiled = Level::v4;
#elif defined(__x86_64__)
constexpr Level kCompiled = Level::v3;
#else
constexpr Level kCompiled = Level::base;
#endif

/// The highest that this processor has and the kernels were compiled for.
Level highest_level() { return std::min(processor_level(), kCompiled); }

/// What this processor has more, for people; empty where there is nothing.
const char* uncompiled() {
  if (processor_level() >= Level::v4 && kCompiled < Level::v4)
    return " (AVX-512 was not compiled: see STRIATE_SIMD_LEVELS)";
  return processor_level() > kCompiled ? " (AMX was not compiled: the compiler lacks it)" : "";
}

/// That of STRIATE_SIMD, to test a lower one or to compare, or else the highest.
Level chosen_level() {
  const Level highest = highest_level();
  const char* wish = std::getenv("STRIATE_SIMD");
  if (!wish || !*wish) return highest;
  std::string list;
  for (int level = 0; level <= static_cast<int>(highest); ++level) {
    if (std::strcmp(wish, kLevelNames[level]) == 0) return static_cast<Level>(level);
    list += (level ? ", " : "one of ") + std::string(kLevelNames[level]);
  }
  throw core::Error(core::ErrorKind::option, "", "STRIATE_SIMD", "'" + std::string(wish) + "'",
                    list + ", which this processor has" + uncompiled());
}

// Nothing may throw while the addon is loaded: `open` refuses a wish that cannot be met.
const Level kLevel = [] {
  try {
    return chosen_level();
  } catch (const core::Error&) {
    return highest_level();
  }
}();

template <auto kernel, class Contract>
void launch_as(core::Context& context, const core::View* in, core::View* out, const void* options) {
  kernel(context, in, out, *static_cast<const typename Contract::Options*>(options));
}

#define STRIATE_LAUNCH_BASE(name, Contract) launch_as<&base::name, op::Contract>,
#define STRIATE_LAUNCH_V3(name, Contract) launch_as<&v3::name, op::Contract>,
#define STRIATE_LAUNCH_V4(name, Contract) launch_as<&v4::name, op::Contract>,
#define STRIATE_NAME(name, Contract) #name,

constexpr op::Launch kBase[] = {STRIATE_OPS(STRIATE_LAUNCH_BASE)};
#if defined(__x86_64__)
constexpr op::Launch kV3[] = {STRIATE_OPS(STRIATE_LAUNCH_V3)};
#endif
#if defined(STRIATE_AVX512)
constexpr op::Launch kV4[] = {STRIATE_OPS(STRIATE_LAUNCH_V4)};
#endif
constexpr const char* kNames[] = {STRIATE_OPS(STRIATE_NAME)};
#if defined(STRIATE_AMX)
#define STRIATE_LAUNCH_AMX(name, Contract) all[static_cast<size_t>(op::Id::name)] = launch_as<&amx::name, op::Contract>;
constexpr auto kAmx = [] {
  std::array all = std::to_array(kV4);
  STRIATE_AMX_OPS(STRIATE_LAUNCH_AMX)
  return all;
}();
#endif

const op::Launch* launches() {
#if defined(STRIATE_AMX)
  if (kLevel == Level::amx) return kAmx.data();
#endif
#if defined(STRIATE_AVX512)
  if (kLevel == Level::v4) return kV4;
#endif
#if defined(__x86_64__)
  if (kLevel == Level::v3) return kV3;
#endif
  return kBase;
}

uint64_t physical_memory() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

int32_t device_count(char*, size_t) { return 1; }

int32_t open(int32_t, void** device, core::DeviceInfo* info, core::Fault* fault) {
  return core::guarded(fault, [&] {
    chosen_level();
    const int threads = core::threads();
    *device = new CpuDevice;
    std::snprintf(info->name, sizeof info->name, "%s", processor_name().c_str());
    std::snprintf(info->libraries, sizeof info->libraries, "%s kernels%s, %d threads", instruction_set(), uncompiled(),
                  threads);
    info->memory = physical_memory();
  });
}
void close(void* device) { delete static_cast<CpuDevice*>(device); }

int32_t allocate(void*, size_t bytes, void** memory, core::Fault* fault) {
  // Linux promises more memory than there is: without this check a hopeless request ends in a killed process, not in an
  // error.
  static const uint64_t limit = physical_memory();
  *memory = bytes <= limit ? core::allocate_host(bytes) : nullptr;
  if (*memory) return 0;
  fault->kind = static_cast<int32_t>(core::ErrorKind::out_of_memory);
  return 1;
}
void release(void*, void* memory) { std::free(memory); }

int32_t copy(void*, void* to, const void* from, size_t bytes, core::Fault*) {
  std::memcpy(to, from, bytes);
  return 0;
}
int32_t synchronise(void*, core::Fault*) { return 0; }

int32_t launch(void* device, int32_t op, const core::View* in, core::View* out, const void* options,
               const std::atomic<bool>* cancelled, core::Fault* fault) {
  return core::guarded(fault, [&] {
    CpuDevice* self = static_cast<CpuDevice*>(device);
    core::Context context{nullptr, device, &self->arena, cancelled};
    struct Reset {
      core::Arena& arena;
      ~Reset() { arena.reset(); }
    } reset{self->arena};
    launches()[op](context, in, out, options);
  });
}

/// With core::threads() threads.
core::Limits measure_limits(double seconds) {
  constexpr size_t kBytes = 256 << 20;  // well past any last-level cache
#if defined(STRIATE_AVX512)
  if (kLevel >= Level::v4)
    return {v4::fma_gflops(seconds), v4::read_gbs(kBytes, seconds), v4::copy_gbs(kBytes, seconds)};
#endif
#if defined(__x86_64__)
  if (kLevel == Level::v3)
    return {v3::fma_gflops(seconds), v3::read_gbs(kBytes, seconds), v3::copy_gbs(kBytes, seconds)};
#endif
  return {base::fma_gflops(seconds), base::read_gbs(kBytes, seconds), base::copy_gbs(kBytes, seconds)};
}

int32_t limits(void*, double seconds, core::Limits* limits, core::Fault* fault) {
  return core::guarded(fault, [&] { *limits = measure_limits(seconds); });
}

}  // namespace

const char* instruction_set() {
  switch (kLevel) {
    case Level::amx:
      return "AVX-512 and AMX";
    case Level::v4:
      return "AVX-512";
    case Level::v3:
      return "AVX2";
    case Level::base:
      break;
  }
#if defined(__x86_64__)
  return "SSE2";
#elif defined(__ARM_NEON)
  return "NEON";
#else
  return "baseline";
#endif
}

std::string processor_name() {
  std::string name = "CPU";
  if (FILE* file = std::fopen("/proc/cpuinfo", "r")) {
    char line[256];
    while (std::fgets(line, sizeof line, file))
      if (std::strncmp(line, "model name", 10) == 0)
        if (const char* colon = std::strchr(line, ':')) {
          name = colon + 2;
          while (!name.empty() && (name.back() == '\n' || name.back() == ' ')) name.pop_back();
          break;
        }
    std::fclose(file);
  }
  return name;
}

const core::BackendTable* backend() {
  static const core::BackendTable table = {
      core::kBackendVersion, "cpu",  op::kCount, kNames, device_count, open, close, allocate, release, copy, copy, copy,
      synchronise,           launch, limits,     nullptr};
  return &table;
}

}  // namespace striate::cpu
