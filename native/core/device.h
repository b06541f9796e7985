// A device of one environment: its back end, its stream, and the pool that its buffers come from and return to.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

#include "core/backend.h"
#include "core/blocks.h"
#include "core/stream.h"

namespace striate::core {

class Device;

/// Memory of a device. It returns to the pool when the last tensor or queued job lets go; since everything that touches
/// a device goes through its one stream, the next user can never meet the last one's work.
class Buffer {
 public:
  Buffer(std::shared_ptr<Device> device, void* base, size_t bytes, size_t capacity);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void* data() const;
  size_t bytes() const { return bytes_; }
  /// The number of what it holds, View::content. An op that writes into it gives it another.
  uint64_t content() const { return content_; }
  void renew();
  const std::shared_ptr<Device>& device() const { return device_; }

 private:
  friend class Device;
  std::shared_ptr<Device> device_;
  void* base_;
  size_t bytes_, capacity_;
  std::atomic<uint64_t> content_;
};

struct DeviceUse {
  uint64_t live = 0, pooled = 0, allocations = 0;  // bytes, bytes, calls of the back end's allocate
  uint64_t buffers = 0;                            // live buffers
  uint64_t guard_faults = 0;
};

class Device : public std::enable_shared_from_this<Device> {
 public:
  static constexpr size_t kGuard = 64;  // bytes watched on either side of every buffer in guard mode
  // Bytes that the pool keeps at most, or as much as the live buffers are below their peak: a training step takes and
  // returns the same buffers again and again. Buffers above this size are neither kept nor counted.
  static constexpr uint64_t kPooled = 256ull << 20;
  // What may be allocated before the queue is waited for: this, or a sixteenth of the memory where that is more. Who
  // submits faster than the device computes would fill the memory with results that are not there yet.
  static constexpr uint64_t kAhead = 1ull << 30;
  // Bytes of results that a processor's queue may be behind, as far as the pool has none of their size: they stay in a
  // cache.
  static constexpr size_t kWarm = 1 << 19;

  /// `guard`: surround buffers with known bytes, fill them with 0xff, and count overwritten guards (for tests).
  static std::shared_ptr<Device> open(const BackendTable* table, int32_t index, bool guard);
  ~Device();

  std::shared_ptr<Buffer> allocate(size_t bytes, const char* op);
  void trim();
  DeviceUse use();
  /// Looks at the guards of every live buffer, on the stream's thread.
  void check_guards();

  void upload(void* to, const void* from, size_t bytes);
  void download(void* to, const void* from, size_t bytes);
  void synchronise();
  Limits limits(double seconds);
  /// Ends what runs and is queued early: ops, and sums that wait for other processes.
  void cancel();

  const BackendTable* table;
  int32_t index;
  DeviceInfo info;
  bool is_host() const { return host_; }
  void* handle() const { return handle_; }
  Stream stream;

 private:
  friend class Buffer;
  Device(const BackendTable* table, int32_t index, bool guard);
  void release(Buffer* buffer);
  void* pooled(size_t capacity);
  void* take(size_t capacity);
  void watch(Buffer* buffer);
  bool intact(const Buffer* buffer);

  void* handle_ = nullptr;
  bool guard_, host_;
  std::mutex mutex_;
  Blocks pool_;
  std::unordered_set<Buffer*> live_;  // in guard mode
  DeviceUse use_;                     // but for what is pooled
  uint64_t ahead_ = 0;                // bytes allocated since the queue was last waited for
  uint64_t poolable_ = 0, peak_ = 0;  // live bytes in buffers of at most kPooled, and the most that there were
};

}  // namespace striate::core
