// trinity demo: some conversations, decided by the tiny router inside this program.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/json.h"
#include "base/printable.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/demo_cases.h"
#include "cli/route/decision_view.h"
#include "flags/model_flags.h"
#include "flags/records.h"
#include "report/prose.h"
#include "route/decision.h"
#include "terminal/output.h"
#include "wire/json_slice.h"
#include "wire/record_reader.h"

namespace trinity::cli {
namespace {

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
  if (floors) text += " " + close_call_text(*floors);
  return paragraph({{text}, {" Next:"}, {" trinity route \"your question\"", report::Look::strong}},
                   style);
}

Status print_table(const std::vector<DemoCase>& cases, const Router& router) {
  terminal::Output output;
  const report::Style style = terminal::style_for(STDOUT_FILENO);
  const RouterInfo& info = router.info();
  std::size_t width = 0;
  for (const DemoCase& demo : cases) width = std::max(width, display_width(demo.title));
  width = std::min<std::size_t>(width, 44);
  const report::TableText table = decision_table({"conversation", width, width, false}, style);
  const std::optional<backend::MarginFloors> floors = tiny_router_floors(info.profile);
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
    TRINITY_CHECK(output.write(decision_row(table, demo.title, decision, floors)));
    TRINITY_CHECK(output.flush());
  }
  TRINITY_CHECK(output.write(table.rule() +
                             explanation(cases.size(), watch.elapsed_ms(), floors, style) + "\n"));
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
  add_command(commands, "demo", "Route sample conversations with the embedded tiny router", declare,
              demo);
}

}  // namespace trinity::cli
