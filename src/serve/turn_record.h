// What is told of a turn: in the fields of an answer, in its usage, and as lines and events of a
// stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "coordinate/loop.h"
#include "net/http.h"
#include "provider/pool.h"

namespace trinity::serve {

struct TurnRecord {
  int turn = 0;
  int agent_id = 0;
  std::string role;
  std::string member, model;  // who answered
  std::optional<double> margin;
  std::string runner_up;  // the member that the router would have chosen next
  std::vector<std::string> fallbacks;
  std::string pinned;  // why the router's choice did not count: "tool_result"
  std::string form;    // how the member was told the form of its answer; empty: none was asked for
  double ms = 0;
  chat::Usage usage;
  std::optional<std::int64_t> cost_micro_usd;
};

/// Of a turn that begins: who is to answer.
TurnRecord turn_of(const coordinate::CallStep& step, const Decision& decision,
                   const provider::Pool& pool);

/// x-trinity-agent, -role, -member, -margin, -runner-up, -profile.
void put_decision_fields(net::Fields& fields, const TurnRecord& turn);

/// "turn 2: coder as Verifier, margin 0.41".
std::string begin_line(const TurnRecord& turn);
std::string end_line(const TurnRecord& turn);
std::string waiting_line(const TurnRecord& turn);
/// The object that a stream carries as `trinity` for clients that asked for events.
Json turn_event(const char* event, const TurnRecord& turn);

/// US dollars; null where no price is known.
Json cost_json(std::optional<std::int64_t> micro_usd);

/// The object `trinity` of an answer's usage.
Json run_summary(const std::vector<TurnRecord>& turns, const std::string& final_status,
                 bool verified, bool cost_known, std::int64_t cost_micro_usd);

/// Whether an answer has the form that was asked for: {"valid": false, "fault": "…"}.
Json form_summary(const std::optional<std::string>& fault);

}  // namespace trinity::serve
