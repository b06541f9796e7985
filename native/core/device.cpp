#include "core/device.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/fault.h"
#include "core/host_memory.h"

namespace striate::core {
namespace {

constexpr unsigned char kMark = 0xa5, kPoison = 0xff;

// Sizes of the pool: eight steps a doubling, so that at most an eighth is wasted and sizes that differ a little share
// blocks.
size_t round_up(size_t bytes) {
  size_t step = kAlignment;
  while (step * 16 < bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

std::string mebibytes(uint64_t bytes) {
  const uint64_t tenths = (bytes * 10 + (1 << 19)) >> 20;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

}  // namespace

Buffer::Buffer(std::shared_ptr<Device> device, void* base, size_t bytes, size_t capacity)
    : device_(std::move(device)), base_(base), bytes_(bytes), capacity_(capacity) {
  renew();
}
void Buffer::renew() {
  static std::atomic<uint64_t> last{0};
  content_ = ++last;
}
Buffer::~Buffer() { device_->release(this); }
void* Buffer::data() const { return static_cast<char*>(base_) + (device_->guard_ ? Device::kGuard : 0); }

namespace {
bool on_host(const BackendTable* table) { return std::strcmp(table->kind, "cpu") == 0; }
/// As long as JavaScript takes from one op to the next; longer on a GPU, whose queue must not run dry and whose thread
/// takes no core from the work.
double seconds_to_watch(const BackendTable* table) { return on_host(table) ? 20e-6 : 100e-6; }
}  // namespace

// Guards are looked at between two jobs: none of them may wait to be let go of.
Device::Device(const BackendTable* table, int32_t index, bool guard)
    : table(table), index(index), stream(guard ? 0 : seconds_to_watch(table)), guard_(guard), host_(on_host(table)) {
  Fault fault;
  if (table->open(index, &handle_, &info, &fault)) throw error_of(fault);
}

std::shared_ptr<Device> Device::open(const BackendTable* table, int32_t index, bool guard) {
  return std::shared_ptr<Device>(new Device(table, index, guard));
}

Device::~Device() {
  stream.drain();
  trim();
  table->close(handle_);
}

void* Device::pooled(size_t capacity) {
  std::lock_guard<std::mutex> lock(mutex_);
  return pool_.take(capacity);
}

void* Device::take(size_t capacity) {
  if (void* memory = pooled(capacity)) return memory;
  stream.collect();
  if (void* memory = pooled(capacity)) return memory;
  // Who submits far ahead of a processor's queue would write ever new memory, which no cache has.
  if (host_ && stream.waiting() > std::clamp<size_t>(kWarm / capacity, 2 * Stream::kFew, 256)) {
    stream.catch_up();
    if (void* memory = pooled(capacity)) return memory;
  }
  void* memory = nullptr;
  Fault fault;
  if (table->allocate(handle_, capacity, &memory, &fault)) {
    if (fault.kind != static_cast<int32_t>(ErrorKind::out_of_memory)) throw error_of(fault);
    return nullptr;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  ++use_.allocations;
  return memory;
}

std::shared_ptr<Buffer> Device::allocate(size_t bytes, const char* op) {
  const size_t capacity = round_up(bytes + (guard_ ? 2 * kGuard : 0));
  if ((ahead_ += capacity) > std::max<uint64_t>(kAhead, info.memory / 16)) {
    stream.drain();
    ahead_ = capacity;
  }
  void* base = take(capacity);
  if (!base) {  // work in flight may be about to return memory; what the pool keeps is of other sizes
    stream.drain();
    trim();
    base = take(capacity);
  }
  if (!base) {
    const DeviceUse now = use();
    throw Error(ErrorKind::out_of_memory, op,
                std::string(table->kind) + " has no memory left: " + mebibytes(bytes) + " asked for, " +
                    mebibytes(now.live) + " live in " + std::to_string(now.buffers) + " tensors, " +
                    mebibytes(now.pooled) + " pooled, " + mebibytes(info.memory) +
                    " in all; dispose of tensors or use a smaller batch");
  }
  auto buffer = std::make_shared<Buffer>(shared_from_this(), base, bytes, capacity);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (guard_) live_.insert(buffer.get());
    use_.live += capacity;
    ++use_.buffers;
    if (capacity <= kPooled) peak_ = std::max(peak_, poolable_ += capacity);
  }
  if (guard_) watch(buffer.get());
  return buffer;
}

void Device::release(Buffer* buffer) {
  const bool whole = !guard_ || intact(buffer);
  std::vector<void*> gone;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (guard_) live_.erase(buffer);
    use_.live -= buffer->capacity_;
    --use_.buffers;
    if (!whole) ++use_.guard_faults;
    if (buffer->capacity_ <= kPooled) poolable_ -= buffer->capacity_;
    const uint64_t most = std::max(kPooled, peak_ - poolable_);
    if (guard_ || buffer->capacity_ > kPooled)
      gone.push_back(buffer->base_);
    else
      gone = pool_.give(buffer->base_, buffer->capacity_, most);
  }
  for (void* memory : gone) table->release(handle_, memory);
}

void Device::trim() {
  Blocks pool;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    std::swap(pool, pool_);
  }
  pool.for_each([&](void* memory) { table->release(handle_, memory); });
  Results::trim();
}

DeviceUse Device::use() {
  stream.collect();
  std::lock_guard<std::mutex> lock(mutex_);
  DeviceUse use = use_;
  use.pooled = pool_.bytes();
  return use;
}

void Device::watch(Buffer* buffer) {
  std::vector<unsigned char> bytes(buffer->capacity_, kPoison);
  std::memset(bytes.data(), kMark, kGuard);
  std::memset(bytes.data() + kGuard + buffer->bytes_, kMark, kGuard);
  if (host_) {
    std::memcpy(buffer->base_, bytes.data(), bytes.size());
  } else {
    stream.drain();  // tests only: the copy may then be made from this thread
    upload(buffer->base_, bytes.data(), bytes.size());
    synchronise();
  }
}

bool Device::intact(const Buffer* buffer) {
  unsigned char marks[2][kGuard];
  const char* base = static_cast<const char*>(buffer->base_);
  for (int side = 0; side < 2; ++side) {
    const char* from = base + (side ? kGuard + buffer->bytes_ : 0);
    if (host_)
      std::memcpy(marks[side], from, kGuard);
    else
      download(marks[side], from, kGuard);
    for (const unsigned char mark : marks[side])
      if (mark != kMark) return false;
  }
  return true;
}

void Device::check_guards() {
  if (!guard_) return;
  std::lock_guard<std::mutex> lock(mutex_);
  for (Buffer* buffer : live_)
    if (!intact(buffer)) ++use_.guard_faults;
}

void Device::upload(void* to, const void* from, size_t bytes) {
  Fault fault;
  if (table->upload(handle_, to, from, bytes, &fault)) throw error_of(fault);
}
void Device::download(void* to, const void* from, size_t bytes) {
  Fault fault;
  if (table->download(handle_, to, from, bytes, &fault)) throw error_of(fault);
}
void Device::synchronise() {
  Fault fault;
  if (table->synchronise(handle_, &fault)) throw error_of(fault);
}
void Device::cancel() {
  stream.cancel();
  if (table->sums) table->sums->break_off(handle_, "the process ends");
}
Limits Device::limits(double seconds) {
  Fault fault;
  Limits limits;
  if (table->limits(handle_, seconds, &limits, &fault)) throw error_of(fault);
  return limits;
}

}  // namespace striate::core
