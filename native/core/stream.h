// The ordered queue of one device: a thread that runs jobs one after another. Jobs keep alive what they use.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "core/check.h"

namespace striate::core {

class Stream {
 public:
  static constexpr size_t kDepth = 1 << 16;  // jobs that may wait; one more is refused with a DeviceError

  Stream();
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Queues a job. Work of an op goes through `submit_op`, which skips it while an earlier fault has not been
  /// delivered.
  void submit(std::function<void()> job);
  void submit_op(std::function<void()> job);
  /// Waits until everything queued so far is done and destroyed.
  void drain();
  /// The first fault of an op since the last call; taking it lets ops run again. Called on the stream's thread.
  std::optional<Error> take_fault();

  /// Asks running and queued ops to stop early; for the teardown of an environment.
  void cancel() { cancelled_.store(true); }
  const std::atomic<bool>* cancelled() const { return &cancelled_; }

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable ready_, idle_;
  std::deque<std::function<void()>> jobs_;
  std::optional<Error> fault_;
  std::atomic<bool> cancelled_{false};
  bool busy_ = false, closing_ = false;
  std::thread thread_;
};

}  // namespace striate::core
