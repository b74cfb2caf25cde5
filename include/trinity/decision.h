// A decision: which agent speaks next and in which role, with everything needed to check it.
//
// The router's head gives one logit per agent followed by one per role (ten for the released head:
// agents 0..6, roles 7..9). Each of the two splits is selected on its own. The record keeps the raw
// logits, how the selection was made, how close it was (margins), and hashes of what went in and
// what came out, so that two runs can be compared without their tensors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace trinity {

/// How an index is taken from the logits of a split.
enum class SelectionMode {
  argmax,   // the largest logit, the lowest index among equals
  softmax,  // the largest probability; the probabilities are returned
  sample,   // a seeded draw from the probabilities, which are returned
};

/// State of the `exsss` generator before seeding: three unsigned words.
using SeedTriple = std::array<std::uint64_t, 3>;

/// Top-1 minus top-2 of the raw logits of a split; absent when the split has no logits.
struct Margins {
  std::optional<double> agent;
  std::optional<double> role;
};

/// Wall time of the stages in milliseconds, read after the device has finished.
struct Timings {
  double tokenize = 0.0;
  double prefill = 0.0;
  double head = 0.0;
  double total = 0.0;
};

/// Names and hashes of the adapted model behind a decision, for example
/// `trinity_artifact_manifest_hash`; a value may be unknown.
using ArtifactIdentity = std::map<std::string, std::optional<std::string>>;

struct Decision {
  int agent_id = 0;
  int role_id = 0;
  std::string role_name;

  /// Agents first, then roles; empty when the decision was built without logits.
  std::vector<float> logits;
  std::size_t num_agents = 0;  // length of the agent split of `logits`

  Margins margins;

  SelectionMode agent_selection = SelectionMode::argmax;
  SelectionMode role_selection = SelectionMode::argmax;
  double temperature = 1.0;
  /// The triples the draws were seeded with; present for a split whose mode is `sample`.
  std::optional<SeedTriple> agent_seed;
  std::optional<SeedTriple> role_seed;
  /// Present for `softmax` and `sample`, and for `argmax` on request; each sums to 1.
  std::optional<std::vector<double>> agent_probabilities;
  std::optional<std::vector<double>> role_probabilities;

  /// SHA-256, lower-case hex. `transcript_hash` and `route_hash` are those of evaluation snapshots,
  /// `trace_messages_hash` is the one that traces record for the same messages. Absent when the
  /// decision was built without messages or without logits.
  std::optional<std::string> transcript_hash;
  std::optional<std::string> trace_messages_hash;
  std::optional<std::string> route_hash;

  std::size_t token_count = 0;
  std::size_t hidden_index = 0;  // position whose hidden vector was read, max(token_count - 2, 0)

  std::string profile;       // name of the runtime profile that computed the vector
  std::string exactness;     // what that profile promises on this machine, see RouterInfo
  std::string input_mode;    // "plain", "chat" or "chat_raw"
  std::string tie_mode;      // "embed_offsets", "last_write", "lm_head_offsets" or "compound"
  bool tiny_router = false;  // the embedded demonstration router decided, not a trained one

  Timings timings_ms;
  std::optional<ArtifactIdentity> artifact_identity;

  /// The two splits of `logits`, empty when there are none.
  std::span<const float> agent_logits() const;
  std::span<const float> role_logits() const;
};

/// 0 Worker, 1 Thinker, 2 Verifier, otherwise "role_<n>".
std::string role_name(int role_id);

/// "argmax", "softmax" or "sample".
std::string selection_mode_name(SelectionMode mode);

}  // namespace trinity
