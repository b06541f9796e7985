// Stands in for libnccl.so.2 beside the CUDA simulation: what Striate calls of it, among processes of one machine, through
// shared memory. Sums are in order of rank. As NCCL it refuses two processes on one GPU, waits for those that are gone
// until it is told to abort, and knows when it is asked that they are gone. STRIATE_SIM_ADDRESS tells the GPUs apart.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

enum Result { success = 0, system_error = 2, invalid_argument = 4, invalid_usage = 5, remote_error = 6 };
constexpr int kMost = 8;
constexpr size_t kChunk = 1 << 13;  // floats that are added up at a time

struct Shared {
  std::atomic<int> joined, arrived;
  std::atomic<unsigned> round;
  pid_t pids[kMost];
  char addresses[kMost][32];
  float parts[kMost][kChunk];
};

struct Id {
  char bytes[128];
};

}  // namespace

struct ncclComm {
  Shared* shared;
  int size, rank;
  std::atomic<bool> aborted{false};

  template <class Condition>
  bool wait(Condition condition) const {
    while (!condition()) {
      if (aborted) return false;
      usleep(100);
    }
    return true;
  }
  bool meet() {
    const unsigned round = shared->round;
    if (shared->arrived.fetch_add(1) + 1 == size) {
      shared->arrived = 0;
      ++shared->round;
      return true;
    }
    return wait([&] { return shared->round != round; });
  }
};

namespace {

struct Sum {
  const float* from;
  float* to;
  size_t count;
  ncclComm* comm;
};
thread_local int depth = 0;
thread_local std::vector<Sum> queued;

/// All of a group at once. When it is aborted, the tensors stay as they are.
void add_up(const std::vector<Sum>& group) {
  ncclComm& comm = *group.front().comm;
  std::vector<float> numbers;
  for (const Sum& sum : group) numbers.insert(numbers.end(), sum.from, sum.from + sum.count);
  for (size_t at = 0; at < numbers.size(); at += kChunk) {
    const size_t n = std::min(kChunk, numbers.size() - at);
    std::copy_n(&numbers[at], n, comm.shared->parts[comm.rank]);
    if (!comm.meet()) return;
    for (size_t i = 0; i < n; ++i) {
      float total = 0;
      for (int rank = 0; rank < comm.size; ++rank) total += comm.shared->parts[rank][i];
      numbers[at + i] = total;
    }
    if (!comm.meet()) return;
  }
  const float* from = numbers.data();
  for (const Sum& sum : group) {
    std::copy_n(from, sum.count, sum.to);
    from += sum.count;
  }
}

}  // namespace

EXPORT int ncclGetVersion(int* version) {
  *version = 29901;
  return success;
}

EXPORT int ncclGetUniqueId(Id* id) {
  std::snprintf(id->bytes, sizeof id->bytes, "/striate-nccl-%d-%ld", static_cast<int>(getpid()), random());
  const int file = shm_open(id->bytes, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (file < 0 || ftruncate(file, sizeof(Shared)) != 0) return system_error;
  ::close(file);
  return success;
}

EXPORT int ncclCommInitRank(ncclComm** made, int size, Id id, int rank) {
  if (size > kMost || rank < 0 || rank >= size) return invalid_argument;
  const int file = shm_open(id.bytes, O_RDWR, 0600);
  if (file < 0) return system_error;
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (memory == MAP_FAILED) return system_error;
  auto* comm = new ncclComm{static_cast<Shared*>(memory), size, rank};
  const char* address = std::getenv("STRIATE_SIM_ADDRESS");
  std::snprintf(comm->shared->addresses[rank], 32, "%s", address ? address : "");
  comm->shared->pids[rank] = getpid();
  ++comm->shared->joined;
  comm->wait([&] { return comm->shared->joined == size; });
  if (rank == 0) shm_unlink(id.bytes);
  for (int other = 0; other < size; ++other)
    if (other != rank && std::strcmp(comm->shared->addresses[other], comm->shared->addresses[rank]) == 0)
      return invalid_usage;
  *made = comm;
  return success;
}

EXPORT int ncclCommGetAsyncError(ncclComm* comm, int* status) {
  *status = success;
  for (int rank = 0; rank < comm->size; ++rank)
    if (kill(comm->shared->pids[rank], 0) != 0 && errno == ESRCH) *status = remote_error;
  return success;
}

EXPORT int ncclCommAbort(ncclComm* comm) {
  comm->aborted = true;
  return success;
}

EXPORT int ncclGroupStart() {
  ++depth;
  return success;
}

EXPORT int ncclAllReduce(const void* from, void* to, size_t count, int type, int op, ncclComm* comm, void*) {
  if (depth == 0 || type != 7 || op != 0) return invalid_argument;
  queued.push_back({static_cast<const float*>(from), static_cast<float*>(to), count, comm});
  return success;
}

// NCCL's own would return at once and leave its kernel to wait.
EXPORT int ncclGroupEnd() {
  if (--depth > 0) return success;
  const std::vector<Sum> group = std::exchange(queued, {});
  if (!group.empty()) add_up(group);
  return success;
}

EXPORT const char* ncclGetErrorString(int status) {
  switch (status) {
    case success:
      return "no error";
    case invalid_usage:
      return "invalid usage";
    case remote_error:
      return "remote process exited or there was a network error";
    default:
      return "unhandled system error";
  }
}
