// Requests that wait for the compute thread, and the rule by which they get their turn.
//
//  * Bounded: a request that finds no room is refused, unless nothing waits.
//  * A request whose deadline has passed, or that its caller cancelled, is answered and leaves.
//  * What is computed together has one mode: the oldest request, then the shortest of the others as
//    long as all of them stay within `merged_tokens`. So nobody starves, and short requests do not
//    wait for long ones of other callers to be merged before them.
//  * An oldest request that is longer than that by itself lets the short ones pass first, as many
//    as fit into one call, and is then computed alone. It lets them pass once.
// So a short request waits for the call that is running and, at the most, for one long one and for
// other short ones. How requests are merged changes no bit of any answer.
//
// The queue is data without a thread or a clock: the service that owns it locks it and tells it
// what time it is. A job is shared by queue, compute thread and caller; whoever claims it first
// answers it.
#pragma once

#include <trinity/options.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/stopwatch.h"
#include "model/feature_extractor.h"

namespace trinity::router {

struct ExtractionRequest {
  std::vector<std::vector<int32_t>> inputs;
  model::ExtractMode mode;
  RequestOptions options;
};

struct ExtractionReply {
  std::vector<Result<model::HiddenStates>> states;  // one for each input, in order
  double queue_ms = 0;                              // from asking to the begin of the call
  double compute_ms = 0;                            // time of the call that computed them
};

class ExtractionJob {
 public:
  /// From here on the caller can cancel it.
  explicit ExtractionJob(ExtractionRequest request);
  ExtractionJob(const ExtractionJob&) = delete;
  ExtractionJob& operator=(const ExtractionJob&) = delete;

  /// Whether the claimant is the first and has to answer.
  bool claim() noexcept { return !claimed_.exchange(true); }
  bool claimed() const noexcept { return claimed_; }
  bool expired(std::chrono::steady_clock::time_point now) const {
    return deadline_ && *deadline_ <= now;
  }

  /// Each answers the caller, once, and throws nothing: where there is no memory for an answer, the
  /// caller's future holds that exception.
  void answer(ExtractionReply reply) noexcept;
  void refuse(const Error& error) noexcept;
  void refuse_as_expired() noexcept;
  void refuse_with(std::exception_ptr thrown) noexcept { reply_.set_exception(std::move(thrown)); }

  std::vector<std::vector<int32_t>> inputs;
  const model::ExtractMode mode;
  const size_t count;   // of inputs
  const size_t tokens;  // of all inputs
  const Stopwatch waiting;

  std::future<ExtractionReply> reply() { return reply_.get_future(); }
  const auto& deadline() const { return deadline_; }

 private:
  struct Cancel {
    ExtractionJob* job;
    void operator()() const noexcept;
  };

  const std::optional<std::chrono::steady_clock::time_point> deadline_;
  std::atomic<bool> claimed_ = false;
  std::promise<ExtractionReply> reply_;
  const std::stop_callback<Cancel> cancel_;  // dies first: it uses the rest
};

struct QueueLimits {
  size_t inputs = RouterOptions().queue_limit;
  size_t merged_tokens = RouterOptions().merged_tokens;
};

/// Not thread-safe.
class ExtractionQueue {
 public:
  using Clock = std::chrono::steady_clock;
  using Job = std::shared_ptr<ExtractionJob>;

  explicit ExtractionQueue(const QueueLimits& limits) : limits_(limits) {}

  /// Error: `queue_full`.
  Status push(Job job, Clock::time_point now);
  bool empty() const { return jobs_.empty(); }

  /// The jobs to compute together, claimed; none when all that waited was answered already. May
  /// throw std::bad_alloc, and has then changed nothing that matters.
  std::vector<Job> take(Clock::time_point now);
  /// The oldest job, claimed, without needing memory; null when it was answered already.
  Job take_oldest() noexcept;

 private:
  void drop_answered(Clock::time_point now);
  std::vector<size_t> choose();
  std::vector<size_t> shortest_first(size_t except) const;
  void add_within(std::vector<size_t>& chosen, std::span<const size_t> candidates,
                  size_t tokens) const;

  const QueueLimits limits_;
  std::deque<Job> jobs_;  // oldest first
  size_t inputs_ = 0;     // of all jobs
  bool passed_ = false;   // the oldest one has let others pass
};

}  // namespace trinity::router
