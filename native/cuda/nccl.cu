#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "core/fault.h"
#include "core/library.h"
#include "cuda/device.cuh"
#include "cuda/nccl.h"

#if !defined(STRIATE_CUDA_SIM) && __has_include(<nccl.h>)
#include <nccl.h>
namespace {
using striate::cuda::Nccl;
static_assert(std::is_same_v<ncclComm_t, Nccl::Comm> && sizeof(ncclUniqueId) == sizeof(Nccl::Id));
static_assert(int(ncclSuccess) == Nccl::success && int(ncclInProgress) == Nccl::in_progress &&
              int(ncclSum) == Nccl::sum);
static_assert(int(ncclFloat32) == Nccl::float32 && sizeof(ncclResult_t) == sizeof(int));
static_assert(
    std::is_same_v<ncclResult_t, decltype(ncclCommInitRank(static_cast<ncclComm_t*>(nullptr), 0, ncclUniqueId(), 0))>);
static_assert(std::is_same_v<ncclResult_t,
                             decltype(ncclAllReduce(static_cast<const void*>(nullptr), static_cast<void*>(nullptr),
                                                    size_t(), ncclFloat32, ncclSum, ncclComm_t(), cudaStream_t()))>);
}  // namespace
#endif

namespace striate::cuda {
namespace {

/// 21903 and 22703, as all versions since 2.9 have it.
std::string version_text(int version) {
  return "NCCL " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

bool fill(Nccl& t, std::string* reason) {
  if (const char* wish = std::getenv("STRIATE_NCCL"); wish && std::strcmp(wish, "OFF") == 0) {
    *reason = "STRIATE_NCCL is OFF";
    return false;
  }
  void* library = core::open_library("STRIATE_NCCL", {"libnccl.so.2"}, reason, kCudaHomes);
  if (!library || !core::find_symbol(library, "ncclGetVersion", t.get_version, reason) ||
      !core::find_symbol(library, "ncclGetUniqueId", t.get_unique_id, reason) ||
      !core::find_symbol(library, "ncclCommInitRank", t.comm_init_rank, reason) ||
      !core::find_symbol(library, "ncclCommGetAsyncError", t.comm_get_async_error, reason) ||
      !core::find_symbol(library, "ncclCommAbort", t.comm_abort, reason) ||
      !core::find_symbol(library, "ncclGroupStart", t.group_start, reason) ||
      !core::find_symbol(library, "ncclGroupEnd", t.group_end, reason) ||
      !core::find_symbol(library, "ncclAllReduce", t.all_reduce, reason) ||
      !core::find_symbol(library, "ncclGetErrorString", t.get_error_string, reason))
    return false;
  // Before, an abort could wait for ever for the thread that it was to free.
  if (t.get_version(&t.version) == Nccl::success && t.version >= 21901) return true;
  *reason = version_text(t.version) + " is older than 2.19.1";
  return false;
}

const Nccl* nccl(std::string* reason = nullptr) { return core::library_table<Nccl, fill>(reason); }

void check_status(int status, const char* what) {
  if (status != Nccl::success)
    throw core::Error(core::ErrorKind::device, "",
                      std::string(what) + ": " + nccl()->get_error_string(status) +
                          " (NCCL_DEBUG=WARN says more; STRIATE_NCCL=OFF adds up by MPI)");
}

Device& set_device(void* device) {
  auto& self = *static_cast<Device*>(device);
  check(cudaSetDevice(self.ordinal), "cudaSetDevice");
  return self;
}

int32_t library(char* text, size_t size) {
  std::string reason;
  const Nccl* table = nccl(&reason);
  std::snprintf(text, size, "%s", table ? version_text(table->version).c_str() : reason.c_str());
  return table != nullptr;
}

int32_t make_key(void* device, char* key, core::Fault* fault) {
  return core::guarded(fault, [&] {
    set_device(device);
    Nccl::Id id;
    check_status(nccl()->get_unique_id(&id), "ncclGetUniqueId");
    std::memcpy(key, id.bytes, sizeof id.bytes);
  });
}

int32_t join(void* device, const char* key, int32_t rank, int32_t size, core::Fault* fault) {
  return core::guarded(fault, [&] {
    Device& self = set_device(device);
    Nccl::Id id;
    std::memcpy(id.bytes, key, sizeof id.bytes);
    Nccl::Comm comm = nullptr;
    check_status(nccl()->comm_init_rank(&comm, size, id, rank), "ncclCommInitRank");
    self.sums.comm = comm;
  });
}

int32_t add(void* device, const core::View* tensors, int32_t count, core::Fault* fault) {
  return core::guarded(fault, [&] {
    Device& self = set_device(device);
    ProcessSums& sums = self.sums;
    std::lock_guard lock(sums.queueing);
    sums.check();
    const Nccl& table = *nccl();
    check_status(table.group_start(), "ncclGroupStart");
    int status = Nccl::success;
    for (int32_t i = 0; i < count && status == Nccl::success; ++i)
      status = table.all_reduce(tensors[i].data, tensors[i].data, static_cast<size_t>(tensors[i].count()),
                                Nccl::float32, Nccl::sum, sums.comm, self.stream);
    const int ended = table.group_end();
    sums.check();
    check_status(status, "ncclAllReduce");
    check_status(ended, "ncclGroupEnd");
  });
}

void break_off(void* device, const char* why) {
  Device& self = *static_cast<Device*>(device);
  ProcessSums& sums = self.sums;
  if (!sums.comm || sums.broken) return;
  sums.why = why;
  sums.broken = true;
  // NCCL frees what it aborts: not between a sum's first call and its last, which take no time unless that one waits for
  // another process, and then only this ends it.
  const bool queued = sums.queueing.try_lock_for(std::chrono::milliseconds(100));
  cudaSetDevice(self.ordinal);
  nccl()->comm_abort(sums.comm);
  if (queued) sums.queueing.unlock();
}

void watch(void* device) {
  const ProcessSums& sums = static_cast<Device*>(device)->sums;
  if (!sums.comm || sums.broken) return;
  int found = Nccl::success;
  const int status = nccl()->comm_get_async_error(sums.comm, &found);
  const int wrong = status == Nccl::success ? found : status;
  if (wrong != Nccl::success && wrong != Nccl::in_progress) break_off(device, nccl()->get_error_string(wrong));
}

}  // namespace

const core::SumsTable kSums = {library, make_key, join, add, break_off, watch};

void ProcessSums::check() const {
  if (broken)
    throw core::Error(
        core::ErrorKind::device, "",
        "the sums with the other processes were broken off (" + why +
            "): what is on this device is not whole; start all processes again, from their last checkpoint");
}

}  // namespace striate::cuda
