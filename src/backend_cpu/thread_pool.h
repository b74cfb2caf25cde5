// The worker threads of one backend.
//
// A job is a number of independent tasks. The calling thread takes part: it claims tasks until none
// is left and then waits only for tasks that a worker has *begun*. A worker that the system does
// not schedule in time therefore costs nothing, and a machine whose cores are busy with other
// programs slows a job down to what one thread can do, not further. Workers look for the next job
// for some fifty microseconds (the operations of a forward pass follow each other faster than
// that), then they sleep in the kernel.
//
// Which thread computes a task never shows in a result: tasks write to different places.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace trinity::cpu {

class ThreadPool {
 public:
  /// `threads` ≥ 1 counts the caller. Where the system refuses threads, fewer share the work.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(task) for 0..tasks−1 in any order, on all threads; returns when all are done. The
  /// first exception of a body is thrown again here, when all tasks have ended. One caller at a
  /// time; inside a body, `run` computes on that thread alone.
  template <class Body>
  void run(int64_t tasks, const Body& body) {
    run_erased(tasks, {&body, [](const void* self, int64_t task) {
                         (*static_cast<const Body*>(self))(task);
                       }});
  }

 private:
  struct Job {
    const void* body = nullptr;
    void (*call)(const void* body, int64_t task) = nullptr;
  };

  void run_erased(int64_t tasks, Job job);
  void work();
  bool claim_and_run();
  bool has_work() const;
  void run_task(int64_t task);

  // A ticket is generation · 2^32 + tasks not yet claimed. Claiming takes one off by compare and
  // exchange: who succeeds holds a task of the present job, whose description then stays until that
  // task is counted in `done_`.
  std::atomic<uint64_t> ticket_{0};
  Job job_;
  int64_t total_ = 0;
  std::atomic<int32_t> done_{0};
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;

  std::atomic<int32_t> sleepers_{0};
  std::atomic<int32_t> epoch_{0};  // what sleepers wait on
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace trinity::cpu
