// A few threads for work that waits: asking the router, whose answer comes from the compute thread.
//
// The threads of the HTTP server must never wait. Work is taken in the order in which it came.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace trinity::serve {

class Executor {
 public:
  explicit Executor(int threads);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor();  // does what was posted before

  void post(std::function<void()> work);

 private:
  void run(const std::stop_token& stop);

  std::mutex lock_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::jthread> threads_;
};

}  // namespace trinity::serve
