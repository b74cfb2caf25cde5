#include "coordinate/budgets.h"

#include <algorithm>
#include <cmath>

#include "base/try.h"
#include "base/utf8.h"

namespace trinity::coordinate {
namespace {

using std::chrono::milliseconds;

constexpr double kMicro = 1e6;
constexpr double kMostMicro = 9e15;  // beyond it a double no longer counts in ones

tl::unexpected<Error> invalid_budget(std::string_view name, const char* what) {
  return fail(ErrorKind::usage, "invalid_budget",
              "the budget " + std::string(name) + " is not " + what +
                  "; give such a number, or leave it out for no limit");
}

constexpr const char* kWhole = "a whole number of at least 0";
constexpr const char* kAmount = "an amount of at least 0";

std::int64_t elapsed_ms(BudgetMeter::TimePoint from, BudgetMeter::TimePoint to) {
  return std::max<std::int64_t>(0, std::chrono::duration_cast<milliseconds>(to - from).count());
}

/// No limit of 64 bits is beyond what a clock's point can hold.
milliseconds bearable(std::int64_t ms) {
  constexpr std::int64_t kMost = std::int64_t{1000} * 60 * 60 * 24 * 365 * 10;
  return milliseconds(std::min(ms, kMost));
}

BudgetExceeded exceeded(const char* kind, std::int64_t limit, std::int64_t observed,
                        const char* checkpoint, int turn) {
  return {kind, static_cast<double>(limit), static_cast<double>(observed), checkpoint, turn};
}

}  // namespace

Result<Budgets> parse_budgets(const Json& json) {
  Budgets budgets;
  if (!json.is_object() && !json.is_null())
    return fail(ErrorKind::usage, "invalid_budgets",
                "budgets are an object of limits by name, not a " + std::string(json.type_name()) +
                    "; see docs/trace.md for the names");
  for (const auto& [name, value] : json.items()) {
    std::optional<std::int64_t>* whole =
        name == "max_wall_time_ms"          ? &budgets.max_wall_time_ms
        : name == "max_provider_calls"      ? &budgets.max_provider_calls
        : name == "max_provider_latency_ms" ? &budgets.max_provider_latency_ms
        : name == "max_verifier_revisions"  ? &budgets.max_verifier_revisions
                                            : nullptr;
    if (whole == nullptr && name != "max_estimated_cost_usd")
      return fail(ErrorKind::usage, "unknown_option",
                  "'" + excerpt(name) + "' is no budget of a run; see docs/trace.md for the names");
    if (value.is_null()) continue;
    if (whole == nullptr) {
      budgets.max_estimated_cost_usd = value.to_double();
      if (!budgets.max_estimated_cost_usd) return invalid_budget(name, kAmount);
    } else {
      *whole = value.to_int64();
      if (!*whole) return invalid_budget(name, kWhole);
    }
  }
  TRINITY_CHECK(check_budgets(budgets));
  return budgets;
}

Status check_budgets(const Budgets& budgets) {
  const auto bad = [](const std::optional<std::int64_t>& limit) { return limit && *limit < 0; };
  if (bad(budgets.max_wall_time_ms)) return invalid_budget("max_wall_time_ms", kWhole);
  if (bad(budgets.max_provider_calls)) return invalid_budget("max_provider_calls", kWhole);
  if (bad(budgets.max_provider_latency_ms))
    return invalid_budget("max_provider_latency_ms", kWhole);
  if (bad(budgets.max_verifier_revisions)) return invalid_budget("max_verifier_revisions", kWhole);
  const auto& cost = budgets.max_estimated_cost_usd;
  if (cost && !(std::isfinite(*cost) && *cost >= 0))
    return invalid_budget("max_estimated_cost_usd", kAmount);
  return {};
}

Json BudgetExceeded::details() const {
  const auto whole = [](double value) { return static_cast<std::int64_t>(value); };
  Json out = Json::object();
  if (kind == "wall_time") {
    out = {{"limit_ms", whole(limit)}, {"elapsed_ms", whole(observed)}};
  } else if (kind == "provider_latency_ms") {
    out = {{"limit_ms", whole(limit)}, {"observed_ms", whole(observed)}};
  } else if (kind == "estimated_cost_usd") {
    out = {{"limit_usd", limit}, {"observed_usd", observed}};
  } else {
    out = {{"limit", whole(limit)}, {"observed", whole(observed)}};
  }
  out["checkpoint"] = checkpoint;
  out["turn"] = turn;
  return out;
}

Error BudgetExceeded::error() const {
  std::string told;
  const Json numbers = details();
  for (const auto& [name, value] : numbers.items())
    if (value.is_number())
      told += (told.empty() ? "" : ", ") + name + " " +
              (kind == "estimated_cost_usd" && name != "turn" ? std::to_string(value.as_double())
                                                              : std::to_string(value.as_int64()));
  return {ErrorKind::failed, "budget_exceeded",
          "the budget " + kind + " of this run ended it at " + checkpoint + " (" + told +
              "); give it more, or ask for less"};
}

void BudgetMeter::add_cost(double usd) {
  if (!std::isfinite(usd) || usd < 0) return;
  const double total = static_cast<double>(cost_micro_usd_) + std::round(usd * kMicro);
  cost_micro_usd_ = static_cast<std::int64_t>(std::min(total, kMostMicro));
}

double BudgetMeter::cost_usd() const { return static_cast<double>(cost_micro_usd_) / kMicro; }

BudgetMeter::Found BudgetMeter::check_revisions(const char* checkpoint, int turn) const {
  const auto& limit = budgets_.max_verifier_revisions;
  if (!limit || revisions_ <= *limit) return std::nullopt;
  return exceeded("verifier_revisions", *limit, revisions_, checkpoint, turn);
}

BudgetMeter::Found BudgetMeter::check_cost(const char* checkpoint, int turn) const {
  const auto& limit = budgets_.max_estimated_cost_usd;
  if (!limit || static_cast<double>(cost_micro_usd_) < std::round(*limit * kMicro))
    return std::nullopt;
  return BudgetExceeded{"estimated_cost_usd", *limit, cost_usd(), checkpoint, turn};
}

BudgetMeter::Found BudgetMeter::check_all(TimePoint now, const char* checkpoint, int turn) const {
  if (const auto& limit = budgets_.max_wall_time_ms) {
    const std::int64_t elapsed = elapsed_ms(start_, now);
    if (elapsed >= *limit) return exceeded("wall_time", *limit, elapsed, checkpoint, turn);
  }
  if (const auto& limit = budgets_.max_provider_calls; limit && calls_ > *limit)
    return exceeded("provider_calls", *limit, calls_, checkpoint, turn);
  if (Found found = check_revisions(checkpoint, turn)) return found;
  return check_cost(checkpoint, turn);
}

BudgetMeter::Found BudgetMeter::at_turn_start(TimePoint now, int turn) const {
  return check_all(now, "turn_start", turn);
}

BudgetMeter::Found BudgetMeter::before_dispatch(TimePoint now, int turn) const {
  return check_all(now, "before_dispatch", turn);
}

BudgetMeter::Found BudgetMeter::after_dispatch(std::int64_t latency_ms, int turn) const {
  const auto& limit = budgets_.max_provider_latency_ms;
  if (!limit || latency_ms <= *limit) return std::nullopt;
  return exceeded("provider_latency_ms", *limit, latency_ms, "after_dispatch", turn);
}

BudgetMeter::Found BudgetMeter::after_cost(int turn) const {
  return check_cost("after_dispatch", turn);
}

BudgetMeter::Found BudgetMeter::after_revision(int turn) const {
  return check_revisions("after_verifier_revision", turn);
}

std::optional<BudgetMeter::TimePoint> BudgetMeter::deadline(TimePoint now) const {
  std::optional<TimePoint> earliest;
  if (const auto& wall = budgets_.max_wall_time_ms) earliest = start_ + bearable(*wall);
  if (const auto& latency = budgets_.max_provider_latency_ms) {
    const TimePoint latest = now + bearable(*latency);
    if (!earliest || latest < *earliest) earliest = latest;
  }
  return earliest;
}

BudgetMeter::Found BudgetMeter::after_deadline(TimePoint now, std::int64_t latency_ms,
                                               int turn) const {
  if (const auto& limit = budgets_.max_wall_time_ms) {
    const std::int64_t elapsed = elapsed_ms(start_, now);
    if (elapsed >= *limit) return exceeded("wall_time", *limit, elapsed, "after_dispatch", turn);
  }
  if (const auto& limit = budgets_.max_provider_latency_ms; limit && latency_ms >= *limit)
    return exceeded("provider_latency_ms", *limit, latency_ms, "after_dispatch", turn);
  return std::nullopt;
}

}  // namespace trinity::coordinate
