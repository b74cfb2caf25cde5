// Tested by tests/router/extraction_service_test.cc and extraction_waiting_test.cc.
#include "router/extraction_service.h"

#include <exception>
#include <iterator>
#include <utility>

#include "base/stopwatch.h"
#include "base/thread_failure.h"
#include "base/try.h"

namespace trinity::router {
ExtractionReply PendingExtraction::get() {
  if (job_->deadline() && reply_.wait_until(*job_->deadline()) == std::future_status::timeout &&
      job_->claim())
    job_->refuse_as_expired();
  return reply_.get();
}

Result<std::unique_ptr<ExtractionService>> ExtractionService::start(
    std::function<Result<Loaded>()> load, const QueueLimits& limits) {
  std::unique_ptr<ExtractionService> service(new ExtractionService(limits));
  std::promise<Status> ready;
  std::future<Status> loaded = ready.get_future();
  auto serve = [raw = service.get(), work = std::move(load), done = std::move(ready)]() mutable {
    Status status;
    try {
      auto result = work();
      work = nullptr;  // what it holds dies here, not on the caller's thread
      if (result) {
        raw->loaded_ = std::move(*result);
        if (raw->loaded_.extractor) raw->cache_stats_ = raw->loaded_.extractor->cache_stats();
      } else {
        status = tl::unexpected(std::move(result.error()));
      }
    } catch (...) {
      work = nullptr;
      status = caught_failure("load the model",
                              "close other programs, or use a smaller model or a profile with "
                              "smaller weights (see trinity profiles)");
    }
    const bool failed = !status.has_value();
    done.set_value(std::move(status));
    if (!failed) raw->run();
  };
  try {
    service->thread_ = std::thread(std::move(serve));
  } catch (...) {
    return caught_failure("compute", "close other programs");
  }
  if (Status status = loaded.get(); !status) return tl::unexpected(std::move(status.error()));
  return service;
}

ExtractionService::~ExtractionService() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<PendingExtraction> ExtractionService::submit(ExtractionRequest request) {
  try {
    const Job job = std::make_shared<ExtractionJob>(std::move(request));
    PendingExtraction pending(job);
    {
      const std::lock_guard lock(mutex_);
      TRINITY_CHECK(queue_.push(job, ExtractionQueue::Clock::now()));
    }
    wake_.notify_one();
    return pending;
  } catch (...) {
    return caught_failure("queue this input", "use a smaller batch");
  }
}

PrefixCacheStats ExtractionService::cache_stats() const {
  const std::lock_guard lock(mutex_);
  return cache_stats_;
}

void ExtractionService::run() {
  for (;;) {
    std::vector<Job> jobs;
    Job alone;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) break;
      try {
        jobs = queue_.take(ExtractionQueue::Clock::now());
      } catch (...) {
        alone = queue_.take_oldest();  // no room to choose in
      }
    }
    if (alone != nullptr) compute(std::span(&alone, 1));
    if (!jobs.empty()) compute(jobs);
  }
  // What was made on this thread dies on it; see Loaded for the order.
  loaded_.extractor.reset();
  loaded_.sources.reset();
  loaded_.backend.reset();
}

void ExtractionService::compute(std::span<const Job> jobs) {
  const Stopwatch watch;
  size_t answered = 0;
  try {
    std::vector<double> waited;
    std::vector<std::vector<int32_t>> inputs;
    for (const Job& job : jobs) {
      waited.push_back(job->waiting.elapsed_ms());
      inputs.insert(inputs.end(), std::make_move_iterator(job->inputs.begin()),
                    std::make_move_iterator(job->inputs.end()));
    }
    std::vector<Result<model::HiddenStates>> states =
        loaded_.extractor->extract(inputs, jobs.front()->mode);
    const double milliseconds = watch.elapsed_ms();
    {
      const std::lock_guard lock(mutex_);
      cache_stats_ = loaded_.extractor->cache_stats();
    }
    auto next = states.begin();
    for (const Job& job : jobs) {
      const auto end = next + static_cast<std::ptrdiff_t>(job->count);
      ExtractionReply reply;
      reply.states.assign(std::make_move_iterator(next), std::make_move_iterator(end));
      reply.queue_ms = waited[answered];
      reply.compute_ms = milliseconds;
      job->answer(std::move(reply));
      ++answered;
      next = end;
    }
  } catch (...) {
    for (size_t i = answered; i < jobs.size(); ++i) {
      try {
        jobs[i]->refuse(
            caught_failure("compute this input", "use a smaller batch or a shorter input").value());
      } catch (...) {
        jobs[i]->refuse_with(std::current_exception());
      }
    }
  }
}

}  // namespace trinity::router
