// Reading traces: the files of a sink, line by line, each event checked.
//
// A trace is read as far as it can be: a torn line or a foreign one is reported with its place and
// passed over, because the others say what happened.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace trinity::trace {

struct TraceFault {
  std::string file;
  std::size_t line = 0;  // from 1
  Error error;           // of parse_json or check_event
};

struct TraceLog {
  std::vector<Json> events;  // in the order of the files
  std::vector<TraceFault> faults;
};

/// With a run id, only the events of that run are kept.
TraceLog read_trace(std::string_view text, std::string_view run_id = {},
                    const std::string& file = {});

/// The file of a sink and those that it was rotated to, oldest first. Errors: those of
/// MappedFile::open.
Result<TraceLog> read_trace_files(const std::filesystem::path& path, std::string_view run_id = {});

/// What looks at a trace that need not be in memory as a whole.
struct TraceVisitor {
  std::function<Status(Json event)> event;  // an error ends the reading
  std::function<void(TraceFault fault)> fault;
  /// Bytes that were read, of this path's files; may be empty.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
};
/// The same files in the same order. Errors: those of MappedFile::open and of the visitor.
Status visit_trace_files(const std::filesystem::path& path, const TraceVisitor& visitor);

/// A run of a log, in a line.
struct RunSummary {
  std::string run_id;
  std::int64_t started_ms = 0;
  std::int64_t turns = 0;  // completed
  std::string end;         // the final status, the reason of its failure, or "" while it has no end
};
/// In the order of their first events.
std::vector<RunSummary> runs_of(const TraceLog& log);

/// The events of one run. Error: `unknown_run`; a beginning of the id that only one run has will
/// do.
Result<std::vector<Json>> events_of(const TraceLog& log, std::string_view run_id);

}  // namespace trinity::trace
