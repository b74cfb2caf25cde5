// Cases, decisions and lanes for the tests of this folder.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "prove/eval/lane_report.h"
#include "route/decision.h"
#include "route/selection.h"
#include "support/take.h"

namespace trinity::testing {

inline prove::EvalCase made_case(const std::string& id, int agent, int role) {
  prove::EvalCase out;
  out.id = id;
  out.messages = {{"user", "question " + id}};
  out.expected_agent = agent;
  out.expected_role = role;
  return out;
}

/// A decision for a case by argmax over given logits, seven agents and the rest roles.
inline Decision made_decision(const prove::EvalCase& one, const std::vector<float>& logits) {
  const Route route = take(route::select_route(logits, 7, logits.size() - 7, {}));
  Decision out = take(route::make_decision(route, std::span<const Message>(one.messages)));
  out.token_count = 5;
  out.hidden_index = 3;
  return out;
}

/// Logits whose best agent and role win by the given margins.
inline std::vector<float> made_logits(int agent, int role, float agent_margin, float role_margin) {
  std::vector<float> logits(10, 0.0F);
  logits[static_cast<std::size_t>(agent)] = agent_margin;
  logits[static_cast<std::size_t>(7 + role)] = role_margin;
  return logits;
}

/// The lanes that continuous integration has on every machine, and those that this machine may
/// lack.
inline RouterOptions tiny_options(const std::string& profile) {
  RouterOptions options;
  options.profile = profile;
  options.threads = 1;
  return options;
}

}  // namespace trinity::testing
