// Router traces: everything between a conversation and its logits in one report, and the comparison
// of such a report with that of another implementation (schema trinity_sakana_router_trace.v1).
//
// Eleven checks. Nine must be equal: schema, transcript, token ids, head, shapes, both choices.
// Two, the hidden vector and the logits, must point the same way: cosine and relative L2 distance
// decide, absolute errors are shown only, because they grow with the vectors.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>
#include <trinity/router.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json_value.h"

namespace trinity::interchange {

/// What a trace records. The vector is the one that routing reads, the transcript what was
/// tokenised.
struct RouterTraceInput {
  std::string artifact_dir;              // empty without a bundle
  std::string artifact_manifest_sha256;  // empty without one
  std::span<const Message> messages;
  std::string transcript;
  std::span<const std::int32_t> ids;
  std::int64_t hidden_index = 0;
  std::span<const float> hidden;
  HeadView head;
  std::span<const float> logits;  // of the head, agents first
  std::vector<std::string> notes;
};

/// Errors: those of select_route.
Result<Json> router_trace(const RouterTraceInput& input);

struct AlignmentTolerances {
  double max_abs = 0, mean_abs = 0;  // shown
  double min_cosine = 0, max_relative_l2 = 0;
};

struct RouterTraceTolerances {
  AlignmentTolerances hidden{0.05, 0.005, 0.99, 0.12};
  AlignmentTolerances logits{1.0, 0.2, 0.99, 0.10};
};

/// The record of the comparison (trinity_sakana_router_trace_comparison.v1). Whatever is missing
/// from either report is a failed check.
Json compare_router_traces(const Json& theirs, const Json& ours,
                           const RouterTraceTolerances& tolerances);

}  // namespace trinity::interchange
