#include "serve/turn_record.h"

#include <fmt/format.h>

namespace trinity::serve {
namespace {

std::string who(const TurnRecord& turn) { return turn.member + " as " + turn.role; }

Json turn_json(const TurnRecord& turn) {
  Json out = {{"turn", turn.turn},          {"agent_id", turn.agent_id}, {"role", turn.role},
              {"member", turn.member},      {"model", turn.model},       {"margin", turn.margin},
              {"runner_up", turn.runner_up}};
  if (!turn.fallbacks.empty()) out["fallbacks"] = turn.fallbacks;
  if (!turn.pinned.empty()) out["pinned"] = turn.pinned;
  if (!turn.form.empty()) out["form"] = turn.form;
  return out;
}

}  // namespace

Json cost_json(std::optional<std::int64_t> micro_usd) {
  return micro_usd ? Json(static_cast<double>(*micro_usd) / 1e6) : Json();
}

TurnRecord turn_of(const coordinate::CallStep& step, const Decision& decision,
                   const provider::Pool& pool) {
  TurnRecord turn;
  turn.turn = step.turn;
  turn.agent_id = step.agent_id;
  turn.role = step.role_name;
  if (const provider::PoolMember* member = pool.at_slot(step.agent_id)) {
    turn.member = member->config.name;
    turn.model = member->config.model;
  }
  turn.margin = decision.margins.agent;
  const auto logits = decision.agent_logits();
  int second = -1;
  for (int n = 0; n < static_cast<int>(logits.size()); ++n)
    if (n != step.agent_id && (second < 0 || logits[static_cast<std::size_t>(n)] >
                                                 logits[static_cast<std::size_t>(second)]))
      second = n;
  if (second >= 0) {
    const provider::PoolMember* const member = pool.at_slot(second);
    turn.runner_up = member != nullptr ? member->config.name : fmt::format("agent {}", second);
  }
  return turn;
}

void put_decision_fields(net::Fields& fields, const TurnRecord& turn) {
  if (turn.member.empty()) return;  // nothing was decided
  fields.set("x-trinity-agent", std::to_string(turn.agent_id));
  fields.set("x-trinity-role", turn.role);
  if (!turn.pinned.empty()) fields.set("x-trinity-pinned", turn.pinned);
  fields.set("x-trinity-member", turn.member);
  if (turn.margin) fields.set("x-trinity-margin", fmt::format("{:.4f}", *turn.margin));
  if (!turn.runner_up.empty()) fields.set("x-trinity-runner-up", turn.runner_up);
}

std::string begin_line(const TurnRecord& turn) {
  return fmt::format("turn {}: {}", turn.turn + 1, who(turn)) +
         (turn.margin ? fmt::format(", margin {:.2f}", *turn.margin) : "");
}

std::string end_line(const TurnRecord& turn) {
  return fmt::format("turn {}: {} answered in {:.1f} s", turn.turn + 1, who(turn), turn.ms / 1e3);
}

std::string waiting_line(const TurnRecord& turn) {
  return turn.member.empty() ? "the router is at work"
                             : fmt::format("turn {}: {} is at work", turn.turn + 1, who(turn));
}

Json turn_event(const char* event, const TurnRecord& turn) {
  Json out = {{"event", event}};
  const Json fields = turn_json(turn);
  for (const auto& [key, value] : fields.items()) out[key] = value;
  return out;
}

Json run_summary(const std::vector<TurnRecord>& turns, const std::string& final_status,
                 bool verified, bool cost_known, std::int64_t cost_micro_usd) {
  Json list = Json::array();
  for (const TurnRecord& turn : turns) {
    Json one = turn_json(turn);
    one["input_tokens"] = turn.usage.input;
    one["output_tokens"] = turn.usage.output;
    one["estimated"] = turn.usage.estimated;
    one["cost_usd"] = cost_json(turn.cost_micro_usd);
    one["ms"] = turn.ms;
    list.push_back(std::move(one));
  }
  return {{"final_status", final_status},
          {"verified", verified},
          {"cost_usd", cost_known ? cost_json(cost_micro_usd) : Json()},
          {"turns", std::move(list)}};
}

Json form_summary(const std::optional<std::string>& fault) {
  Json out = {{"valid", !fault}};
  if (fault) out["fault"] = *fault;
  return out;
}

}  // namespace trinity::serve
