// Tested by tests/router/extraction_queue_test.cc.
#include "router/extraction_queue.h"

#include <algorithm>
#include <exception>
#include <numeric>
#include <string>
#include <utility>

namespace trinity::router {
namespace {

size_t tokens_of(const std::vector<std::vector<int32_t>>& inputs) {
  size_t tokens = 0;
  for (const auto& input : inputs) tokens += input.size();
  return tokens;
}

bool same_mode(const model::ExtractMode& a, const model::ExtractMode& b) {
  return a.full == b.full && a.all_positions == b.all_positions && a.prefix_cache == b.prefix_cache;
}

}  // namespace

ExtractionJob::ExtractionJob(ExtractionRequest request)
    : inputs(std::move(request.inputs)),
      mode(request.mode),
      count(inputs.size()),
      tokens(tokens_of(inputs)),
      deadline_(request.options.deadline),
      cancel_(std::move(request.options.cancel), Cancel{this}) {}

void ExtractionJob::Cancel::operator()() const noexcept {
  if (!job->claim()) return;
  try {
    job->refuse({ErrorKind::failed, "cancelled",
                 "the caller cancelled this request before it was computed"});
  } catch (...) {
    job->reply_.set_exception(std::current_exception());
  }
}

void ExtractionJob::answer(ExtractionReply reply) noexcept { reply_.set_value(std::move(reply)); }

void ExtractionJob::refuse(const Error& error) noexcept {
  try {
    ExtractionReply reply;
    reply.states.assign(count, tl::unexpected<Error>(error));
    answer(std::move(reply));
  } catch (...) {
    reply_.set_exception(std::current_exception());
  }
}

void ExtractionJob::refuse_as_expired() noexcept {
  try {
    refuse({ErrorKind::failed, "deadline_exceeded",
            "the request's deadline passed before it could be computed; allow more time, or send "
            "fewer requests at once"});
  } catch (...) {
    reply_.set_exception(std::current_exception());
  }
}

Status ExtractionQueue::push(Job job, Clock::time_point now) {
  if (inputs_ + job->count > limits_.inputs) drop_answered(now);
  if (!jobs_.empty() && inputs_ + job->count > limits_.inputs)
    return fail(ErrorKind::failed, "queue_full",
                std::to_string(inputs_) + " inputs wait to be computed already, of at most " +
                    std::to_string(limits_.inputs) + "; ask again later");
  const size_t count = job->count;
  jobs_.push_back(std::move(job));
  inputs_ += count;
  return {};
}

void ExtractionQueue::drop_answered(Clock::time_point now) {
  for (const Job& job : jobs_)
    if (job->expired(now) && job->claim()) job->refuse_as_expired();
  const Job oldest = jobs_.empty() ? nullptr : jobs_.front();
  std::erase_if(jobs_, [&](const Job& job) {
    if (!job->claimed()) return false;
    inputs_ -= job->count;
    return true;
  });
  if (jobs_.empty() || jobs_.front() != oldest) passed_ = false;
}

std::vector<size_t> ExtractionQueue::shortest_first(size_t except) const {
  std::vector<size_t> places;
  for (size_t i = 0; i < jobs_.size(); ++i)
    if (i != except) places.push_back(i);
  std::stable_sort(places.begin(), places.end(),
                   [&](size_t a, size_t b) { return jobs_[a]->tokens < jobs_[b]->tokens; });
  return places;
}

/// Adds candidates of the mode of the first one chosen while all stay within the limit.
void ExtractionQueue::add_within(std::vector<size_t>& chosen, std::span<const size_t> candidates,
                                 size_t tokens) const {
  for (const size_t place : candidates) {
    const ExtractionJob& job = *jobs_[place];
    if (tokens + job.tokens > limits_.merged_tokens) break;
    if (!chosen.empty() && !same_mode(job.mode, jobs_[chosen.front()]->mode)) continue;
    chosen.push_back(place);
    tokens += job.tokens;
  }
}

std::vector<size_t> ExtractionQueue::choose() {
  const std::vector<size_t> others = shortest_first(0);
  std::vector<size_t> chosen;
  if (jobs_.front()->tokens > limits_.merged_tokens) {
    if (!passed_) add_within(chosen, others, 0);
    passed_ = !chosen.empty();
    if (chosen.empty()) chosen.push_back(0);
    return chosen;
  }
  chosen.push_back(0);
  add_within(chosen, others, jobs_.front()->tokens);
  return chosen;
}

std::vector<ExtractionQueue::Job> ExtractionQueue::take(Clock::time_point now) {
  drop_answered(now);
  std::vector<Job> taken;
  if (jobs_.empty()) return taken;
  const bool passed_before = passed_;
  const std::vector<size_t> chosen = choose();
  try {
    taken.reserve(chosen.size());
  } catch (...) {
    passed_ = passed_before;
    throw;
  }
  const bool oldest_goes = chosen.front() == 0;
  // Claimed or, at the same moment, answered by somebody else: either way they leave.
  for (const size_t place : chosen) {
    inputs_ -= jobs_[place]->count;
    if (jobs_[place]->claim()) taken.push_back(std::move(jobs_[place]));
    jobs_[place] = nullptr;
  }
  std::erase(jobs_, nullptr);
  if (oldest_goes) passed_ = false;
  return taken;
}

ExtractionQueue::Job ExtractionQueue::take_oldest() noexcept {
  if (jobs_.empty()) return nullptr;
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  inputs_ -= job->count;
  passed_ = false;
  return job->claim() ? std::move(job) : nullptr;
}

}  // namespace trinity::router
