// trinity trace show: the story of a run, from the events that were written of it.
#include <fmt/format.h>
#include <unistd.h>

#include "base/printable.h"
#include "base/try.h"
#include "cli/commands.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/terminal.h"
#include "trace/order.h"
#include "trace/reader.h"
#include "trace/story.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kMostRunsShown = 12;

struct TraceShowFlags {
  std::string file, run;
  bool json = false;
};

/// Errors: those of read_trace_files, `not_a_trace`.
Result<trace::TraceLog> open_log(const std::string& file) {
  TRINITY_TRY(trace::TraceLog log, trace::read_trace_files(file));
  if (!log.events.empty()) return log;
  const std::string shown = printable(file, 200);
  if (log.faults.empty())
    return fail(
        ErrorKind::invalid_input, "not_a_trace",
        fmt::format("{} holds no event; name a file that --trace of `trinity ask` wrote", shown));
  const trace::TraceFault& first = log.faults.front();
  return fail(ErrorKind::invalid_input, "not_a_trace",
              fmt::format("{} is no trace of runs: line {}: {}; name a file that --trace of "
                          "`trinity ask` wrote",
                          shown, first.line, first.error.message));
}

Json record_of(const trace::TraceLog& log, const std::string& run, const std::vector<Json>& events,
               const Status& order) {
  Json runs = Json::array();
  for (const trace::RunSummary& one : trace::runs_of(log))
    runs.push_back({{"run_id", one.run_id},
                    {"started_ms", one.started_ms},
                    {"turns", one.turns},
                    {"end", one.end.empty() ? Json() : Json(one.end)}});
  Json faults = Json::array();
  for (const trace::TraceFault& fault : log.faults)
    faults.push_back({{"file", fault.file},
                      {"line", fault.line},
                      {"tag", fault.error.tag},
                      {"message", fault.error.message}});
  return {{"run_id", run},
          {"complete", order.has_value()},
          {"order_fault", order ? Json() : Json(order.error().message)},
          {"runs", runs},
          {"events", events},
          {"faults", faults}};
}

/// The runs of a file that holds several, the latest ones.
report::Document with_runs(report::Document story, const std::vector<trace::RunSummary>& runs) {
  report::Table table{
      "Runs", {{"run", 36, false, 13}, {"turns", 5, true}, {"end", 32, false, 10}}, {}};
  const std::size_t first = runs.size() - std::min(runs.size(), kMostRunsShown);
  for (std::size_t i = first; i < runs.size(); ++i)
    table.rows.push_back({{report::foreign(runs[i].run_id, 100),
                           report::count(static_cast<std::uint64_t>(runs[i].turns)),
                           runs[i].end.empty() ? report::Text{"no end", report::Look::warn}
                                               : report::foreign(runs[i].end, 60)}});
  report::Section section{{{"Runs"}}, {}, {std::move(table)}};
  section.blocks.push_back(report::Paragraph{
      {{fmt::format("{} in all{}. Below is the last one; --run ID shows another, the begin of an "
                    "id will do.",
                    report::counted(runs.size(), "run"),
                    first > 0 ? fmt::format(", the last {} above", runs.size() - first) : "")}}});
  story.sections.insert(story.sections.begin(), std::move(section));
  return story;
}

Result<int> show(const TraceShowFlags& flags) {
  TRINITY_TRY(const trace::TraceLog log, open_log(flags.file));
  const std::vector<trace::RunSummary> runs = trace::runs_of(log);
  const std::string wanted = flags.run.empty() ? runs.back().run_id : flags.run;
  TRINITY_TRY(const std::vector<Json> events, trace::events_of(log, wanted));
  const std::string run = events.front()["run_id"].as_string();
  const Status order = trace::check_order(events);
  Status printed;
  if (flags.json) {
    printed = terminal::print(wire::json_line(record_of(log, run, events, order)));
  } else {
    report::Document story = trace::run_story(events);
    if (flags.run.empty() && runs.size() > 1) story = with_runs(std::move(story), runs);
    printed = terminal::print(render_text(story, terminal::style_for(STDOUT_FILENO)));
  }
  if (!log.faults.empty())
    terminal::warn(
        fmt::format("{} of the trace could not be read and {} passed over; the first "
                    "is line {} of {}: {}",
                    report::counted(log.faults.size(), "line"),
                    log.faults.size() == 1 ? "is" : "are", log.faults.front().line,
                    printable(log.faults.front().file, 200), log.faults.front().error.message));
  // A run without an end may still go on, or was cut off: that is its story. Events that cannot
  // follow each other are a fault of the file.
  const bool ill = !order && order.error().tag != "unfinished_run";
  return terminal::conclude(ill ? order : Status(), {printed});
}

void declare(command_line::Command& command, TraceShowFlags& flags) {
  command.word("file", flags.file, "file that --trace wrote; those it was rotated to are read too")
      .takes("FILE")
      .required();
  command.value("--run", flags.run, "id of the run, or its begin (without it: the last run)")
      .takes("ID");
  command.json(flags.json, "one JSON object with the events");
  command.notes(
      "A trace holds hashes in the place of questions and answers, unless it was recorded with\n"
      "--trace-messages.\n\n"
      "Example:\n  trinity ask --trace runs.jsonl \"What is 17 * 23?\"\n"
      "  trinity trace show runs.jsonl");
}

}  // namespace

void add_trace_show(command_line::Command& trace) {
  add_command(trace, "show", "Tell the story of a run from the file that `ask --trace` wrote",
              declare, show);
}

}  // namespace trinity::cli
