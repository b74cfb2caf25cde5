#include "router/extraction_service.h"

#include <exception>
#include <iterator>
#include <utility>

#include "base/stopwatch.h"
#include "base/thread_failure.h"

namespace trinity {
namespace {

bool same_mode(const ExtractMode& a, const ExtractMode& b) {
  return a.full == b.full && a.all_positions == b.all_positions && a.prefix_cache == b.prefix_cache;
}

}  // namespace

Result<std::unique_ptr<ExtractionService>> ExtractionService::start(
    std::function<Result<Loaded>()> load) {
  std::unique_ptr<ExtractionService> service(new ExtractionService());
  std::promise<Status> ready;
  std::future<Status> loaded = ready.get_future();
  auto serve = [raw = service.get(), work = std::move(load), done = std::move(ready)]() mutable {
    Status status;
    try {
      auto result = work();
      work = nullptr;  // what it holds dies here, not on the caller's thread
      if (result)
        raw->loaded_ = std::move(*result);
      else
        status = tl::unexpected(std::move(result.error()));
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

std::future<ExtractionReply> ExtractionService::submit(std::vector<std::vector<int32_t>> inputs,
                                                       ExtractMode mode) {
  Job job{std::move(inputs), mode, {}};
  std::future<ExtractionReply> reply = job.reply.get_future();
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return reply;
}

void ExtractionService::run() {
  for (;;) {
    std::vector<Job> jobs;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) break;
      try {
        do {
          jobs.emplace_back();  // before the job is moved, so that none is lost
          jobs.back() = std::move(queue_.front());
          queue_.pop_front();
        } while (!queue_.empty() && same_mode(queue_.front().mode, jobs.front().mode));
      } catch (...) {
        // No room to take more together: what was taken is computed.
        if (jobs.empty()) {
          queue_.front().reply.set_exception(std::current_exception());
          queue_.pop_front();
        }
      }
    }
    if (!jobs.empty()) compute(std::move(jobs));
  }
  // What was made on this thread dies on it; see Loaded for the order.
  loaded_.extractor.reset();
  loaded_.sources.reset();
  loaded_.backend.reset();
}

void ExtractionService::compute(std::vector<Job> jobs) {
  const Stopwatch watch;
  size_t answered = 0;
  try {
    std::vector<std::vector<int32_t>> inputs;
    for (Job& job : jobs)
      inputs.insert(inputs.end(), std::make_move_iterator(job.inputs.begin()),
                    std::make_move_iterator(job.inputs.end()));
    std::vector<Result<HiddenStates>> states =
        loaded_.extractor->extract(inputs, jobs.front().mode);
    const double milliseconds = watch.elapsed_ms();
    auto next = states.begin();
    for (Job& job : jobs) {
      const auto end = next + static_cast<std::ptrdiff_t>(job.inputs.size());
      ExtractionReply reply;
      reply.states.assign(std::make_move_iterator(next), std::make_move_iterator(end));
      reply.compute_ms = milliseconds;
      job.reply.set_value(std::move(reply));
      ++answered;
      next = end;
    }
  } catch (...) {
    for (size_t i = answered; i < jobs.size(); ++i) {
      try {
        const Result<HiddenStates> failure =
            caught_failure("compute this input", "use a smaller batch or a shorter input");
        ExtractionReply reply;
        reply.states.assign(jobs[i].inputs.size(), failure);
        reply.compute_ms = watch.elapsed_ms();
        jobs[i].reply.set_value(std::move(reply));
      } catch (...) {
        jobs[i].reply.set_exception(std::current_exception());
      }
    }
  }
}

}  // namespace trinity
