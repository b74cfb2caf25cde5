// One thread that owns a backend, and everyone else's way to it.
//
// Requests are queued; the thread takes those whose turn it is (router/extraction_queue.h has the
// rule), computes them in one call and answers them. Nothing else may touch the backend: some keep
// their tensors per thread, and the CPU lanes keep their worker team per thread. What is thrown on
// the thread reaches the caller as an Error.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <span>
#include <thread>

#include "model/feature_extractor.h"
#include "router/extraction_queue.h"

namespace trinity::router {

/// An answer that is still to come.
class PendingExtraction {
 public:
  explicit PendingExtraction(std::shared_ptr<ExtractionJob> job)
      : job_(std::move(job)), reply_(job_->reply()) {}

  /// Waits for it, at most until the request's deadline unless it is being computed then. Once.
  /// Errors of single inputs: those of FeatureExtractor::extract, `deadline_exceeded`, `cancelled`,
  /// and those of caught_failure for what was thrown. Throws what the compute thread had no memory
  /// to make an Error of.
  ExtractionReply get();

 private:
  std::shared_ptr<ExtractionJob> job_;
  std::future<ExtractionReply> reply_;
};

class ExtractionService {
 public:
  /// Dies on the compute thread, the last member first: what holds memory of the backend goes
  /// before the backend.
  struct Loaded {
    std::unique_ptr<backend::Backend> backend;
    std::shared_ptr<void> sources;  // whatever the extractor's weights were prepared from
    std::unique_ptr<model::FeatureExtractor> extractor;
  };

  /// Runs `load` on the compute thread and waits for it. Errors: its own, `out_of_memory`,
  /// `out_of_threads`.
  static Result<std::unique_ptr<ExtractionService>> start(std::function<Result<Loaded>()> load,
                                                          const QueueLimits& limits = {});
  /// Answers what is queued, then stops.
  ~ExtractionService();

  /// Errors: `queue_full`, `out_of_memory`.
  Result<PendingExtraction> submit(ExtractionRequest request);

  /// Facts that never change after loading.
  const backend::BackendInfo& backend_info() const { return loaded_.backend->info(); }
  backend::LanePromise promise() const { return loaded_.backend->promise(); }
  size_t weight_bytes() const { return loaded_.backend->weight_bytes(); }
  const model::ModelConfig& config() const { return loaded_.extractor->config(); }

  /// Of the prefix cache, after the last call that was computed.
  PrefixCacheStats cache_stats() const;

 private:
  using Job = ExtractionQueue::Job;

  explicit ExtractionService(const QueueLimits& limits) : queue_(limits) {}
  void run();
  void compute(std::span<const Job> jobs);

  Loaded loaded_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  ExtractionQueue queue_;
  PrefixCacheStats cache_stats_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trinity::router
