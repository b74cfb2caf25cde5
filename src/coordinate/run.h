// A run that waits: a loop driven by two functions, one that decides and one that asks a member.
//
// Deciding is a loaded router, or an extractor hook with a head; asking is whatever calls a member
// of the pool, or a hook that answers itself. Hooks are for tests and for programs that embed the
// loop.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>
#include <trinity/router.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coordinate/authority.h"
#include "coordinate/loop.h"
#include "route/head.h"

namespace trinity::coordinate {

using Decide = std::function<Result<Decided>(const DecideStep& step)>;
using Ask = std::function<Result<Answer>(const CallStep& step)>;

/// What an extractor hook gives: the hidden vector, and what it knows of where it came from. The
/// shapes are the vector's own where they are empty.
struct ExtractionRecord {
  std::vector<float> vector;
  std::vector<std::int64_t> vector_shape = {};
  std::vector<std::int64_t> hidden_state_shape = {};
  std::map<std::string, std::vector<std::int64_t>> input_shapes = {};
};
using Extractor = std::function<Result<ExtractionRecord>(std::span<const Message> messages)>;

/// Errors of the function: `missing_slm_context` where the hook is empty,
/// `invalid_extractor_result` for a vector that is empty or not finite or has another shape; those
/// of the hook, the head and the selection.
Decide decide_with(Extractor extractor, route::Head head);
/// The router must outlive the function.
Decide decide_with(const Router& router, InputOptions input = {});

/// Of the member that a hook plays.
struct HookFacts {
  std::string role_name;
  std::string role;  // "worker", "thinker", "verifier" or "unknown"
  int agent_id = 0;
};
using AgentHook = std::function<Result<std::string>(std::string_view role, std::span<const Message>,
                                                    const HookFacts& facts)>;

/// Errors of the function: `invalid_mock_agent_fn` where the hook is empty,
/// `invalid_mock_agent_response` for a reply that is not UTF-8; those of the hook.
Ask ask_with(AgentHook hook);

struct RunOptions {
  LoopOptions loop;
  trace::TraceOptions trace;
  Decide decide;  // empty: `missing_slm_context`
  Ask ask;        // empty: `invalid_mock_agent_fn`
  std::optional<GovernedRun> governed;
  bool require_governed = false;  // refuses a run that is not governed
  Clock clock;                    // empty: the system's steady one
};

struct RunResult {
  Finished finished;
  std::vector<Message> transcript;  // with the answers
  std::string run_id;
};

/// Errors before any event: `governed_authority_required`, `governed_direct_fields_rejected` (a
/// hook in a governed run), `invalid_trace_sink`, and those of Loop::begin.
RunResult run_loop(std::vector<Message> conversation, RunOptions options);

/// What `run_started` says of the artifact that decides: the identity of the router's adaptation
/// and the runtime profile; {} for a router without one.
Json runtime_metadata(const RouterInfo& info);

}  // namespace trinity::coordinate
