#include "router/extraction_service.h"

#include <iterator>
#include <new>

#include "base/stopwatch.h"

namespace trinity {
namespace {

bool same_mode(const ExtractMode& a, const ExtractMode& b) {
  return a.full == b.full && a.all_positions == b.all_positions && a.prefix_cache == b.prefix_cache;
}

tl::unexpected<Error> out_of_memory() {
  return fail(ErrorKind::failed, "out_of_memory",
              "there is not enough memory for this input; use a smaller batch or a shorter input");
}

}  // namespace

Result<std::unique_ptr<ExtractionService>> ExtractionService::start(
    const std::function<Result<Loaded>()>& load) {
  std::unique_ptr<ExtractionService> service(new ExtractionService());
  std::promise<Status> ready;
  std::future<Status> loaded = ready.get_future();
  service->thread_ = std::thread([raw = service.get(), &load, &ready] {
    try {
      auto result = load();
      if (!result) return ready.set_value(tl::unexpected(std::move(result.error())));
      raw->loaded_ = std::move(*result);
    } catch (const std::bad_alloc&) {
      return ready.set_value(out_of_memory());
    }
    ready.set_value({});
    raw->run();
  });
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
      do {
        jobs.push_back(std::move(queue_.front()));
        queue_.pop_front();
      } while (!queue_.empty() && same_mode(queue_.front().mode, jobs.front().mode));
    }
    compute(std::move(jobs));
  }
  // Tensors die on the thread that made them.
  loaded_.extractor.reset();
  loaded_.backend.reset();
}

void ExtractionService::compute(std::vector<Job> jobs) {
  std::vector<std::vector<int32_t>> inputs;
  for (Job& job : jobs)
    inputs.insert(inputs.end(), std::make_move_iterator(job.inputs.begin()),
                  std::make_move_iterator(job.inputs.end()));
  const Stopwatch watch;
  std::vector<Result<HiddenStates>> states;
  try {
    states = loaded_.extractor->extract(inputs, jobs.front().mode);
  } catch (const std::bad_alloc&) {
    states.assign(inputs.size(), Result<HiddenStates>(out_of_memory()));
  }
  const double milliseconds = watch.elapsed_ms();
  auto next = states.begin();
  for (Job& job : jobs) {
    const auto end = next + static_cast<std::ptrdiff_t>(job.inputs.size());
    ExtractionReply reply;
    reply.states.assign(std::make_move_iterator(next), std::make_move_iterator(end));
    reply.compute_ms = milliseconds;
    job.reply.set_value(std::move(reply));
    next = end;
  }
}

}  // namespace trinity
