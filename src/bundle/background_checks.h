// Checks that run beside other work, on threads of their own.
#pragma once

#include <trinity/error.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace trinity::bundle {

class BackgroundChecks {
 public:
  using Check = std::function<Status()>;

  BackgroundChecks() = default;
  /// Drops what has not begun and waits for the rest.
  ~BackgroundChecks();
  BackgroundChecks(const BackgroundChecks&) = delete;
  BackgroundChecks& operator=(const BackgroundChecks&) = delete;

  /// Begins a check as soon as one of the threads is free: as many as there are processors, and no
  /// more than there are checks. Where the system refuses a thread, `wait` runs the checks itself.
  void start(Check check);
  /// Waits for all checks; of those that failed, the one that was started first. What a check
  /// throws is a failure too.
  Status wait();

 private:
  void serve();
  void run_one(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::size_t, Check>> queue_;
  std::size_t started_ = 0;
  std::size_t running_ = 0;
  std::size_t failed_ = 0;  // place of the failure in `status_`
  bool closing_ = false;
  Status status_;
  std::vector<std::thread> threads_;
};

}  // namespace trinity::bundle
