// One thread that owns a backend, and everyone else's way to it.
//
// Requests are queued; the thread takes all that wait together and have the same mode, computes
// them in one call and fulfils their promises. Nothing else may touch the backend: some keep their
// tensors per thread, and the CPU lanes keep their worker team per thread. What is thrown on the
// thread reaches the caller as an Error.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "model/feature_extractor.h"

namespace trinity {

struct ExtractionReply {
  std::vector<Result<HiddenStates>> states;  // one for each input, in order
  double compute_ms = 0;                     // time of the call that computed them
};

class ExtractionService {
 public:
  /// Dies on the compute thread, the last member first: what holds memory of the backend goes
  /// before the backend.
  struct Loaded {
    std::unique_ptr<Backend> backend;
    std::shared_ptr<void> sources;  // whatever the extractor's weights were prepared from
    std::unique_ptr<FeatureExtractor> extractor;
  };

  /// Runs `load` on the compute thread and waits for it. Errors: its own, `out_of_memory`,
  /// `out_of_threads`.
  static Result<std::unique_ptr<ExtractionService>> start(std::function<Result<Loaded>()> load);
  /// Answers what is queued, then stops.
  ~ExtractionService();

  /// Throws std::bad_alloc when the request cannot be queued; the reply holds it when there is not
  /// even memory for an Error.
  std::future<ExtractionReply> submit(std::vector<std::vector<int32_t>> inputs, ExtractMode mode);

  /// Facts that never change after loading.
  const BackendInfo& backend_info() const { return loaded_.backend->info(); }
  LanePromise promise() const { return loaded_.backend->promise(); }
  size_t weight_bytes() const { return loaded_.backend->weight_bytes(); }
  const ModelConfig& config() const { return loaded_.extractor->config(); }

 private:
  struct Job {
    std::vector<std::vector<int32_t>> inputs;
    ExtractMode mode;
    std::promise<ExtractionReply> reply;
  };

  ExtractionService() = default;
  void run();
  void compute(std::vector<Job> jobs);

  Loaded loaded_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trinity
