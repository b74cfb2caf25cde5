#include "route/decision.h"

#include <algorithm>

#include "base/json_value.h"
#include "base/try.h"
#include "hash/canonical.h"
#include "route/margins.h"

namespace trinity {

std::span<const float> Route::agent_logits() const {
  return std::span(logits).first(std::min(num_agents, logits.size()));
}

std::span<const float> Route::role_logits() const {
  return std::span(logits).subspan(std::min(num_agents, logits.size()));
}

std::string role_name(int role_id) {
  switch (role_id) {
    case 0:
      return "Worker";
    case 1:
      return "Thinker";
    case 2:
      return "Verifier";
    default:
      return "role_" + std::to_string(role_id);
  }
}

namespace route {
namespace {

Json margins_json(const Margins& margins) {
  return {{"agent", margins.agent}, {"role", margins.role}};
}

Json modes_json(const DecisionRule& rule) {
  return {{"agent", selection_mode_name(rule.agent_selection)},
          {"role", selection_mode_name(rule.role_selection)}};
}

}  // namespace

Result<Decision> make_decision(Route route, const DecisionSource& source,
                               const DecisionOptions& options) {
  Decision decision;
  static_cast<Route&>(decision) = std::move(route);
  decision.role_name = options.role_name.value_or(role_name(decision.role_id));
  decision.margins = logit_margins(decision.logits, decision.num_agents);
  decision.artifact_identity = options.artifact_identity;
  const auto* known = std::get_if<std::string>(&source);
  if (known != nullptr) decision.trace_messages_hash = *known;
  if (!options.hashes) return decision;
  if (!decision.logits.empty()) {
    TRINITY_TRY(decision.route_hash,
                hash::route_hash(decision.agent_id, decision.role_id, decision.logits));
  }
  if (const auto* messages = std::get_if<std::span<const Message>>(&source)) {
    TRINITY_TRY(decision.transcript_hash, hash::transcript_hash(*messages));
    TRINITY_TRY(decision.trace_messages_hash, hash::trace_messages_hash(*messages));
  }
  return decision;
}

Json trace_map(const Decision& decision) {
  return {{"agent_id", decision.agent_id},
          {"role_id", decision.role_id},
          {"role_name", decision.role_name},
          {"margins", margins_json(decision.margins)},
          {"selection_modes", modes_json(decision.rule)},
          {"transcript_hash", decision.trace_messages_hash},
          {"artifact_identity", decision.artifact_identity}};
}

Json decision_record(const Decision& decision) {
  Json record = {{"agent_id", decision.agent_id},
                 {"role_id", decision.role_id},
                 {"role_name", decision.role_name},
                 {"agent_logits", decision.agent_logits()},
                 {"role_logits", decision.role_logits()},
                 {"margins", margins_json(decision.margins)},
                 {"selection_modes", modes_json(decision.rule)},
                 {"selection_temperature", decision.rule.temperature}};
  if (decision.agent_seed || decision.role_seed) {
    record["selection_seeds"] = {{"agent", decision.agent_seed}, {"role", decision.role_seed}};
  }
  if (decision.agent_probabilities) record["agent_probabilities"] = *decision.agent_probabilities;
  if (decision.role_probabilities) record["role_probabilities"] = *decision.role_probabilities;
  if (!decision.rule.masked_roles.empty()) record["masked_roles"] = decision.rule.masked_roles;
  record["token_count"] = decision.token_count;
  record["hidden_index"] = decision.hidden_index;
  record["transcript_hash"] = decision.transcript_hash;
  record["trace_messages_hash"] = decision.trace_messages_hash;
  record["route_hash"] = decision.route_hash;
  record["profile"] = decision.profile;
  record["exactness"] = decision.exactness;
  record["input_mode"] = input_mode_name(decision.input_mode);
  record["tie_mode"] = tie_mode_name(decision.tie_mode);
  record["tiny_router"] = decision.tiny_router;
  if (decision.artifact_identity) {
    record["artifact_identity"] = decision.artifact_identity;
  }
  record["timings_ms"] = {{"tokenize", decision.timings_ms.tokenize},
                          {"queue", decision.timings_ms.queue},
                          {"prefill", decision.timings_ms.prefill},
                          {"head", decision.timings_ms.head},
                          {"total", decision.timings_ms.total}};
  return record;
}

}  // namespace route
}  // namespace trinity
