#include "cli/gates/gates_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/utf8.h"
#include "terminal/table.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kShownLines = 20;
constexpr std::size_t kLineBytes = 200;

Cell result_of(const StepOutcome& one) {
  if (!one.run) return {"skipped", &Style::dim};
  if (one.passed()) return {"ok", &Style::green};
  const std::string what = one.run->interrupted ? std::string("interrupted")
                                                : fmt::format("exit {}", one.run->exit_status);
  return {what, one.step.advisory ? &Style::yellow : &Style::red};
}

std::string time_of(const StepOutcome& one) {
  return one.run ? fmt::format("{:.1f} s", static_cast<double>(one.run->duration_ms) / 1e3) : "-";
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

std::string gates_table(const GateReport& report, Style style) {
  const Table table({{"step", 12}, {"result", 11}, {"time", 9, true}, {"command", 50, false, 20}},
                    style);
  std::string out = fmt::format("\n{}", table.header());
  for (const StepOutcome& one : report.steps)
    out += table.row({{one.step.name}, result_of(one), {time_of(one)}, {step_command(one.step)}});
  out += fmt::format("\n  {} in {:.1f} s{}\n",
                     report.ok() ? style.green("all gates passed") : style.red("not passed"),
                     static_cast<double>(report.total_duration_ms) / 1e3,
                     report.choice.complete() ? "" : "; not release grade, steps were left out");
  for (const StepOutcome& one : report.steps) {
    if (!one.run || one.passed()) continue;
    out += fmt::format("\n  {} said last:\n", style.bold(one.step.name));
    for (const std::string& line : last_lines(one.run->output))
      out += fmt::format("    {}\n", excerpt(line, kLineBytes));
  }
  return out;
}

}  // namespace trinity::cli
