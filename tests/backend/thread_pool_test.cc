// The worker threads: every task once, exceptions, nesting, and many short jobs in a row.
#include "backend_cpu/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "backend_cpu/parallel.h"

namespace trinity::testing {
namespace {

using cpu::ThreadPool;

TEST(ThreadPool, EveryTaskRunsExactlyOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int64_t tasks : {0, 1, 2, 3, 7, 64, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
      pool.run(tasks, [&](int64_t task) { ++runs[static_cast<size_t>(task)]; });
      for (const auto& count : runs) EXPECT_EQ(count, 1);
    }
  }
}

TEST(ThreadPool, ManyShortJobsFollowEachOther) {
  ThreadPool pool(4);
  int64_t sum = 0;  // written by one task each job: a lost or late task would show
  for (int job = 0; job < 20000; ++job)
    pool.run(1 + job % 5, [&, job](int64_t task) {
      if (task == job % 5 / 2) sum += 1;
    });
  EXPECT_EQ(sum, 20000);
}

TEST(ThreadPool, JobsAfterAPauseFindTheSleepers) {
  ThreadPool pool(4);
  for (int job = 0; job < 20; ++job) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<int64_t> sum = 0;
    pool.run(100, [&](int64_t task) { sum += task; });
    EXPECT_EQ(sum, 4950);
  }
}

TEST(ThreadPool, WorkersTakePart) {
  ThreadPool pool(2);
  std::atomic<int> arrived = 0;
  // Each of two tasks waits for the other: one thread alone would wait for ever.
  pool.run(2, [&](int64_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

TEST(ThreadPool, AnExceptionArrivesAtTheCallerAndThePoolGoesOn) {
  ThreadPool pool(3);
  for (int job = 0; job < 50; ++job) {
    std::atomic<int> ran = 0;
    EXPECT_THROW(pool.run(20,
                          [&](int64_t task) {
                            ++ran;
                            if (task % 7 == 3) throw std::bad_alloc();
                          }),
                 std::bad_alloc);
    EXPECT_EQ(ran, 20);
    pool.run(20, [&](int64_t) { ++ran; });
    EXPECT_EQ(ran, 40);
  }
}

TEST(ThreadPool, AJobInsideATaskRunsOnItsThread) {
  ThreadPool pool(3);
  std::atomic<int64_t> sum = 0;
  pool.run(6, [&](int64_t outer) {
    const auto thread = std::this_thread::get_id();
    pool.run(5, [&](int64_t inner) {
      EXPECT_EQ(std::this_thread::get_id(), thread);
      sum += outer * 5 + inner;
    });
  });
  EXPECT_EQ(sum, 29 * 30 / 2);
}

TEST(ThreadPool, PoolsOfSeveralCallersDoNotDisturbEachOther) {
  std::vector<std::thread> callers;
  std::atomic<int64_t> sum = 0;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      ThreadPool pool(2);
      for (int job = 0; job < 500; ++job) pool.run(8, [&](int64_t task) { sum += task; });
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum, 4 * 500 * 28);
}

TEST(ParallelRows, RangesCoverAllRowsOnceWhateverTheirNumber) {
  ThreadPool pool(3);
  for (const int64_t rows : {0, 1, 2, 5, 6, 7, 100, 5000})
    for (const int64_t work : {1, 100, 1000000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(rows));
      cpu::parallel_rows(pool, rows, work, [&](cpu::RowRange range) {
        for (int64_t r = range.begin; r < range.end; ++r) ++seen[static_cast<size_t>(r)];
      });
      for (const auto& count : seen) EXPECT_EQ(count, 1);
    }
}

}  // namespace
}  // namespace trinity::testing
