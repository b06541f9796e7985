#include "core/stream.h"

#include <chrono>
#include <string>
#include <system_error>
#include <utility>

namespace striate::core {

Stream::Stream(double watch) : watch_(watch) {
  try {
    thread_ = std::thread([this] { serve(); });
  } catch (const std::system_error& e) {
    throw Error(ErrorKind::device, "",
                std::string("the system gives no thread for the device's queue (") + e.what() +
                    "): raise the limit of processes (ulimit -u, or pids.max of the cgroup) or end others");
  }
}

Stream::~Stream() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  ready_.notify_all();
  thread_.join();
}

void Stream::submit(std::function<void()> job) { submit(Job{std::move(job), false}); }
void Stream::submit_op(std::function<void()> job) { submit(Job{std::move(job), true}); }

void Stream::submit(Job job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (jobs_.size() >= kDepth)
      throw Error(ErrorKind::device, "",
                  "the device's queue is full (" + std::to_string(kDepth) +
                      " operations wait); await device.sync() or a read now and then");
    jobs_.push_back(std::move(job));
    waiting_.store(jobs_.size(), std::memory_order_relaxed);
    if (awake_ || jobs_.size() > 1) return;
  }
  ready_.notify_one();
}

void Stream::run(const Job& job) {
  if (!job.op) return job.run();
  if (fault_ || cancelled_.load()) return;
  try {
    job.run();
  } catch (const Error& e) {
    fault_ = e;
  } catch (const std::exception& e) {
    fault_ = Error(ErrorKind::internal, "", e.what());
  }
}

std::optional<Error> Stream::take_fault() { return std::exchange(fault_, std::nullopt); }

void Stream::drain() {
  std::unique_lock<std::mutex> lock(mutex_);
  idle_.wait(lock, [this] { return jobs_.empty() && !busy_; });
}

void Stream::serve() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    if (jobs_.empty() && watch_ > 0 && !closing_) {
      lock.unlock();
      const auto start = std::chrono::steady_clock::now();
      while (waiting_.load(std::memory_order_relaxed) == 0 &&
             std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < watch_) {
      }
      lock.lock();
    }
    awake_ = false;
    ready_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    awake_ = busy_ = true;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    waiting_.store(jobs_.size(), std::memory_order_relaxed);
    lock.unlock();
    run(job);
    job.run = nullptr;  // buffers that it kept go back to the pool before the stream counts as idle
    lock.lock();
    busy_ = false;
    if (jobs_.empty()) idle_.notify_all();
  }
}

}  // namespace striate::core
