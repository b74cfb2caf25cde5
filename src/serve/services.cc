#include "serve/services.h"

#include <algorithm>

#include "telemetry/request_spans.h"

namespace trinity::serve {

void Active::keep(std::shared_ptr<Work> work) {
  const std::scoped_lock held(lock_);
  const Work* const key = work.get();
  work_.emplace(key, std::move(work));
}

void Active::let_go(const Work* work) {
  std::shared_ptr<Work> kept;
  {
    const std::scoped_lock held(lock_);
    const auto found = work_.find(work);
    if (found == work_.end()) return;
    kept = std::move(found->second);
    work_.erase(found);
  }
  executor_.post([kept = std::move(kept)]() mutable { kept.reset(); });
}

std::size_t Active::size() const {
  const std::scoped_lock held(lock_);
  return work_.size();
}

std::vector<std::shared_ptr<Work>> Active::all() const {
  const std::scoped_lock held(lock_);
  std::vector<std::shared_ptr<Work>> all;
  for (const auto& [key, work] : work_) all.push_back(work);
  return all;
}

InUse::InUse(Services& services) : services_(services) {
  const std::scoped_lock held(services_.lock_);
  ++services_.users_;
}

InUse::~InUse() {
  // Told under the lock, because the services may be gone as soon as it is free.
  const std::scoped_lock held(services_.lock_);
  if (--services_.users_ == 0) services_.unused_.notify_all();
}

Services::~Services() {
  for (const std::shared_ptr<Work>& work : active.all()) work->cancel();
  std::unique_lock held(lock_);
  unused_.wait(held, [&] { return users_ == 0; });
  held.unlock();
  if (telemetry) telemetry->end(std::chrono::milliseconds(0));  // others may hold it longer
}

ServerMetrics::ServerMetrics(Metrics& metrics)
    : requests(metrics.counter("trinity_requests_total", "Requests that were answered.",
                               {"path", "status"})),
      turns(
          metrics.counter("trinity_turns_total", "Turns that were completed.", {"member", "role"})),
      runs(metrics.counter("trinity_runs_total", "Runs of the loop that ended.",
                           {"profile", "final_status"})),
      calls(metrics.counter("trinity_member_calls_total", "Calls of members that ended.",
                            {"member", "result"})),
      fallbacks(metrics.counter("trinity_fallbacks_total",
                                "Turns that another member took over, by the one that failed.",
                                {"member", "reason"})),
      tokens(metrics.counter("trinity_tokens_total", "Tokens of calls.", {"member", "kind"})),
      cost(metrics.counter("trinity_cost_usd_total", "Known cost of calls, in US dollars.",
                           {"member"})),
      decision(metrics.histogram("trinity_decision_seconds", "Time of the router's decisions.")),
      upstream(metrics.histogram("trinity_member_call_seconds", "Time of calls.", {"member"})),
      overhead(metrics.histogram("trinity_overhead_seconds",
                                 "Time of a request that was spent neither by the router nor by a "
                                 "member.")) {}

std::shared_ptr<const provider::Pool> Services::pool() const {
  const std::scoped_lock held(lock_);
  return pool_;
}

void Services::replace_pool(std::shared_ptr<const provider::Pool> pool) {
  const std::scoped_lock held(lock_);
  pool_ = std::move(pool);
}

std::vector<std::string> Services::redacted() const {
  const std::scoped_lock held(lock_);
  return redacted_;
}

void Services::redact(const std::vector<std::string>& values) {
  const std::scoped_lock held(lock_);
  for (const std::string& value : values)
    if (std::find(redacted_.begin(), redacted_.end(), value) == redacted_.end())
      redacted_.push_back(value);
}

}  // namespace trinity::serve
