// Building decisions and writing them down.
//
// A Decision (trinity/decision.h) is a Route plus what it was made from. It has two written
// forms: the trace map, which holds exactly the seven keys that traces have always had, and the
// full record that the command line and the server print.
#pragma once

#include <trinity/decision.h>
#include <trinity/error.h>
#include <trinity/message.h>

#include <optional>
#include <span>
#include <string>
#include <variant>

#include "base/json_value.h"
#include "route/selection.h"

namespace trinity::route {

/// What the route was made from: nothing known, an already computed trace hash taken as it is, or
/// the messages themselves.
using DecisionSource = std::variant<std::monostate, std::string, std::span<const Message>>;

struct DecisionOptions {
  std::optional<std::string> role_name;  // instead of Worker, Thinker, Verifier, role_<n>
  std::optional<ArtifactIdentity> artifact_identity;
  bool hashes = true;  // compute those of the route and of the messages
};

/// Ids, role name, margins, selection and hashes. Token count, profile, modes and timings are left
/// for the caller, who knows them. Errors: `non_finite_logits`.
Result<Decision> make_decision(Route route, const DecisionSource& source,
                               const DecisionOptions& options = {});

/// Exactly agent_id, role_id, role_name, margins{agent, role}, selection_modes{agent, role},
/// transcript_hash (the trace hash of the messages) and artifact_identity; unknown values are null.
Json trace_map(const Decision& decision);

/// The whole record, without a request id. Logits are widened to double, so parsing restores each
/// f32 exactly. Seeds, probabilities, masked roles and artifact_identity appear only when there are
/// any; the
/// hashes of a decision that has none are null.
Json decision_record(const Decision& decision);

}  // namespace trinity::route
