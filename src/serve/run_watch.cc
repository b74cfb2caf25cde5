#include "serve/run_watch.h"

#include <algorithm>

#include "base/printable.h"
#include "base/utf8.h"
#include "coordinate/suggestion.h"
#include "coordinate/verdict.h"
#include "trace/redact.h"

namespace trinity::serve {
namespace {

constexpr std::size_t kMostNameColumns = 120;
constexpr std::size_t kMostErrorBytes = 500;  // as in a trace
constexpr std::size_t kMostSteps = 64;        // of the turns in short

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

const char* dialect_of(const std::string& path) {
  if (path == "/v1/messages") return "messages";
  return path == "/v1/responses" ? "responses" : "chat";
}

std::string profile_of(const ModelChoice& choice) {
  if (std::holds_alternative<FastModel>(choice)) return "fast";
  const auto* loop = std::get_if<LoopModel>(&choice);
  return loop != nullptr ? coordinate::loop_profile_name(loop->profile) : "member";
}

}  // namespace

RunWatch::RunWatch(const Services& services, const RunRequest& run)
    : services_(services), pool_(run.pool) {
  run_.id = run.request->id();
  run_.conversation_id = printable(run.request->fields.get("x-conversation-id"), kMostNameColumns);
  run_.model = printable(run.asked.call.model, kMostNameColumns);
  run_.profile = profile_of(run.choice);
  run_.dialect = dialect_of(run.request->path());
  run_.key = run.request->key;
  run_.streams = run.asked.call.stream;
  run_.began_ms = now_ms();
  services_.runs->run_begins(run_);
}

RunWatch::~RunWatch() {
  if (!run_.running) return;
  try {
    close_turn("cancelled");
    ends("cancelled", false, run_.router_ms, nullptr);
  } catch (...) {  // for want of memory: the run stays open in the log until it is forgotten
  }
}

std::string RunWatch::redacted(std::string_view text) const {
  const std::vector<std::string> values = trace::redaction_values(services_.redacted());
  return excerpt(trace::Redactor(trace::Content::hash, values).text(text), kMostErrorBytes);
}

Json RunWatch::role_name(int role_id) const {
  const auto found = services_.loop.role_names.find(role_id);
  return found == services_.loop.role_names.end() ? "Worker" : found->second;
}

void RunWatch::turn_begins(const TurnRecord& turn, const Decision& decision,
                           const std::vector<PassedOver>& passed_over) {
  close_turn("failed");  // a Verifier that gave nothing, and another is asked
  Json agents = Json::array(), roles = Json::array(), passed = Json::array();
  const auto agent_logits = decision.agent_logits(), role_logits = decision.role_logits();
  for (std::size_t n = 0; n < agent_logits.size(); ++n) {
    const provider::PoolMember* const member = pool_->at_slot(static_cast<std::int64_t>(n));
    agents.push_back({{"agent_id", n},
                      {"member", member != nullptr ? Json(member->config.name) : Json()},
                      {"logit", static_cast<double>(agent_logits[n])}});
  }
  const std::vector<int>& masked = decision.rule.masked_roles;
  for (std::size_t n = 0; n < role_logits.size(); ++n) {
    const int id = static_cast<int>(n);
    const bool is_masked = std::find(masked.begin(), masked.end(), id) != masked.end();
    roles.push_back({{"role_id", id},
                     {"role", role_name(id)},
                     {"logit", static_cast<double>(role_logits[n])},
                     {"masked", is_masked}});
  }
  for (const PassedOver& one : passed_over)
    passed.push_back({{"member", one.member}, {"reason", redacted(one.reason)}});
  turn_ = {{"turn", turn.turn},
           {"state", "running"},
           {"began_ms", now_ms()},
           {"agent_id", turn.agent_id},
           {"role", turn.role},
           {"router_role", role_name(decision.role_id)},
           {"member", turn.member},
           {"model", turn.model},
           {"margin", turn.margin},
           {"role_margin", decision.margins.role},
           {"runner_up", turn.runner_up.empty() ? Json() : Json(turn.runner_up)},
           {"pinned", turn.pinned.empty() ? Json() : Json(turn.pinned)},
           {"agents", std::move(agents)},
           {"roles", std::move(roles)},
           {"passed_over", std::move(passed)}};
  in_turn_ = true;
  ++run_.turns;
  if (run_.path.size() < kMostSteps) run_.path.push_back({turn.member, turn.role, turn.margin});
  services_.runs->turn_begins(run_, static_cast<std::size_t>(run_.turns - 1), turn_);
}

void RunWatch::member_begins(const provider::MemberConfig& member) {
  turn_ = {{"turn", 0},
           {"state", "running"},
           {"began_ms", now_ms()},
           {"agent_id", nullptr},
           {"role", nullptr},
           {"router_role", nullptr},
           {"member", member.name},
           {"model", member.model},
           {"margin", nullptr},
           {"role_margin", nullptr},
           {"runner_up", nullptr},
           {"pinned", nullptr},
           {"agents", Json::array()},
           {"roles", Json::array()},
           {"passed_over", Json::array()}};
  in_turn_ = true;
  run_.turns = 1;
  run_.path = {{member.name, {}, std::nullopt}};
  services_.runs->turn_begins(run_, 0, turn_);
}

void RunWatch::answered(const TurnAnswer& answer) {
  TurnRecord turn;
  turn.member = answer.member->config.name;
  turn.model = answer.member->config.model;
  turn.fallbacks = answer.fallbacks;
  turn.ms = answer.ms;
  turn.usage = answer.usage;
  turn.cost_micro_usd = answer.cost_micro_usd;
  turn_ends(turn, {});
  ends("answered", false, 0, nullptr);
}

void RunWatch::failed(const Error& error) {
  turn_fails(error);
  ends(error.tag, false, 0, &error);
}

void RunWatch::turn_ends(const TurnRecord& turn, std::string_view text) {
  if (!in_turn_) return;
  turn_["member"] = turn.member;
  turn_["model"] = turn.model;
  Json fallbacks = Json::array();
  for (const std::string& one : turn.fallbacks) fallbacks.push_back(redacted(one));
  turn_["fallbacks"] = std::move(fallbacks);
  turn_["ms"] = turn.ms;
  turn_["input_tokens"] = turn.usage.input;
  turn_["output_tokens"] = turn.usage.output;
  turn_["cached_tokens"] = turn.usage.cached_input;
  turn_["estimated"] = turn.usage.estimated;
  turn_["cost_usd"] = cost_json(turn.cost_micro_usd);
  const coordinate::Role role = coordinate::role_of(turn.role);
  if (role == coordinate::Role::verifier) {
    const coordinate::Verdict verdict =
        run_.profile == "author" ? coordinate::parse_author_verdict(text)
                                 : coordinate::parse_verdict(text, {services_.loop.accept_token,
                                                                    services_.loop.revise_token});
    turn_["verdict"] = coordinate::verdict_status_name(verdict.status);
  }
  if (role == coordinate::Role::thinker)
    if (const auto suggestion = coordinate::parse_suggestion(text))
      turn_["suggested_role"] = suggestion->role_name;

  if (static_cast<std::int64_t>(run_.path.size()) == run_.turns)
    run_.path.back().member = turn.member;
  run_.fallbacks += static_cast<std::int64_t>(turn.fallbacks.size());
  run_.upstream_ms += turn.ms;
  run_.usage += turn.usage;
  if (turn.cost_micro_usd)
    run_.cost_micro_usd = run_.cost_micro_usd.value_or(0) + *turn.cost_micro_usd;
  close_turn("done");
}

void RunWatch::turn_fails(const Error& error) {
  if (!in_turn_) return;
  turn_["error"] = redacted(error.message);
  close_turn("failed");
}

void RunWatch::close_turn(const char* state) {
  if (!in_turn_) return;
  in_turn_ = false;
  turn_["state"] = state;
  services_.runs->turn_ends(run_, static_cast<std::size_t>(run_.turns - 1), turn_);
}

void RunWatch::ends(const std::string& final_status, bool verified, double router_ms,
                    const Error* error) {
  if (!run_.running) return;
  close_turn("failed");
  run_.running = false;
  run_.final_status = final_status;
  run_.verified = verified;
  run_.router_ms = router_ms;
  if (error != nullptr) run_.error = redacted(error->message);
  run_.ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - run_.began)
                .count();
  services_.runs->run_ends(run_);
}

}  // namespace trinity::serve
