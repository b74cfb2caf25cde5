#include "trace/reader.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "trace/jsonl_sink.h"
#include "trace/trace.h"

namespace trinity::trace {
namespace {

Result<Json> read_event(std::string_view line) {
  TRINITY_TRY(Json event, parse_json(line));
  TRINITY_CHECK(check_event(event));
  return event;
}

/// Bytes between two words about the progress.
constexpr std::size_t kProgressBytes = std::size_t{1} << 20;

Status visit(std::string_view text, const std::string& file, const TraceVisitor& visitor,
             const std::function<void(std::size_t)>& done) {
  const std::size_t size = text.size();
  std::size_t number = 0, told = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Result<Json> event = read_event(line);
    if (!event) {
      visitor.fault({file, number, std::move(event.error())});
    } else {
      TRINITY_CHECK(visitor.event(std::move(*event)));
    }
    if (const std::size_t read = size - text.size(); done && read - told >= kProgressBytes) {
      told = read;
      done(read);
    }
  }
  return {};
}

/// Into a log, which takes everything.
TraceVisitor into(TraceLog& log, std::string_view run_id) {
  return {[&log, run_id](Json event) -> Status {
            if (run_id.empty() || event["run_id"].as_string() == run_id)
              log.events.push_back(std::move(event));
            return {};
          },
          [&log](TraceFault fault) { log.faults.push_back(std::move(fault)); }};
}

std::string short_reason(const Json& reason) {
  if (reason.is_string()) return reason.as_string();
  std::string text;
  for (const Json& part : reason) text += (text.empty() ? "" : " ") + part.as_string();
  return text;
}

}  // namespace

TraceLog read_trace(std::string_view text, std::string_view run_id, const std::string& file) {
  TraceLog log;
  (void)visit(text, file, into(log, run_id), {});  // its visitor has no error
  return log;
}

Result<TraceLog> read_trace_files(const std::filesystem::path& path, std::string_view run_id) {
  TraceLog log;
  TRINITY_CHECK(visit_trace_files(path, into(log, run_id)));
  return log;
}

Status visit_trace_files(const std::filesystem::path& path, const TraceVisitor& visitor) {
  const std::vector<std::filesystem::path> files = trace_files(path);
  std::uint64_t total = 0, before = 0;
  for (const auto& file : files) {
    std::error_code unknown;
    const std::uintmax_t size = std::filesystem::file_size(file, unknown);
    if (!unknown) total += size;
  }
  for (const auto& file : files) {
    TRINITY_TRY(const MappedFile map, MappedFile::open(file));
    const auto bytes = map.bytes();
    std::function<void(std::size_t)> done;
    if (visitor.progress)
      done = [&](std::size_t read) { visitor.progress(std::min(before + read, total), total); };
    TRINITY_CHECK(visit({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file.string(),
                        visitor, done));
    before += bytes.size();
  }
  return {};
}

std::vector<RunSummary> runs_of(const TraceLog& log) {
  std::vector<RunSummary> runs;
  for (const Json& event : log.events) {
    const std::string& id = event["run_id"].as_string();
    auto run = std::find_if(runs.begin(), runs.end(),
                            [&id](const RunSummary& one) { return one.run_id == id; });
    if (run == runs.end())
      run = runs.insert(runs.end(), RunSummary{id, event["timestamp_ms"].as_int64(), 0, {}});
    const std::string& name = event["event"].as_string();
    if (name == "turn_completed") ++run->turns;
    if (name == "run_completed") run->end = event["final_status"].as_string();
    if (name == "run_failed") run->end = short_reason(event["reason"]);
  }
  return runs;
}

Result<std::vector<Json>> events_of(const TraceLog& log, std::string_view run_id) {
  std::vector<std::string> found;
  for (const RunSummary& run : runs_of(log)) {
    if (run.run_id == run_id) {
      found = {run.run_id};
      break;
    }
    if (!run_id.empty() && std::string_view(run.run_id).substr(0, run_id.size()) == run_id)
      found.push_back(run.run_id);
  }
  if (found.size() != 1)
    return fail(ErrorKind::missing, "unknown_run",
                (found.empty() ? "no run of this trace has the id '" + excerpt(run_id) + "'"
                               : std::to_string(found.size()) + " runs have ids that begin with '" +
                                     excerpt(run_id) + "'") +
                    "; give the id of one of its runs");
  std::vector<Json> events;
  for (const Json& event : log.events)
    if (event["run_id"].as_string() == found.front()) events.push_back(event);
  return events;
}

}  // namespace trinity::trace
