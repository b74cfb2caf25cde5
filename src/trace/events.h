// The events of a run: one type a kind, with all that it records.
//
// No member has a default, so that the compiler (-Wmissing-field-initializers) refuses an event
// that was written with a field forgotten; what is not known is said to be: std::nullopt, or null.
// Names and meanings of the JSON fields: docs/trace.md.
//
// `selected_role` is a name in every event but provider_called, where it always was an id. Every
// event that has it has selected_role_id and selected_role_name beside it.
#pragma once

#include <trinity/decision.h>
#include <trinity/error.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"
#include "trace/trace.h"

namespace trinity::trace {

/// Of the vector that the router decided by.
struct ExtractionFacts {
  Json input_shapes;  // an object, name → shape
  std::vector<std::int64_t> hidden_state_shape;
  std::vector<std::int64_t> vector_shape;
  std::string vector_backend;  // label of what holds it
};

/// What a member of the pool is, as far as it is known before it is asked.
struct MemberFacts {
  std::string provider;
  std::string provider_model;
  std::optional<std::string> base_url;
  std::optional<std::int64_t> timeout_ms;
  std::optional<std::int64_t> max_tokens;
  std::optional<double> temperature;
};

/// Agent and role of a turn: as they act, and the role that the router chose.
struct Selected {
  int agent_id;
  int role_id;
  std::string role_name;
  int raw_role_id;
  std::string raw_role_name;
  bool overridden;                             // the role is a Thinker's suggestion
  std::optional<std::string> suggestion_hash;  // of the suggestion that overrode it
};

struct RunStarted {
  Json runtime_metadata;  // an object, {} when nothing is known
  int max_turns;
  int num_agents;
  int num_roles;
  bool mock;
  std::string loop_profile;
};

struct TurnStarted {
  int turn;
  int max_turns;
  std::string transcript_hash;
  std::size_t message_count;
  Json router_input;  // trace/router_input.h; null: not recorded
};

struct SlmExtracted {
  int turn;
  const ExtractionFacts& extraction;
  std::string transcript_hash;
};

struct RouteSelected {
  int turn;
  const ExtractionFacts& extraction;
  const Decision& decision;
  const Selected& selected;
};

struct ProviderStarted {
  int turn;
  const MemberFacts& member;
  bool mock;
  const Selected& selected;
  std::optional<int> instead_of_agent;  // that failed or abstained in this turn
};

struct ProviderAnswered {
  int turn;
  std::string provider;
  std::string provider_model;
  bool mock;
  std::int64_t latency_ms;
  const Selected& selected;
  std::string response_hash;
  Json usage;  // null: not known
  std::optional<double> cost_usd;
};

struct ProviderFailed {
  int turn;
  bool mock;
  std::optional<std::int64_t> latency_ms;  // none: it was never asked
  const Selected& selected;
  std::string error;
};

struct VerdictFacts {
  std::string parse_status;  // accepted, revised or unknown
  std::string status;        // accepted or revised
  std::optional<std::string> diagnosis_hash;
};

/// Of an answer that was to have a form, such as a JSON schema's.
struct FormFacts {
  std::string order;   // how the member was told; empty: not known
  std::string status;  // accepted, or revised: it was sent back without a Verifier
  std::optional<std::string> diagnosis_hash;
};

struct TurnCompleted {
  const ProviderAnswered& answered;
  const ExtractionFacts& extraction;
  const Decision& decision;
  std::string transcript_hash;          // of what the router read in this turn
  std::optional<VerdictFacts> verdict;  // of a Verifier
  std::optional<std::string> suggested_role;
  std::optional<std::string> suggestion_hash;
  bool final;
  Json route_decision;            // route::trace_map
  std::optional<FormFacts> form;  // of a Worker whose answer was to have one
};

struct RunCompleted {
  int turn;
  std::string final_status;
  std::optional<std::string> response_hash;  // none: the run ended without an answer
  bool verified;
  Json details;  // of the budget that ended it, or null
};

struct RunFailed {
  std::optional<int> turn;  // none: the run never began a turn
  Json reason;              // a tag, or ["budget_exceeded", kind]
  std::string message;
  Json details;  // of a budget, or null
};

/// The fields besides the base.
Json fields_of(const RunStarted& event);
Json fields_of(const TurnStarted& event);
Json fields_of(const SlmExtracted& event);
Json fields_of(const RouteSelected& event);
Json fields_of(const ProviderStarted& event);
Json fields_of(const ProviderAnswered& event);
Json fields_of(const ProviderFailed& event);
Json fields_of(const TurnCompleted& event);
Json fields_of(const RunCompleted& event);
Json fields_of(const RunFailed& event);

/// Writes one event; nothing is made of it when the trace is not enabled. Errors: those of the
/// sink.
Status write_event(const Trace& trace, const RunStarted& event);
Status write_event(const Trace& trace, const TurnStarted& event);
Status write_event(const Trace& trace, const SlmExtracted& event);
Status write_event(const Trace& trace, const RouteSelected& event);
Status write_event(const Trace& trace, const ProviderStarted& event);
Status write_event(const Trace& trace, const ProviderAnswered& event);
Status write_event(const Trace& trace, const ProviderFailed& event);
Status write_event(const Trace& trace, const TurnCompleted& event);
Status write_event(const Trace& trace, const RunCompleted& event);
Status write_event(const Trace& trace, const RunFailed& event);

}  // namespace trinity::trace
