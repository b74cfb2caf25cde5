#include "backend_mlx/mlx_worker.h"

#include <mlx/stream.h>

#include <new>
#include <stdexcept>

#include "base/utf8.h"

namespace trinity::mlx_backend {
namespace {

/// Discarded arrays beyond this many bytes are not kept until the next piece of work.
constexpr size_t kDiscardAtOnce = size_t{16} << 20;

Status guarded(const std::function<void()>& body) {
  try {
    body();
    return {};
  } catch (const std::bad_alloc&) {
    return fail(ErrorKind::failed, "out_of_memory",
                "there is not enough memory for this input; use a smaller batch or a shorter "
                "input");
  } catch (const std::invalid_argument& error) {
    return fail(ErrorKind::failed, "backend_invalid_argument",
                "MLX refused an operation: " + excerpt(error.what()));
  } catch (const std::exception& error) {
    return fail(ErrorKind::failed, "backend_failed", "MLX failed: " + excerpt(error.what()));
  }
}

}  // namespace

Worker::Worker() : thread_([this] { work(); }) {}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Status Worker::run_guarded(const std::function<void()>& body) {
  Job job;
  job.body = &body;
  std::unique_lock lock(mutex_);
  queue_.push_back(&job);
  wake_.notify_one();
  finished_.wait(lock, [&] { return job.done; });
  return std::move(job.status);
}

void Worker::discard(mlx::core::array array) {
  if (std::this_thread::get_id() == thread_.get_id()) return;
  const std::lock_guard lock(mutex_);
  discarded_bytes_ += array.nbytes();
  discarded_.push_back(std::move(array));
  if (discarded_bytes_ > kDiscardAtOnce) wake_.notify_one();
}

void Worker::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(
        lock, [this] { return stopping_ || !queue_.empty() || discarded_bytes_ > kDiscardAtOnce; });
    std::vector<mlx::core::array> dropped = std::move(discarded_);
    discarded_.clear();
    discarded_bytes_ = 0;
    Job* job = nullptr;
    if (!queue_.empty()) {
      job = queue_.front();
      queue_.pop_front();
    }
    const bool last = stopping_ && job == nullptr;
    lock.unlock();
    dropped.clear();
    Status status;
    if (job != nullptr) status = guarded(*job->body);
    lock.lock();
    if (job != nullptr) {
      job->status = std::move(status);
      job->done = true;
      finished_.notify_all();
    }
    if (last) break;
  }
  lock.unlock();
  mlx::core::clear_streams();
}

}  // namespace trinity::mlx_backend
