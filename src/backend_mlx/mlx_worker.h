// The one thread that owns everything of MLX: its stream, the weights and the graphs.
//
// MLX keeps a default stream for each thread and refuses to evaluate a graph on another thread than
// the one that built it, so arrays are built, evaluated and destroyed here only. Callers on any
// thread hand over a piece of work and wait for it; work that asks for more work runs it in place.
//
// A handle may die on any thread. Its array is then put aside and dropped before the next piece of
// work, or at once when much has gathered.
#pragma once

#include <mlx/array.h>
#include <trinity/error.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace trinity::mlx_backend {

class Worker {
 public:
  Worker();
  /// Not on the worker's own thread.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Runs `body`, which returns a Result or a Status, on the worker and waits for it. What the
  /// library throws becomes an error: `backend_invalid_argument`, `out_of_memory`,
  /// `backend_failed`.
  template <class Body>
  auto run(const Body& body) -> decltype(body()) {
    using Returned = decltype(body());
    if (std::this_thread::get_id() == thread_.get_id()) return body();
    std::optional<Returned> returned;
    Status thrown = run_guarded([&] { returned.emplace(body()); });
    if (!thrown) return tl::unexpected(std::move(thrown.error()));
    return std::move(*returned);
  }

  /// Takes an array from a handle that dies.
  void discard(mlx::core::array array);

 private:
  struct Job {
    const std::function<void()>* body = nullptr;
    Status status;
    bool done = false;
  };

  Status run_guarded(const std::function<void()>& body);
  void work();

  std::mutex mutex_;
  std::condition_variable wake_, finished_;
  std::deque<Job*> queue_;
  std::vector<mlx::core::array> discarded_;
  size_t discarded_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trinity::mlx_backend
