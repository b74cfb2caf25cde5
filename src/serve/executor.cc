#include "serve/executor.h"

#include <utility>

namespace trinity::serve {

Executor::Executor(int threads) {
  for (int n = 0; n < threads; ++n)
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
}

Executor::~Executor() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

void Executor::post(std::function<void()> work) {
  {
    const std::scoped_lock held(lock_);
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void Executor::run(const std::stop_token& stop) {
  while (true) {
    std::function<void()> work;
    {
      std::unique_lock held(lock_);
      changed_.wait(held, stop, [&] { return !waiting_.empty(); });
      if (waiting_.empty()) return;  // stopped
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace trinity::serve
