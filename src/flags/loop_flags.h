// The flags of a run: how its loop works, its budgets, its prompts, and where its trace goes.
#pragma once

#include <trinity/error.h>
#include <trinity/options.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "command_line/command_line.h"
#include "coordinate/loop.h"
#include "trace/jsonl_sink.h"

namespace trinity::flags {

struct LoopFlags {
  coordinate::LoopProfile loop = coordinate::LoopProfile::safe;
  int max_turns = 5;
  std::optional<std::int64_t> max_calls, max_revisions;
  std::optional<double> max_seconds, max_call_seconds, max_cost_usd;
  std::filesystem::path prompts;  // empty: the built-in ones

  // How the router reads and chooses; what is not said is the profile's own.
  std::optional<InputMode> input_mode;
  std::optional<SelectionMode> agent_selection, role_selection;
  double temperature = 1;
  SelectionSeed seed;
};

/// `runs` says whether there will be a run of turns at all, and `otherwise` what there is instead.
void add_loop_flags(command_line::Command& command, LoopFlags& flags,
                    const std::function<bool()>& runs, const std::string& otherwise);

/// Errors: those of RolePrompts::load.
Result<coordinate::LoopOptions> loop_options(const LoopFlags& flags);

struct TraceFlags {
  std::filesystem::path trace;
  double max_mib = 64;  // of a file before it is rotated
  int kept_files = 5;
  bool messages = false;  // what the router reads, too
};

/// --trace, --trace-max-mib, --trace-files, --trace-messages
void add_trace_flags(command_line::Command& command, TraceFlags& flags,
                     const std::function<bool()>& runs, const std::string& otherwise);

/// Nothing without --trace. Errors: those of JsonlSink::open.
Result<std::shared_ptr<trace::Sink>> open_trace(const TraceFlags& flags);

}  // namespace trinity::flags
