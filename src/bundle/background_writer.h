// Work that follows a computation in order, on a thread of its own: converting, hashing, writing.
//
// Jobs run one after the other. The first error ends the work: later jobs are dropped and `wait`
// returns it. A bounded queue keeps the producer from running ahead with memory.
#pragma once

#include <trinity/error.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace trinity {

class BackgroundWriter {
 public:
  using Job = std::function<Status()>;

  explicit BackgroundWriter(std::size_t max_queued);
  /// Drops what is queued and waits for the running job.
  ~BackgroundWriter();
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;

  /// Waits while the queue is full. Returns the first error of an earlier job.
  Status submit(Job job);
  /// Waits until everything that was submitted is done; returns the first error and forgets it.
  Status wait();

 private:
  void run();

  const std::size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> queue_;
  bool running_ = false;  // a job is being executed
  bool stopping_ = false;
  Status status_;
  std::thread thread_;
};

}  // namespace trinity
