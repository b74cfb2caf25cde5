// Work that follows a computation in order, on a thread of its own: converting, hashing, writing.
//
// Jobs run one after the other. The first error ends the work: later jobs are dropped and `wait`
// returns it. The bytes that wait are bounded, so that the producer cannot run ahead of the memory.
#pragma once

#include <trinity/error.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace trinity::bundle {

class BackgroundWriter {
 public:
  using Job = std::function<Status()>;

  explicit BackgroundWriter(std::size_t max_queued_bytes);
  /// Drops what is queued and waits for the running job.
  ~BackgroundWriter();
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;

  /// Waits while jobs that hold too many bytes are queued. Returns the first error of an earlier
  /// job.
  Status submit(Job job, std::size_t bytes = 0);
  /// Waits until everything that was submitted is done; returns the first error and forgets it.
  /// What a job throws is an error too.
  Status wait();

 private:
  void run();

  struct Queued {
    Job job;
    std::size_t bytes;
  };
  const std::size_t max_queued_bytes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Queued> queue_;
  std::size_t queued_bytes_ = 0;
  bool running_ = false;  // a job is being executed
  bool stopping_ = false;
  Status status_;
  std::thread thread_;
};

}  // namespace trinity::bundle
