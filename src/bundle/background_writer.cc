#include "bundle/background_writer.h"

#include <utility>

#include "base/thread_failure.h"

namespace trinity::bundle {

BackgroundWriter::BackgroundWriter(std::size_t max_queued_bytes)
    : max_queued_bytes_(max_queued_bytes), thread_([this] { run(); }) {}

BackgroundWriter::~BackgroundWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  changed_.notify_all();
  thread_.join();
}

Status BackgroundWriter::submit(Job job, std::size_t bytes) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return queue_.empty() || queued_bytes_ + bytes <= max_queued_bytes_ || !status_;
  });
  if (!status_) return status_;
  queue_.push_back({std::move(job), bytes});
  queued_bytes_ += bytes;
  changed_.notify_all();
  return {};
}

Status BackgroundWriter::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return queue_.empty() && !running_; });
  return std::exchange(status_, Status());
}

void BackgroundWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Queued next = std::move(queue_.front());
    queue_.pop_front();
    running_ = true;
    lock.unlock();
    Status status;
    try {
      status = next.job();
      next.job = nullptr;  // frees what it holds
    } catch (...) {
      status = caught_failure("write the bundle", "close other programs; --resume continues");
    }
    lock.lock();
    queued_bytes_ -= next.bytes;
    running_ = false;
    if (!status && status_) status_ = std::move(status);
    if (!status_) {
      queue_.clear();
      queued_bytes_ = 0;
    }
    changed_.notify_all();
  }
}

}  // namespace trinity::bundle
