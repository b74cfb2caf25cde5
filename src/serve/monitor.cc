#include "serve/monitor.h"

#include <trinity/version.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/json.h"
#include "serve/turn_record.h"
#include "trace/redact.h"

namespace trinity::serve {
namespace {

constexpr std::string_view kRuns = "/v1/trinity/runs";

std::int64_t whole(double number) { return static_cast<std::int64_t>(number); }

Json ms_of(std::optional<double> seconds) { return seconds ? Json(*seconds * 1e3) : Json(); }

Json price_json(const std::optional<provider::Price>& price) {
  if (!price) return {};
  return {{"input", cost_json(price->input)},
          {"output", cost_json(price->output)},
          {"cached_input", cost_json(price->cached_input)}};
}

/// "resting": it failed several times in a row and is asked again later; "busy": all its places are
/// taken.
const char* state_of(const provider::MemberConfig& config, const provider::MemberHealth& health) {
  if (health.resting) return "resting";
  return health.in_flight >= static_cast<std::size_t>(config.max_parallel) ? "busy" : "ready";
}

Json member_json(const provider::Pool& pool, const provider::PoolMember& member,
                 const trace::Redactor& redactor) {
  const provider::MemberConfig& config = member.config;
  const provider::MemberHealth health = member.member->health();
  Json slots = Json::array(), failures = Json::object();
  for (std::size_t n = 0; n < pool.slots().size(); ++n)
    if (pool.slots()[n] == config.name) slots.push_back(n);
  for (std::size_t n = 0; n < health.failures.size(); ++n)
    if (health.failures[n] > 0)
      failures[provider::failure_class_name(static_cast<provider::FailureClass>(n))] =
          health.failures[n];
  Json mean;
  if (health.answered > 0)
    mean = static_cast<double>(health.busy.count()) / static_cast<double>(health.answered);
  return {
      {"name", config.name},
      {"kind", provider::member_kind_name(config.kind)},
      {"model", config.model},
      {"slots", std::move(slots)},
      {"context", config.context},
      {"price_usd_per_million", price_json(config.price)},
      {"state", state_of(config, health)},
      {"rests_for_ms", health.rests_for.count()},
      {"in_flight", health.in_flight},
      {"waiting", health.waiting},
      {"max_parallel", config.max_parallel},
      {"calls", health.calls},
      {"answered", health.answered},
      {"retries", health.retries},
      {"refused", health.refused},
      {"cancelled", health.cancelled},
      {"failed", health.failed()},
      {"failures", std::move(failures)},
      {"last_failure", health.last_failure.empty() ? Json() : redactor.value(health.last_failure)},
      {"mean_ms", std::move(mean)},
      {"input_tokens", health.usage.input},
      {"output_tokens", health.usage.output},
      {"cost_usd", health.cost_known ? cost_json(health.cost_micro_usd) : Json()}};
}

Json pool_json(const provider::Pool& pool, const std::vector<std::string>& secrets) {
  const std::vector<std::string> values = trace::redaction_values(secrets);
  const trace::Redactor redactor(trace::Content::hash, values);
  Json members = Json::array(), slots = Json::array();
  for (const provider::PoolMember& member : pool.members())
    members.push_back(member_json(pool, member, redactor));
  for (std::size_t n = 0; n < pool.slots().size(); ++n) {
    const provider::PoolMember* const member = pool.at_slot(static_cast<std::int64_t>(n));
    slots.push_back({{"slot", n},
                     {"member", pool.slots()[n]},
                     {"model", member != nullptr ? Json(member->config.model) : Json()}});
  }
  return {{"members", std::move(members)}, {"slots", std::move(slots)}};
}

/// Caps that the key may know of, each with what is left.
Json budgets_json(const ledger::Ledger* ledger, const std::string& key) {
  Json budgets = Json::array();
  if (ledger == nullptr) return budgets;
  for (const ledger::Book::Row& row : ledger->rows()) {
    if (row.subject.starts_with("key:") && row.subject != "key:" + key) continue;
    for (const ledger::Kind& kind : ledger::kKinds) {
      const std::optional<std::int64_t>& cap = row.caps.*kind.cap;
      if (!cap) continue;
      const bool is_money = kind.cap == &ledger::Caps::micro_usd;
      const auto number = [&](std::int64_t value) {
        return is_money ? cost_json(value) : Json(value);
      };
      const std::int64_t spent = row.figures.spent.*kind.amount;
      const std::int64_t held = row.figures.held.*kind.amount;
      budgets.push_back({{"subject", row.subject},
                         {"period", ledger::period_name(row.period)},
                         {"unit", is_money ? "usd" : kind.name},
                         {"limit", number(*cap)},
                         {"spent", number(spent)},
                         {"held", number(held)},
                         {"left", number(std::max<std::int64_t>(0, *cap - spent - held))}});
    }
  }
  return budgets;
}

Json status_json(Services& services, const ServerState& state, const std::string& key) {
  const ServerMetrics& counts = services.counts;
  const RouterInfo& router = services.router->info();
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  return {{"schema_version", kRunSchemaVersion},
          {"version", TRINITY_VERSION},
          {"began", state.began},
          {"uptime_seconds", std::max<std::int64_t>(0, now - state.began)},
          {"draining", state.draining},
          {"key", key.empty() ? Json() : Json(key)},
          {"loop",
           {{"profile", coordinate::loop_profile_name(services.names.default_profile)},
            {"max_turns", services.loop.max_turns}}},
          {"router",
           {{"profile", router.profile},
            {"exactness", router.exactness},
            {"tiny_router", router.tiny_router},
            {"decisions", counts.decision.count()},
            {"p50_ms", ms_of(counts.decision.quantile(0.5))},
            {"p99_ms", ms_of(counts.decision.quantile(0.99))}}},
          {"totals",
           {{"active", services.active.size()},
            {"runs", whole(counts.runs.sum())},
            {"turns", whole(counts.turns.sum())},
            {"calls", whole(counts.calls.sum())},
            {"calls_answered", whole(counts.calls.sum("ok"))},
            {"fallbacks", whole(counts.fallbacks.sum())},
            {"input_tokens", whole(counts.tokens.sum("input"))},
            {"output_tokens", whole(counts.tokens.sum("output"))},
            {"cached_tokens", whole(counts.tokens.sum("cached"))},
            {"cost_usd", counts.cost.sum()}}},
          {"pool", pool_json(*services.pool(), services.redacted())},
          {"budgets", budgets_json(services.ledger.get(), key)}};
}

void listen(Services& services, const std::shared_ptr<Request>& request) {
  if (request->http().method == "HEAD")
    return request->answer(200, {}, "text/event-stream; charset=utf-8");
  if (services.runs->listen(request, services.timers)) return;
  request->fail(api_error(Error{ErrorKind::failed, "too_many_listeners",
                                "too many programs watch this server, or it is about to end; ask "
                                "for /v1/trinity/runs instead"}));
}

}  // namespace

bool is_monitor_path(std::string_view path) {
  return path == "/v1/trinity/status" || path == "/v1/trinity/events" || path == kRuns ||
         (path.starts_with(kRuns) && path[kRuns.size()] == '/');
}

void answer_monitor(Services& services, const ServerState& state,
                    const std::shared_ptr<Request>& request) {
  const std::string& path = request->path();
  request->fields.set("Cache-Control", "no-store");
  request->fields.set("X-Content-Type-Options", "nosniff");
  if (path == "/v1/trinity/events") return listen(services, request);
  if (path == "/v1/trinity/status")
    return request->answer(200, json_text(status_json(services, state, request->key)) + "\n");
  if (path == kRuns) return request->answer(200, services.runs->list(request->key));
  const std::string_view id = std::string_view(path).substr(kRuns.size() + 1);
  std::optional<std::string> story = services.runs->story(request->key, id);
  if (story) return request->answer(200, std::move(*story));
  request->fail(api_error(Error{
      ErrorKind::missing, "unknown_run",
      "no run of that id is remembered for this key; see /v1/trinity/runs for those that are"}));
}

}  // namespace trinity::serve
