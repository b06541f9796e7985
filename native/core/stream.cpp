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
  std::list<Job> one, done;
  one.push_back(std::move(job));
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (jobs_.size() >= kDepth)
      throw Error(ErrorKind::device, "",
                  "the device's queue is full (" + std::to_string(kDepth) +
                      " operations wait); await device.sync() or a read now and then");
    jobs_.splice(jobs_.end(), one);
    done.swap(done_);
    waiting_.store(jobs_.size(), std::memory_order_relaxed);
    if (awake_ || jobs_.size() > 1) return;
  }
  ready_.notify_one();
}

void Stream::collect() {
  std::list<Job> done;
  std::lock_guard<std::mutex> lock(mutex_);
  done.swap(done_);
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
  std::list<Job> done;
  std::unique_lock<std::mutex> lock(mutex_);
  idle_.wait(lock, [this] { return jobs_.empty() && !busy_; });
  done.swap(done_);
}

void Stream::catch_up() {
  std::list<Job> done;
  std::unique_lock<std::mutex> lock(mutex_);
  few_.wait(lock, [this] { return jobs_.size() <= kFew; });
  done.swap(done_);
}

void Stream::serve() {
  std::list<Job> running;
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
    if (jobs_.empty() && !done_.empty()) {
      busy_ = true;
      running.swap(done_);
      lock.unlock();
      running.clear();
      lock.lock();
      busy_ = false;
      idle_.notify_all();
      continue;
    }
    awake_ = false;
    ready_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    awake_ = busy_ = true;
    running.splice(running.end(), jobs_, jobs_.begin());
    waiting_.store(jobs_.size(), std::memory_order_relaxed);
    lock.unlock();
    run(running.front());
    if (watch_ == 0) running.clear();
    lock.lock();
    done_.splice(done_.end(), running);
    busy_ = false;
    if (jobs_.empty()) idle_.notify_all();
    if (jobs_.size() <= kFew) few_.notify_all();
  }
}

}  // namespace striate::core
