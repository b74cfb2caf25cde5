// The budgets of one run: time, calls, the length of a call, rejections, money.
//
// A limit that is not set is off. Where they are looked at: turn_start and before_dispatch (time,
// calls, rejections, money, in this order), after_dispatch (length of the call, money),
// after_verifier_revision (rejections). Calls and rejections may reach their limit, time and money
// may not.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/json_value.h"

namespace trinity::coordinate {

struct Budgets {
  std::optional<std::int64_t> max_wall_time_ms;
  std::optional<std::int64_t> max_provider_calls;
  std::optional<std::int64_t> max_provider_latency_ms;
  std::optional<std::int64_t> max_verifier_revisions;
  std::optional<double> max_estimated_cost_usd;
};

/// Of an object with those names; null is off. Errors: `invalid_budget` for what is no such number
/// or negative, `unknown_option`, `invalid_budgets` for what is no object.
Result<Budgets> parse_budgets(const Json& budgets);
/// Error `invalid_budget` for a negative limit or one that is no number.
Status check_budgets(const Budgets& budgets);

/// Which budget ended a run, and where.
struct BudgetExceeded {
  std::string kind;  // wall_time, provider_calls, provider_latency_ms, verifier_revisions or
                     // estimated_cost_usd
  double limit = 0;
  double observed = 0;
  std::string checkpoint;
  int turn = 0;

  /// As the trace has it: limit_ms and elapsed_ms, limit and observed, limit_ms and observed_ms, or
  /// limit_usd and observed_usd; checkpoint; turn.
  Json details() const;
  /// Tag `budget_exceeded`.
  Error error() const;
};

/// A clock that can be set; the steady one of the system where it is empty.
using Clock = std::function<std::chrono::steady_clock::time_point()>;

/// What a run has used up.
class BudgetMeter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Found = std::optional<BudgetExceeded>;

  BudgetMeter() = default;
  BudgetMeter(Budgets budgets, TimePoint start) : budgets_(budgets), start_(start) {}

  void count_call() { ++calls_; }
  void count_revision() { ++revisions_; }
  /// Money in USD, rounded to a millionth; what is negative or no number counts as nothing.
  void add_cost(double usd);

  Found at_turn_start(TimePoint now, int turn) const;
  Found before_dispatch(TimePoint now, int turn) const;
  Found after_dispatch(std::int64_t latency_ms, int turn) const;
  Found after_cost(int turn) const;
  Found after_revision(int turn) const;

  /// When a call that begins now must have ended, and what to say of it when it has not.
  std::optional<TimePoint> deadline(TimePoint now) const;
  Found after_deadline(TimePoint now, std::int64_t latency_ms, int turn) const;

  bool limits_cost() const { return budgets_.max_estimated_cost_usd.has_value(); }
  std::int64_t calls() const { return calls_; }
  double cost_usd() const;

 private:
  Found check_all(TimePoint now, const char* checkpoint, int turn) const;
  Found check_cost(const char* checkpoint, int turn) const;
  Found check_revisions(const char* checkpoint, int turn) const;

  Budgets budgets_;
  TimePoint start_{};
  std::int64_t calls_ = 0;
  std::int64_t revisions_ = 0;
  std::int64_t cost_micro_usd_ = 0;
};

}  // namespace trinity::coordinate
