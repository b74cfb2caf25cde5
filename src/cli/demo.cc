// trinity demo: some conversations, decided by the tiny router inside this program, and a question
// that goes through the whole loop with the demo pool.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/json.h"
#include "base/printable.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/demo_cases.h"
#include "console/conversation_run.h"
#include "console/decision_view.h"
#include "flags/model_flags.h"
#include "flags/pool_flags.h"
#include "flags/records.h"
#include "report/prose.h"
#include "route/decision.h"
#include "terminal/output.h"
#include "wire/json_slice.h"
#include "wire/record_reader.h"

namespace trinity::cli {
namespace {

constexpr const char* kDemoQuestion = "What is 2 + 3 * 4?";

report::Cell role_cell(const std::string& role) {
  return {role, role == "Worker"    ? report::Look::good
                : role == "Thinker" ? report::Look::second
                                    : report::Look::warn};
}

struct DemoFlags {
  std::string profile;
  int threads = 0;
  bool json = false;
};

Status print_json(const std::vector<DemoCase>& cases, const Router& router) {
  terminal::Output output;
  DecisionRule rule;
  rule.hashes = true;
  for (const DemoCase& demo : cases) {
    TRINITY_TRY(const Decision decision, router.route(demo.messages, {}, rule));
    std::string line;
    wire::append_record_begin(line, wire::RecordOrigin());
    line += "\"title\":";
    append_json_string(line, demo.title);
    line += ',';
    line.append(json_text(route::decision_record(decision)), 1);
    TRINITY_CHECK(output.write(line + "\n"));
  }
  return output.flush();
}

std::string explanation(std::size_t conversations, double ms,
                        const std::optional<backend::MarginFloors>& floors, report::Style style) {
  std::string text = fmt::format(
      "{} in {:.1f} ms. agent: the skill that should answer; role: work, think or verify; margin: "
      "lead of the chosen agent and role over the second.",
      report::counted(conversations, "conversation"), ms);
  if (floors) text += " " + console::close_call_text(*floors);
  return paragraph({{text}}, style);
}

/// What a member said, in a line: its last one that is no tag of the protocol.
std::string gist(const console::CallFacts& call) {
  if (call.error) return *call.error;
  std::string last;
  for (std::size_t begin = 0; begin < call.text.size();) {
    const std::size_t end = std::min(call.text.find('\n', begin), call.text.size());
    const std::string line = call.text.substr(begin, end - begin);
    if (!line.empty() && line.front() != '<') last = line;
    begin = end + 1;
  }
  return last;
}

/// A question through the loop: a row a turn.
Status print_run(const Router& router, report::Style style, terminal::Output& output) {
  TRINITY_TRY(const provider::Pool pool,
              flags::open_pool(provider::demo_pool_config(), router.info().num_agents));
  console::RunSetup setup{router, pool, coordinate::default_options(coordinate::LoopProfile::safe),
                          {},     {},   nullptr,
                          {}};
  console::fit_loop(setup.loop, router, pool);
  const console::Interruption interruption;
  const console::RunEnd end =
      console::run_conversation(setup, {{"user", kDemoQuestion}}, interruption);
  if (!end.finished.outcome) return tl::unexpected(end.finished.outcome.error());
  const coordinate::Outcome& outcome = *end.finished.outcome;
  TRINITY_CHECK(output.write(paragraph(
      {{"The loop: "},
       {kDemoQuestion, report::Look::strong},
       {" goes to the demo pool, members that compute instead of calling a model, until one of "
        "them accepts the answer as Verifier."}},
      style)));
  const report::TableText table({{"turn", 4, true},
                                 {"member", 11},
                                 {"role", 8},
                                 {"says", style.columns() > 33 ? style.columns() - 33 : 12}},
                                style);
  TRINITY_CHECK(output.write("\n" + table.header()));
  for (const console::TurnFacts& turn : end.log->turns())
    for (const console::CallFacts& call : turn.calls)
      TRINITY_CHECK(output.write(table.row({{std::to_string(turn.number)},
                                            {call.member, report::Look::accent},
                                            role_cell(turn.role),
                                            {gist(call)}})));
  const report::Text verdict = outcome.verified ? report::Text{"verified", report::Look::good}
                                                : report::Text{"not verified", report::Look::warn};
  return output.write(
      table.rule() +
      paragraph({{fmt::format("{} in {:.1f} ms, ", report::counted(end.log->turns().size(), "turn"),
                              end.ms)},
                 verdict,
                 {". Next:"},
                 {" trinity ask \"your question\"", report::Look::strong}},
                style) +
      "\n");
}

Status print_table(const std::vector<DemoCase>& cases, const Router& router) {
  terminal::Output output;
  const report::Style style = terminal::style_for(STDOUT_FILENO);
  const RouterInfo& info = router.info();
  std::size_t width = 0;
  for (const DemoCase& demo : cases) width = std::max(width, display_width(demo.title));
  width = std::min<std::size_t>(width, 44);
  const report::TableText table =
      console::decision_table({"conversation", width, width, false}, style);
  const std::optional<backend::MarginFloors> floors = console::tiny_router_floors(info.profile);
  TRINITY_CHECK(output.write(
      "\n" +
      paragraph(
          {{version_text() + ".", report::Look::strong},
           {" The embedded tiny router decides: a demonstration, not the trained coordinator."}},
          style) +
      paragraph({{"profile "},
                 {info.profile, report::Look::strong},
                 {fmt::format(", {}, loaded in {:.0f} ms", info.device, info.load_ms)}},
                style) +
      "\n"));
  TRINITY_CHECK(output.write(table.header()));
  TRINITY_CHECK(output.flush());
  const Stopwatch watch;
  for (const DemoCase& demo : cases) {
    TRINITY_TRY(const Decision decision, router.route(demo.messages));
    TRINITY_CHECK(output.write(console::decision_row(table, demo.title, decision, floors)));
    TRINITY_CHECK(output.flush());
  }
  TRINITY_CHECK(output.write(table.rule() +
                             explanation(cases.size(), watch.elapsed_ms(), floors, style) + "\n"));
  TRINITY_CHECK(output.flush());
  TRINITY_CHECK(print_run(router, style, output));
  return output.flush();
}

Status demo(const DemoFlags& flags) {
  TRINITY_TRY(const std::vector<DemoCase> cases, demo_cases());
  RouterOptions options;
  options.profile = flags.profile;
  options.threads = flags.threads;
  TRINITY_TRY(const Router router, Router::load(options));
  return flags.json ? print_json(cases, router) : print_table(cases, router);
}

void declare(command_line::Command& command, DemoFlags& flags) {
  command.value("--profile", flags.profile, "how to compute, see `trinity profiles`").takes("NAME");
  command.value("--threads", flags.threads, "threads to compute with (0: one, the model is tiny)")
      .takes("N")
      .range(0, 1024);
  command.json_lines(flags.json, "a JSON object a conversation");
  command.notes("Example:\n  trinity demo");
}

}  // namespace

Result<std::vector<DemoCase>> demo_cases() {
  if (demo_text().empty())
    return fail(ErrorKind::missing, "missing_tiny_router",
                "this build holds no demonstration; build with models/tiny");
  constexpr const char* file = "models/tiny/demo.jsonl";
  wire::RecordReader reader(wire::LineReader::over(demo_text(), file));
  std::vector<DemoCase> cases;
  while (true) {
    TRINITY_TRY(const std::optional<wire::Line> line, reader.next());
    if (!line) break;
    wire::Record<RouterQuery> record = wire::read_query(*line);
    if (!record.value) return fail_in(file, record.value.error());
    const auto title = wire::JsonSlice::of_document(line->text).find("title");
    auto* messages = std::get_if<std::vector<Message>>(&record.value->value);
    if (messages == nullptr || !title || !title->is(wire::JsonSlice::Kind::string))
      return fail(ErrorKind::invalid_input, "invalid_demo",
                  fmt::format("line {} of {} needs title and messages", line->number, file));
    cases.push_back({title->string(), std::move(*messages)});
  }
  return cases;
}

void add_demo(command_line::Command& commands) {
  add_command(commands, "demo",
              "Route sample conversations and answer a question, all inside this program", declare,
              demo);
}

}  // namespace trinity::cli
