// The ordered queue of one device: a thread that runs jobs one after another. Jobs keep alive what they use.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include "core/check.h"

namespace striate::core {

class Stream {
 public:
  static constexpr size_t kDepth = 1 << 16;  // jobs that may wait; one more is refused with a DeviceError
  static constexpr size_t kFew = 8;          // jobs that keep the thread at work while more are submitted

  /// `watch`: seconds that the thread looks for the next job before it sleeps. A thread that sleeps must be woken, which
  /// takes longer than to launch a kernel; one that looks keeps a core busy. What jobs kept is let go of by whoever
  /// submits next, whose memory it mostly is (to free another thread's takes a lock of malloc), or when that time is
  /// over; without it at the end of each job.
  explicit Stream(double watch = 0);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Queues a job. Work of an op goes through `submit_op`, which skips it while an earlier fault has not been
  /// delivered.
  void submit(std::function<void()> job);
  void submit_op(std::function<void()> job);
  /// Waits until everything queued so far is done and destroyed.
  void drain();
  /// Destroys the jobs that are done.
  void collect();
  /// Jobs that wait.
  size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  /// Waits until at most kFew jobs wait, and destroys those that are done.
  void catch_up();
  /// The first fault of an op since the last call; taking it lets ops run again. Called on the stream's thread.
  std::optional<Error> take_fault();

  /// Asks running and queued ops to stop early; for the teardown of an environment.
  void cancel() { cancelled_.store(true); }
  const std::atomic<bool>* cancelled() const { return &cancelled_; }

 private:
  struct Job {
    std::function<void()> run;
    bool op;  // skipped while a fault has not been delivered
  };
  void submit(Job job);
  void serve();
  void run(const Job& job);

  const double watch_;
  std::mutex mutex_;
  std::condition_variable ready_, idle_, few_;
  std::list<Job> jobs_, done_;
  std::atomic<size_t> waiting_{0};  // jobs, for the thread that looks without the lock
  std::optional<Error> fault_;
  std::atomic<bool> cancelled_{false};
  bool awake_ = false;  // the thread will see a new job by itself
  bool busy_ = false, closing_ = false;
  std::thread thread_;
};

}  // namespace striate::core
