#include "backend_cpu/thread_pool.h"

#include <chrono>
#include <system_error>
#include <utility>

namespace trinity::cpu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kSearchTime = std::chrono::microseconds(50);  // before a worker sleeps
constexpr int kPausesBetweenLooks = 32;
constexpr uint64_t kClaimMask = 0xFFFFFFFFu;
constexpr int64_t kMaxTasks = int64_t{1} << 30;

thread_local bool inside_job = false;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits until ready() for at most kSearchTime; says whether it came.
template <class Ready>
bool search(const Ready& ready) {
  const auto begin = Clock::now();
  do {
    for (int i = 0; i < kPausesBetweenLooks; ++i) {
      if (ready()) return true;
      pause();
    }
  } while (Clock::now() - begin < kSearchTime);
  return ready();
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  for (int i = 1; i < threads; ++i) {
    try {
      workers_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      break;  // no more threads to be had: the others do the work
    }
  }
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  epoch_.fetch_add(1);
  epoch_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_task(int64_t task) {
  try {
    job_.call(job_.body, task);
  } catch (...) {
    if (!failed_.exchange(true)) failure_ = std::current_exception();
  }
}

bool ThreadPool::has_work() const { return (ticket_.load() & kClaimMask) != 0; }

bool ThreadPool::claim_and_run() {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  do {
    if ((ticket & kClaimMask) == 0) return false;
  } while (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel,
                                          std::memory_order_acquire));
  const int64_t total = total_;
  run_task(total - static_cast<int64_t>(ticket & kClaimMask));
  // Counting is the last touch of the job: the caller may return and describe the next one.
  if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == total) done_.notify_one();
  return true;
}

void ThreadPool::work() {
  inside_job = true;
  while (!stop_) {
    if (claim_and_run()) continue;
    if (search([&] { return has_work() || stop_; })) continue;
    const int32_t epoch = epoch_.load();
    sleepers_.fetch_add(1);
    // A job published before the caller saw this sleeper is seen here; later ones change the epoch.
    if (!has_work() && !stop_) epoch_.wait(epoch);
    sleepers_.fetch_sub(1);
  }
}

void ThreadPool::run_erased(int64_t tasks, Job job) {
  if (tasks <= 0) return;
  if (tasks == 1 || workers_.empty() || inside_job || tasks > kMaxTasks) {
    for (int64_t task = 0; task < tasks; ++task) job.call(job.body, task);
    return;
  }
  job_ = job;
  total_ = tasks;
  done_.store(0, std::memory_order_relaxed);
  const uint64_t generation = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
  ticket_.store(generation << 32 | static_cast<uint64_t>(tasks));
  if (sleepers_.load() > 0) {
    epoch_.fetch_add(1);
    epoch_.notify_all();
  }
  inside_job = true;
  while (claim_and_run()) {
  }
  inside_job = false;
  const auto all_done = [&] {
    return done_.load(std::memory_order_acquire) == static_cast<int32_t>(tasks);
  };
  if (!search(all_done))
    for (int32_t done = done_.load(); done != static_cast<int32_t>(tasks); done = done_.load())
      done_.wait(done);
  if (failed_.exchange(false)) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace trinity::cpu
