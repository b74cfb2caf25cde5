// What the endpoints of a server work with. It outlives every request.
//
// The pool can be replaced while requests are under way: each keeps the one that it began with.
#pragma once

#include <trinity/router.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "coordinate/loop.h"
#include "coordinate/run.h"
#include "ledger/ledger.h"
#include "provider/pool.h"
#include "provider/timers.h"
#include "serve/executor.h"
#include "serve/metrics.h"
#include "serve/model_names.h"
#include "serve/payment.h"
#include "serve/run_log.h"
#include "serve/tool_ids.h"
#include "telemetry/request_spans.h"

namespace trinity::serve {

/// What works on a request.
class Work {
 public:
  virtual ~Work() = default;
  /// Its client is gone, or the server ends: whatever is under way is cut off.
  virtual void cancel() = 0;
};

/// Requests that are being worked on. What works on one is kept here and let go on a thread that is
/// not in one of its own functions.
class Active {
 public:
  explicit Active(Executor& executor) : executor_(executor) {}

  void keep(std::shared_ptr<Work> work);
  void let_go(const Work* work);
  std::size_t size() const;
  std::vector<std::shared_ptr<Work>> all() const;

 private:
  Executor& executor_;
  mutable std::mutex lock_;
  std::unordered_map<const Work*, std::shared_ptr<Work>> work_;
};

struct ServerMetrics {
  explicit ServerMetrics(Metrics& metrics);
  Metrics::Counter& requests;    // by path, status
  Metrics::Counter& turns;       // by member, role
  Metrics::Counter& runs;        // by profile, final status
  Metrics::Counter& calls;       // by member, result
  Metrics::Counter& fallbacks;   // by member, reason
  Metrics::Counter& tokens;      // by member, kind
  Metrics::Counter& cost;        // by member, in USD
  Metrics::Histogram& decision;  // seconds of the router
  Metrics::Histogram& upstream;  // seconds of a call, by member
  Metrics::Histogram& overhead;  // seconds of a request that are this program's
};

class Services;

/// Whoever has one may use the services: they wait with their end for it.
class InUse {
 public:
  explicit InUse(Services& services);
  InUse(const InUse& other) : InUse(other.services_) {}
  InUse& operator=(const InUse&) = delete;
  ~InUse();

 private:
  Services& services_;
};

class Services {
 public:
  /// Replicas that share a secret take up tool calls of each other; an empty one is drawn afresh.
  explicit Services(std::string replica_secret = {}) : tool_ids(std::move(replica_secret)) {}
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;
  /// Cancels what is under way and waits until nobody uses it any more. Its server ends before.
  ~Services();

  const Router* router = nullptr;
  coordinate::Decide decide;     // empty: the router decides; for tests
  coordinate::LoopOptions loop;  // defaults; the profile is the request's
  ModelNames names;
  std::shared_ptr<trace::Sink> sink;  // nothing: no traces
  bool trace_messages = false;        // traces record what the router reads
  std::shared_ptr<provider::Timers> timers;
  std::shared_ptr<ledger::Ledger> ledger;               // nothing: no budgets of its own
  std::shared_ptr<ledger::RedisBudget> shared_budgets;  // nothing: none that others share
  Purse purse() const { return {ledger, shared_budgets}; }
  std::chrono::milliseconds sign_of_life{10'000};
  int most_fallbacks = 2;  // other members that are asked when one fails

  ToolIds tool_ids;
  std::shared_ptr<RunLog> runs = std::make_shared<RunLog>();  // what pages show of them
  Metrics metrics;
  ServerMetrics counts{metrics};
  std::shared_ptr<trinity::telemetry::Telemetry>
      telemetry;  // nothing: no spans; goes before what it counts in
  Executor executor{8};
  Active active{executor};

  std::shared_ptr<const provider::Pool> pool() const;
  void replace_pool(std::shared_ptr<const provider::Pool> pool);

  /// Values that no trace may hold. They become only more: a run may outlive the pool of its keys.
  std::vector<std::string> redacted() const;
  void redact(const std::vector<std::string>& values);

 private:
  friend class InUse;
  mutable std::mutex lock_;
  std::condition_variable unused_;
  std::size_t users_ = 0;
  std::shared_ptr<const provider::Pool> pool_;
  std::vector<std::string> redacted_;
};

}  // namespace trinity::serve
