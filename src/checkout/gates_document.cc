// The gates for people: what each step said on its own line, then all of them side by side.
#include <fmt/format.h>

#include <algorithm>

#include "checkout/gates.h"

namespace trinity::checkout {
namespace {

constexpr std::size_t kShownLines = 20;
constexpr std::size_t kLineBytes = 200;

report::Cell result_of(const StepOutcome& one) {
  if (!one.run) return {"skipped", report::Look::faint};
  if (one.passed()) return {"ok", report::Look::good};
  return {one.run->interrupted ? std::string("interrupted")
                               : fmt::format("exit {}", one.run->exit_status),
          one.step.advisory ? report::Look::warn : report::Look::bad};
}

std::string time_of(const StepOutcome& one) {
  return one.run ? fmt::format("{:.1f} s", static_cast<double>(one.run->duration_ms) / 1e3) : "–";
}

std::vector<std::string> last_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (lines.size() > kShownLines)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kShownLines));
  return lines;
}

report::Section verdict_section(const GateReport& report) {
  return {{},
          {{report.ok() ? "all gates passed" : "not passed",
            report.ok() ? report::Look::good : report::Look::bad},
           {fmt::format(" in {:.1f} s{}", static_cast<double>(report.total_duration_ms) / 1e3,
                        report.choice.complete() ? "" : "; not release grade, steps were left out"),
            report::Look::label}}};
}

}  // namespace

std::string step_command(const GateStep& step) {
  return fmt::format("{} {}", step.program, fmt::join(step.arguments, " "));
}

std::string step_lines(const StepOutcome& outcome) {
  const std::string status =
      outcome.run ? fmt::format("{}", outcome.run->exit_status) : std::string("skipped");
  std::string out =
      fmt::format("[trinity.gates] step={} exit={} duration_ms={}\n", outcome.step.name, status,
                  outcome.run ? outcome.run->duration_ms : 0);
  if (outcome.step.advisory && outcome.run)
    out += fmt::format("hex_build_advisory: {} (exit={})\n", outcome.passed() ? "pass" : "fail",
                       status);
  return out;
}

report::Document gates_document(const GateReport& report) {
  report::Table table{
      "Steps", {{"step", 12}, {"result", 11}, {"time", 9, true}, {"command", 50, false, 20}}, {}};
  for (const StepOutcome& one : report.steps)
    table.rows.push_back({{one.step.name, result_of(one), time_of(one), step_command(one.step)}});
  report::Document document{
      "Gates", {}, {}, {}, {{{}, {}, {std::move(table)}}, verdict_section(report)}};
  for (const StepOutcome& one : report.steps) {
    if (!one.run || one.passed()) continue;
    report::Section said{{{one.step.name + " said last"}}};
    for (const std::string& line : last_lines(one.run->output))
      said.blocks.emplace_back(report::Paragraph{{report::foreign(line, kLineBytes)}, 6, 4});
    document.sections.push_back(std::move(said));
  }
  return document;
}

}  // namespace trinity::checkout
