#include "trace/events.h"

namespace trinity::trace {
namespace {

// The head's product is a loop of the host (route/head.h), whatever backend held the vector.
constexpr const char* kLogitBackend = "trinity.cpu";

const char* mode_name(bool mock) { return mock ? "mock" : "live"; }

Json seed_json(const SelectionSeed& seed) {
  if (const auto* integer = std::get_if<std::int64_t>(&seed)) return *integer;
  if (const auto* triple = std::get_if<SeedTriple>(&seed)) return *triple;
  return {};
}

void add_raw_role(Json& fields, const Selected& selected) {
  fields["raw_selected_role"] = selected.raw_role_name;
  fields["raw_selected_role_id"] = selected.raw_role_id;
  fields["role_override_from_thinker"] = selected.overridden;
}

/// As provider_called names them.
void add_selected(Json& fields, const Selected& selected) {
  fields["selected_agent"] = selected.agent_id;
  fields["selected_role"] = selected.role_id;
  fields["selected_role_id"] = selected.role_id;
  fields["selected_role_name"] = selected.role_name;
}

/// As the other events name them.
void add_named_role(Json& fields, const Selected& selected) {
  fields["selected_agent"] = selected.agent_id;
  fields["selected_role"] = selected.role_name;
  fields["selected_role_id"] = selected.role_id;
  fields["selected_role_name"] = selected.role_name;
}

template <typename Event>
Status write(const Trace& trace, EventKind kind, const Event& event) {
  return trace.enabled() ? trace.write(kind, fields_of(event)) : Status{};
}

}  // namespace

Json fields_of(const RunStarted& event) {
  return {{"runtime_metadata", event.runtime_metadata},
          {"max_turns", event.max_turns},
          {"num_agents", event.num_agents},
          {"num_roles", event.num_roles},
          {"provider_mode", mode_name(event.mock)},
          {"loop_profile", event.loop_profile}};
}

Json fields_of(const TurnStarted& event) {
  Json fields = {{"turn", event.turn},
                 {"max_turns", event.max_turns},
                 {"transcript_hash", event.transcript_hash},
                 {"message_count", event.message_count}};
  if (!event.router_input.is_null()) fields["router_input"] = event.router_input;
  return fields;
}

Json fields_of(const SlmExtracted& event) {
  return {{"turn", event.turn},
          {"input_shapes", event.extraction.input_shapes},
          {"hidden_state_shape", event.extraction.hidden_state_shape},
          {"vector_shape", event.extraction.vector_shape},
          {"vector_backend", event.extraction.vector_backend},
          {"transcript_hash", event.transcript_hash}};
}

Json fields_of(const RouteSelected& event) {
  const Decision& decision = event.decision;
  Json fields = {{"turn", event.turn},
                 {"logits", decision.logits},
                 {"route_logit_shape", Json::array({1, decision.logits.size()})},
                 {"route_logit_backend", kLogitBackend},
                 {"vector_shape", event.extraction.vector_shape},
                 {"vector_backend", event.extraction.vector_backend},
                 {"agent_logits", decision.agent_logits()},
                 {"role_logits", decision.role_logits()}};
  add_named_role(fields, event.selected);
  add_raw_role(fields, event.selected);
  fields["role_override_suggestion_hash"] = event.selected.suggestion_hash;
  fields["agent_selection_mode"] = selection_mode_name(decision.rule.agent_selection);
  fields["role_selection_mode"] = selection_mode_name(decision.rule.role_selection);
  fields["selection_temperature"] = decision.rule.temperature;
  fields["selection_seed"] = seed_json(decision.rule.seed);
  fields["agent_seed"] = decision.agent_seed;
  fields["role_seed"] = decision.role_seed;
  fields["agent_probabilities"] = decision.agent_probabilities;
  fields["role_probabilities"] = decision.role_probabilities;
  fields["role_masked"] = !decision.rule.masked_roles.empty();
  return fields;
}

Json fields_of(const ProviderStarted& event) {
  Json fields = {{"turn", event.turn},
                 {"provider", event.member.provider},
                 {"provider_model", event.member.provider_model},
                 {"provider_base_url", event.member.base_url},
                 {"provider_timeout_ms", event.member.timeout_ms},
                 {"provider_max_tokens", event.member.max_tokens},
                 {"provider_temperature", event.member.temperature},
                 {"provider_mode", mode_name(event.mock)},
                 {"mock", event.mock}};
  add_selected(fields, event.selected);
  fields["instead_of_agent"] = event.instead_of_agent;
  fields["status"] = "started";
  return fields;
}

Json fields_of(const ProviderAnswered& event) {
  Json fields = {{"turn", event.turn},
                 {"provider", event.provider},
                 {"provider_model", event.provider_model},
                 {"provider_mode", mode_name(event.mock)},
                 {"provider_latency_ms", event.latency_ms},
                 {"mock", event.mock}};
  add_selected(fields, event.selected);
  fields["response_hash"] = event.response_hash;
  fields["usage"] = event.usage;
  fields["cost_usd"] = event.cost_usd;
  fields["status"] = "ok";
  fields["dispatch_started"] = true;
  return fields;
}

Json fields_of(const ProviderFailed& event) {
  Json fields = {{"turn", event.turn}, {"provider_mode", mode_name(event.mock)}};
  if (event.latency_ms) fields["provider_latency_ms"] = *event.latency_ms;
  fields["mock"] = event.mock;
  add_selected(fields, event.selected);
  fields["status"] = "error";
  fields["error"] = event.error;
  return fields;
}

Json fields_of(const TurnCompleted& event) {
  const ProviderAnswered& answered = event.answered;
  Json fields = {{"turn", answered.turn}, {"transcript_hash", event.transcript_hash}};
  add_named_role(fields, answered.selected);
  fields["provider"] = answered.provider;
  fields["provider_model"] = answered.provider_model;
  fields["provider_mode"] = mode_name(answered.mock);
  fields["provider_latency_ms"] = answered.latency_ms;
  fields["mock"] = answered.mock;
  fields["response_hash"] = answered.response_hash;
  fields["selected_agent_logits"] = event.decision.agent_logits();
  fields["selected_role_logits"] = event.decision.role_logits();
  fields["logits"] = event.decision.logits;
  fields["vector_shape"] = event.extraction.vector_shape;
  fields["hidden_state_shape"] = event.extraction.hidden_state_shape;
  fields["vector_backend"] = event.extraction.vector_backend;
  fields["verifier_parse_status"] = event.verdict ? Json(event.verdict->parse_status) : Json();
  fields["verifier_status"] = event.verdict ? Json(event.verdict->status) : Json();
  fields["verifier_diagnosis_hash"] = event.verdict ? Json(event.verdict->diagnosis_hash) : Json();
  fields["thinker_suggested_role"] = event.suggested_role;
  fields["thinker_suggestion_hash"] = event.suggestion_hash;
  add_raw_role(fields, answered.selected);
  fields["final"] = event.final;
  fields["route_decision"] = event.route_decision;
  fields["usage"] = answered.usage;
  fields["cost_usd"] = answered.cost_usd;
  if (event.form) {
    fields["form_order"] = event.form->order.empty() ? Json() : Json(event.form->order);
    fields["form_status"] = event.form->status;
    fields["form_diagnosis_hash"] = event.form->diagnosis_hash;
  }
  return fields;
}

Json fields_of(const RunCompleted& event) {
  Json fields = {{"turn", event.turn},
                 {"final_status", event.final_status},
                 {"response_hash", event.response_hash},
                 {"verified", event.verified}};
  if (!event.details.is_null()) fields["details"] = event.details;
  return fields;
}

Json fields_of(const RunFailed& event) {
  Json fields = Json::object();
  if (event.turn) fields["turn"] = *event.turn;
  fields["reason"] = event.reason;
  fields["message"] = event.message;
  if (!event.details.is_null()) fields["details"] = event.details;
  return fields;
}

Status write_event(const Trace& trace, const RunStarted& event) {
  return write(trace, EventKind::run_started, event);
}
Status write_event(const Trace& trace, const TurnStarted& event) {
  return write(trace, EventKind::turn_started, event);
}
Status write_event(const Trace& trace, const SlmExtracted& event) {
  return write(trace, EventKind::slm_extracted, event);
}
Status write_event(const Trace& trace, const RouteSelected& event) {
  return write(trace, EventKind::route_selected, event);
}
Status write_event(const Trace& trace, const ProviderStarted& event) {
  return write(trace, EventKind::provider_called, event);
}
Status write_event(const Trace& trace, const ProviderAnswered& event) {
  return write(trace, EventKind::provider_called, event);
}
Status write_event(const Trace& trace, const ProviderFailed& event) {
  return write(trace, EventKind::provider_called, event);
}
Status write_event(const Trace& trace, const TurnCompleted& event) {
  return write(trace, EventKind::turn_completed, event);
}
Status write_event(const Trace& trace, const RunCompleted& event) {
  return write(trace, EventKind::run_completed, event);
}
Status write_event(const Trace& trace, const RunFailed& event) {
  return write(trace, EventKind::run_failed, event);
}

}  // namespace trinity::trace
