// A decision: which agent speaks next and in which role, with everything needed to check it.
//
// The router's head gives one logit per agent followed by one per role (ten for the released head:
// agents 0..6, roles 7..9). Each of the two splits is selected on its own. The record keeps the raw
// logits, how the selection was made, how close it was (margins) and, on request, hashes of what
// went in and what came out, so that two runs can be compared without their tensors.
#pragma once

#include <trinity/options.h>

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace trinity {

/// A selected agent and role with what led to them.
struct Route {
  int agent_id = 0;
  int role_id = 0;

  /// Agents first, then roles; empty when the route was built without logits.
  std::vector<float> logits;
  std::size_t num_agents = 0;  // length of the agent split of `logits`

  DecisionRule rule;  // as it was given
  /// The triples the draws were seeded with; present for a split whose mode is `sample`.
  std::optional<SeedTriple> agent_seed;
  std::optional<SeedTriple> role_seed;
  /// Present for `softmax` and `sample`, and for `argmax` on request; each sums to 1.
  std::optional<std::vector<double>> agent_probabilities;
  std::optional<std::vector<double>> role_probabilities;

  /// The two splits of `logits`, empty when there are none.
  std::span<const float> agent_logits() const;
  std::span<const float> role_logits() const;
};

/// Top-1 minus top-2 of the raw logits of a split; absent when the split has no logits.
struct Margins {
  std::optional<double> agent;
  std::optional<double> role;
};

/// Wall time of the stages in milliseconds, read after the device has finished.
struct Timings {
  double tokenize = 0.0;
  double queue = 0.0;  // from asking to the begin of the call that computed this request
  /// Of that call, which computes requests that waited together: those of other callers too, as far
  /// as RouterOptions::merged_tokens goes.
  double prefill = 0.0;
  double head = 0.0;
  double total = 0.0;
};

/// Names and hashes of the adapted model behind a decision, for example
/// `trinity_artifact_manifest_hash`; a value may be unknown.
using ArtifactIdentity = std::map<std::string, std::optional<std::string>>;

/// A route and what it was made from.
struct Decision : Route {
  std::string role_name;
  Margins margins;

  /// SHA-256, lower-case hex. `transcript_hash` and `route_hash` are those of evaluation snapshots,
  /// `trace_messages_hash` is the one that traces record for the same messages. Present when
  /// DecisionRule::hashes asked for them; the first two need messages, the third logits.
  std::optional<std::string> transcript_hash;
  std::optional<std::string> trace_messages_hash;
  std::optional<std::string> route_hash;

  std::size_t token_count = 0;
  std::size_t hidden_index = 0;  // position whose hidden vector was read, max(token_count - 2, 0)

  std::string profile;    // name of the runtime profile that computed the vector
  std::string exactness;  // what that profile promises on this machine, see RouterInfo
  InputMode input_mode = InputMode::plain;
  TieMode tie_mode = TieMode::embed_offsets;
  bool tiny_router = false;  // the embedded demonstration router decided, not a trained one

  Timings timings_ms;
  std::optional<ArtifactIdentity> artifact_identity;
};

/// 0 Worker, 1 Thinker, 2 Verifier, otherwise "role_<n>".
std::string role_name(int role_id);

}  // namespace trinity
