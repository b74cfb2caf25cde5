#include "bundle/background_checks.h"

#include <system_error>
#include <utility>

#include "base/parallel.h"
#include "base/thread_failure.h"

namespace trinity::bundle {

BackgroundChecks::~BackgroundChecks() {
  {
    const std::lock_guard lock(mutex_);
    queue_.clear();
    closing_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void BackgroundChecks::start(Check check) {
  {
    const std::lock_guard lock(mutex_);
    queue_.emplace_back(started_++, std::move(check));
  }
  changed_.notify_one();
  if (threads_.size() >= static_cast<std::size_t>(available_processors())) return;
  try {
    threads_.emplace_back([this] { serve(); });
  } catch (const std::system_error&) {
    // The others do it, or `wait`.
  }
}

Status BackgroundChecks::wait() {
  std::unique_lock lock(mutex_);
  while (!queue_.empty()) run_one(lock);
  changed_.wait(lock, [&] { return running_ == 0; });
  return status_;
}

void BackgroundChecks::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return closing_ || !queue_.empty(); });
    if (queue_.empty()) return;
    run_one(lock);
  }
}

void BackgroundChecks::run_one(std::unique_lock<std::mutex>& lock) {
  auto [place, check] = std::move(queue_.front());
  queue_.pop_front();
  ++running_;
  lock.unlock();
  Status status;
  try {
    status = check();
  } catch (...) {
    status = caught_failure("check the bundle", "close other programs");
  }
  lock.lock();
  if (!status && (status_ || place < failed_)) {
    status_ = std::move(status);
    failed_ = place;
  }
  --running_;
  changed_.notify_all();
}

}  // namespace trinity::bundle
