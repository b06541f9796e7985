#include "cuda_on_cpu.h"

#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "on_cpu_stack.h"

namespace cuda_on_cpu {

__thread Self* self = nullptr;

void set_failure(const std::string& text);  // on_cpu_runtime.cpp

namespace {

enum class State : uint8_t { fresh, ready, at_barrier, at_grid, in_warp, done };

struct Snapshot {
  Payload lane[32];
  unsigned readers = 0;
};

struct Fiber {
  Self self;
  Place place{};
  char* stack = nullptr;
  State state = State::fresh;
  bool paused = false;
  Where where{};
  unsigned mask = 0;
  Payload given{};
  Snapshot* taken = nullptr;
  int held = -1;
#if defined(__SANITIZE_ADDRESS__)
  void* fake = nullptr;
#endif
};

struct Warp {
  unsigned arrived = 0;
  Snapshot snapshots[33];  // at most one is held by each lane
};

enum class Order { forward, backward, shuffle };
Order order_of_run() {
  const char* text = std::getenv("STRIATE_SIM_ORDER");
  if (text && std::string(text) == "backward") return Order::backward;
  if (text && std::string(text) == "shuffle") return Order::shuffle;
  return Order::forward;
}

/// Fills with 0 .. n-1 in the order asked for.
void arrange(std::vector<unsigned>& list, size_t n, Order order, uint32_t& seed) {
  list.resize(n);
  for (size_t i = 0; i < n; ++i) list[i] = static_cast<unsigned>(order == Order::backward ? n - 1 - i : i);
  if (order != Order::shuffle) return;
  for (size_t i = n; i > 1; --i) {
    seed = seed * 1664525u + 1013904223u;
    std::swap(list[i - 1], list[(static_cast<uint64_t>(seed) * i) >> 32]);
  }
}

struct Launch {
  dim3 grid, block;
  size_t shared_bytes;
  void (*body)(void*);
  void* argument;
  Order order;
};

std::string text_of(Where w) {
  const std::string file = w.file ? w.file : "?";
  return file.substr(file.rfind('/') + 1) + ":" + std::to_string(w.line);
}
std::string text_of(uint3 p) {
  return "(" + std::to_string(p.x) + "," + std::to_string(p.y) + "," + std::to_string(p.z) + ")";
}

class Block;
thread_local Block* running = nullptr;

/// The block that the calling thread runs.
class Block {
 public:
  enum class Pause { done, at_grid, spinning, failed };

  explicit Block(const Launch& launch)
      : launch_(launch),
        count_(size_t(launch.block.x) * launch.block.y * launch.block.z),
        fibers_(count_),
        warps_((count_ + 31) / 32) {
    // Exactly as large as asked for, so that AddressSanitizer sees the end.
    if (launch.shared_bytes) shared_ = std::aligned_alloc(128, (launch.shared_bytes + 127) / 128 * 128);
#if defined(__SANITIZE_ADDRESS__)
    if (launch.shared_bytes % 128)
      __asan_poison_memory_region(static_cast<char*>(shared_) + launch.shared_bytes, 128 - launch.shared_bytes % 128);
#endif
  }
  ~Block() {
    for (Fiber& f : fibers_)
      if (f.stack) stacks().give(f.stack);
#if defined(__SANITIZE_ADDRESS__)
    if (shared_) __asan_unpoison_memory_region(shared_, (launch_.shared_bytes + 127) / 128 * 128);
#endif
    std::free(shared_);
  }
  Block(const Block&) = delete;

  void begin(unsigned index) {
    if (shared_) std::memset(shared_, 0xff, launch_.shared_bytes);
    const dim3 g = launch_.grid, b = launch_.block;
    const uint3 place = {index % g.x, index / g.x % g.y, index / g.x / g.y};
    for (unsigned i = 0; i < count_; ++i) {
      Fiber& f = fibers_[i];
      f.self = {{i % b.x, i / b.x % b.y, i / b.x / b.y}, place, b, g, i, shared_};
      f.state = State::fresh;
      f.held = -1;
      f.paused = false;
    }
    for (Warp& w : warps_) {
      w.arrived = 0;
      for (Snapshot& s : w.snapshots) s.readers = 0;
    }
    done_ = waiting_ = 0;
    seed_ = index * 2654435761u + 12345;
    failure_.clear();
  }

  /// Runs every thread as far as it goes.
  Pause run() {
    running = this;
    for (Fiber& f : fibers_)
      if (f.state == State::at_grid) f.state = State::ready;
    for (;;) {
      bool ran = false, only_paused = true;
      arrange(list_, count_, launch_.order, seed_);
      for (unsigned i : list_) {
        Fiber& f = fibers_[i];
        if (f.state != State::fresh && f.state != State::ready) continue;
        ran = true;
        enter(f);
        if (!failure_.empty()) return Pause::failed;
        if (!f.paused) only_paused = false;
        f.paused = false;
      }
      if (done_ == count_) return Pause::done;
      if (!ran) {
        size_t at_grid = 0;
        for (Fiber& f : fibers_) at_grid += f.state == State::at_grid;
        if (at_grid == count_) return Pause::at_grid;
        explain();
        return Pause::failed;
      }
      if (only_paused) return Pause::spinning;
    }
  }

  const std::string& failure() const { return failure_; }

  // Called from a fiber.
  int barrier(bool predicate, Where where) {
    Fiber& f = current();
    f.where = where;
    votes_ += predicate;
    if (++waiting_ < count_) {
      f.state = State::at_barrier;
      leave(f);
      return result_;
    }
    for (Fiber& other : fibers_) {
      if (&other != &f && (other.where.line != where.line || std::strcmp(other.where.file, where.file) != 0)) {
        note("threads " + text_of(f.self.thread) + " and " + text_of(other.self.thread) + " of block " +
                 text_of(f.self.block) + " meet at different barriers, the other at " + text_of(other.where),
             where);
        stop();
      }
      if (&other != &f) other.state = State::ready;
    }
    waiting_ = 0;
    result_ = votes_;
    votes_ = 0;
    return result_;
  }

  void grid_barrier(Where where) {
    Fiber& f = current();
    f.where = where;
    f.state = State::at_grid;
    leave(f);
  }

  void pause() {
    Fiber& f = current();
    f.paused = true;
    f.state = State::ready;
    leave(f);
  }

  const Payload* exchange(unsigned mask, const void* payload, size_t bytes, Where where) {
    Fiber& f = current();
    const unsigned lane = f.self.linear & 31;
    Warp& warp = warps_[f.self.linear / 32];
    Fiber* first = &fibers_[f.self.linear - lane];
    if (f.held >= 0) {
      --warp.snapshots[f.held].readers;
      f.held = -1;
    }
    const size_t lanes = std::min<size_t>(32, count_ - (f.self.linear - lane));
    if (lanes < 32) mask &= (1u << lanes) - 1;  // the missing lanes of a block's last warp
    if (!(mask >> lane & 1)) {
      note("a lane is not in the mask it gives to a warp operation", where);
      stop();
    }
    f.mask = mask;
    f.where = where;
    if (bytes) std::memcpy(f.given.word, payload, bytes);
    warp.arrived |= 1u << lane;
    bool complete = (warp.arrived & mask) == mask;
    for (unsigned i = 0; complete && i < lanes; ++i)
      if ((mask >> i & 1) && first[i].mask != mask) complete = false;
    if (!complete) {
      f.state = State::in_warp;
      leave(f);
      return f.taken->lane;
    }
    int slot = 0;
    while (warp.snapshots[slot].readers) ++slot;
    Snapshot& s = warp.snapshots[slot];
    for (unsigned i = 0; i < lanes; ++i) {
      if (!(mask >> i & 1)) continue;
      s.lane[i] = first[i].given;
      first[i].taken = &s;
      first[i].held = slot;
      if (i != lane) first[i].state = State::ready;
      ++s.readers;
    }
    warp.arrived &= ~mask;
    return s.lane;
  }

  void note(const std::string& text, Where where) {
    if (failure_.empty()) failure_ = text + " (" + text_of(where) + ")";
  }
  /// Ends the launch after `note`. The fiber is left as it stands, so that nothing on its stack may own memory.
  [[noreturn]] void stop() {
    leave(current());
    std::abort();
  }

 private:
  Fiber& current() { return fibers_[self->linear]; }

  void enter(Fiber& f) {
    if (f.state == State::fresh) {
      if (!f.stack) f.stack = stacks_free_ ? std::exchange(stacks_free_, nullptr) : stacks().take();
#if defined(__SANITIZE_ADDRESS__)
      __asan_unpoison_memory_region(f.stack, kStack);
      f.fake = nullptr;
#endif
      start(f.place, f.stack, &Block::entry);
    }
    f.state = State::ready;
    self = &f.self;
#if defined(__SANITIZE_ADDRESS__)
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, f.stack, kStack);
    jump(home_, f.place);
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#else
    jump(home_, f.place);
#endif
    self = nullptr;
    if (f.state == State::done) {
      ++done_;
      if (stacks_free_) stacks().give(stacks_free_);
      stacks_free_ = std::exchange(f.stack, nullptr);
    }
  }

  void leave(Fiber& f) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(f.state == State::done ? nullptr : &f.fake, home_stack_, home_size_);
    jump(f.place, home_);
    __sanitizer_finish_switch_fiber(f.fake, nullptr, nullptr);
#else
    jump(f.place, home_);
#endif
  }

  static void entry() {
    Block& block = *running;
    Fiber& f = block.current();
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &block.home_stack_, &block.home_size_);
#endif
    block.launch_.body(block.launch_.argument);
    f.state = State::done;
    block.leave(f);
    std::abort();
  }

  /// Nothing can run, yet not every thread has ended: says what they wait for.
  void explain() {
    const Fiber *waits = nullptr, *ended = nullptr;
    for (const Fiber& f : fibers_) {
      if (f.state == State::done && !ended) ended = &f;
      if (f.state != State::done && !waits) waits = &f;
    }
    const char* what = waits->state == State::at_barrier ? "a barrier"
                       : waits->state == State::at_grid  ? "a grid barrier"
                                                         : "a warp operation";
    failure_ = "thread " + text_of(waits->self.thread) + " of block " + text_of(waits->self.block) +
               " waits for ever at " + what + " (" + text_of(waits->where) + ")";
    if (ended) failure_ += "; thread " + text_of(ended->self.thread) + " has already returned";
  }

  const Launch& launch_;
  size_t count_;
  std::vector<Fiber> fibers_;
  std::vector<Warp> warps_;
  std::vector<unsigned> list_;
  void* shared_ = nullptr;
  char* stacks_free_ = nullptr;
  size_t done_ = 0, waiting_ = 0;
  int votes_ = 0, result_ = 0;
  uint32_t seed_ = 0;
  std::string failure_;
  Place home_{};
#if defined(__SANITIZE_ADDRESS__)
  const void* home_stack_ = nullptr;
  size_t home_size_ = 0;
#endif

 public:
  void release_stack() {
    if (stacks_free_) stacks().give(std::exchange(stacks_free_, nullptr));
  }
};

/// Blocks of a cooperative launch: one thread of the operating system each, of which one runs at any moment.
class Turns {
 public:
  explicit Turns(size_t blocks) : state_(blocks, ready) {}

  void wait_for(size_t block) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return turn_ == block || !failure_.empty(); });
  }
  bool failed() {
    std::lock_guard lock(mutex_);
    return !failure_.empty();
  }
  /// Hands the turn on after block `from` has stopped running for the reason given.
  void pass(size_t from, Block::Pause why, const std::string& failure) {
    std::lock_guard lock(mutex_);
    state_[from] = why == Block::Pause::done ? done : why == Block::Pause::at_grid ? at_grid : ready;
    if (why == Block::Pause::failed && failure_.empty()) failure_ = failure;
    idle_ = why == Block::Pause::spinning ? idle_ + 1 : 0;
    if (idle_ > 1000 * state_.size() && failure_.empty()) failure_ = "every block only waits for another (__nanosleep)";
    size_t next = following(from);
    if (next == state_.size()) {
      size_t ended = 0, waiting = 0;
      for (State s : state_) ended += s == done, waiting += s == at_grid;
      if (waiting && ended && failure_.empty())
        failure_ = "a block has returned before a grid barrier that others wait at";
      if (waiting)
        for (State& s : state_)
          if (s == at_grid) s = ready;
      next = waiting ? following(from) : 0;
    }
    turn_ = next;
    changed_.notify_all();
  }
  std::string failure() { return failure_; }

 private:
  enum State : char { ready, at_grid, done };
  size_t following(size_t from) const {
    for (size_t i = 1; i <= state_.size(); ++i)
      if (state_[(from + i) % state_.size()] == ready) return (from + i) % state_.size();
    return state_.size();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<State> state_;
  size_t turn_ = 0, idle_ = 0;
  std::string failure_;
};

std::string run_cooperative(const Launch& launch, size_t blocks) {
  Turns turns(blocks);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < blocks; ++i)
    threads.emplace_back([&, i] {
      Block block(launch);
      block.begin(static_cast<unsigned>(i));
      Block::Pause why = Block::Pause::spinning;
      while (why != Block::Pause::done && why != Block::Pause::failed) {
        turns.wait_for(i);
        if (turns.failed()) break;
        why = block.run();
        turns.pass(i, why, block.failure());
      }
      block.release_stack();
    });
  for (std::thread& t : threads) t.join();
  return turns.failure();
}

std::string run_in_order(const Launch& launch, size_t blocks) {
  Block block(launch);
  std::vector<unsigned> list;
  uint32_t seed = 99;
  arrange(list, blocks, launch.order, seed);
  std::string failure;
  for (unsigned index : list) {
    block.begin(index);
    Block::Pause why = block.run();
    for (int i = 0; why == Block::Pause::spinning && i < 100000; ++i) why = block.run();
    if (why == Block::Pause::spinning)
      failure = "a block waits for another without end, in a launch that is not cooperative";
    if (why == Block::Pause::at_grid) failure = "a grid barrier in a launch that is not cooperative";
    if (why == Block::Pause::failed) failure = block.failure();
    if (!failure.empty()) break;
  }
  block.release_stack();
  return failure;
}

}  // namespace

void barrier(Where where) { running->barrier(false, where); }
int barrier_count(bool predicate, Where where) { return running->barrier(predicate, where); }
void grid_barrier(Where where) { running->grid_barrier(where); }
void pause() { running->pause(); }
const Payload* exchange(unsigned mask, const void* payload, size_t bytes, Where where) {
  return running->exchange(mask, payload, bytes, where);
}
void fail(const char* text, Where where) {
  running->note(text, where);
  running->stop();
}

void run(dim3 grid, dim3 block, size_t shared_bytes, bool cooperative, void (*body)(void*), void* argument) {
  const size_t threads = size_t(block.x) * block.y * block.z, blocks = size_t(grid.x) * grid.y * grid.z;
  if (!threads || threads > 1024 || block.z > 64 || !blocks || grid.x > 0x7fffffffu || grid.y > 65535 ||
      grid.z > 65535 || shared_bytes > 227 * 1024)
    return set_failure("invalid configuration: " + std::to_string(blocks) + " blocks of " + std::to_string(threads) +
                       " threads with " + std::to_string(shared_bytes) + " bytes of shared memory");
  if (cooperative && blocks > 80) return set_failure("too many blocks for a cooperative launch");
  const Launch launch{grid, block, shared_bytes, body, argument, order_of_run()};
  const std::string failure = cooperative ? run_cooperative(launch, blocks) : run_in_order(launch, blocks);
  if (!failure.empty()) set_failure(failure);
}

}  // namespace cuda_on_cpu
