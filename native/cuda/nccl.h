// Sums over the GPUs of several processes by NCCL, through a table that is filled at run time, as cublas.h: STRIATE_NCCL
// (a file, or OFF for none), libnccl.so.2.
#pragma once
#include <atomic>
#include <mutex>
#include <string>

#include "core/backend.h"
#include "cuda/launch.cuh"

struct ncclComm;

namespace striate::cuda {

struct Nccl {
  using Comm = ncclComm*;
  struct Id {
    char bytes[core::kSumsKey];
  };
  // The enumerations of nccl.h that are used here; nccl.cu compares them where that header exists.
  enum : int { success = 0, in_progress = 7, sum = 0, float32 = 7 };

  int (*get_version)(int* version);
  int (*get_unique_id)(Id*);
  int (*comm_init_rank)(Comm*, int size, Id, int rank);
  int (*comm_get_async_error)(Comm, int* status);
  int (*comm_abort)(Comm);
  int (*group_start)();
  int (*group_end)();
  int (*all_reduce)(const void* from, void* to, size_t count, int type, int op, Comm, cudaStream_t);
  const char* (*get_error_string)(int status);

  int version = 0;
};

/// A device's place among those of the other processes. The stream's thread adds up; another may break that off, also
/// while the first one waits for the others inside NCCL.
struct ProcessSums {
  std::atomic<Nccl::Comm> comm{nullptr};
  std::timed_mutex queueing;
  std::atomic<bool> broken{false};
  std::string why;  // of `broken`, and written before it

  /// Throws, once they were broken off: what was computed since is not whole, and nobody may read it.
  void check() const;
};

/// What the back end's table tells of them.
extern const core::SumsTable kSums;

}  // namespace striate::cuda
