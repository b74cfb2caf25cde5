#include "checkout/gates.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "base/json_value.h"
#include "base/stopwatch.h"

namespace trinity::checkout {
namespace {

namespace fs = std::filesystem;

constexpr int kNotFound = 127;       // what a shell says of a program that it does not find
constexpr int kNotExecutable = 126;  // and of one that it cannot run

/// A stage of the checkout's own continuous integration.
GateStep stage(const std::string& name, const std::string& stage_name, const fs::path& checkout) {
  return {name,     "bash", {".ci/run", stage_name},
          checkout, false,  "install it: apt-get install bash"};
}

StepRun not_started(const GateStep& step, const Error& error) {
  StepRun run;
  run.exit_status = error.tag == "missing_program" ? kNotFound : kNotExecutable;
  run.output = error.message;
  if (error.tag == "missing_program") run.output += "; " + step.remedy;
  return run;
}

Json step_record(const StepOutcome& one) {
  return {{"name", one.step.name},
          {"cmd", one.step.program},
          {"args", one.step.arguments},
          {"exit_status", one.run ? Json(one.run->exit_status) : Json(nullptr)},
          {"duration_ms", one.run ? one.run->duration_ms : 0},
          {"blocking", !one.step.advisory},
          {"advisory", one.step.advisory},
          {"output", one.run ? Json(one.run->output) : Json(nullptr)},
          {"skipped", !one.run.has_value()}};
}

}  // namespace

Result<std::vector<GateStep>> gate_steps(const fs::path& checkout, const GateChoice& choice) {
  if (choice.parity_check && (choice.python_report.empty() || choice.our_report.empty()))
    return fail(ErrorKind::usage, "missing_parity_reports",
                "trinity.gates: the parity check needs both --python-report FILE and "
                "--elixir-report FILE");
  std::error_code ignored;
  for (const char* needed : {"CMakeLists.txt", "Makefile", ".ci/run"})
    if (!fs::exists(checkout / needed, ignored))
      return fail(ErrorKind::missing, "not_a_source_checkout",
                  fmt::format("trinity.gates: {} is no source checkout of this program, it has no "
                              "{}; name one with --source DIR",
                              checkout.string(), needed));

  std::vector<GateStep> steps = {
      stage("format", "format", checkout), stage("compile", "build", checkout),
      GateStep{"test", "make", {"test"}, checkout, false, "install it: apt-get install make"},
      stage("lint", "lint", checkout)};
  if (!choice.fast && !choice.skip_analyzer)
    steps.push_back(stage("analyzer", "analyzer", checkout));
  if (!choice.fast && !choice.skip_docs) steps.push_back(stage("docs", "docs", checkout));
  if (choice.parity_check)
    steps.push_back({"parity_check",
                     fs::absolute(checkout, ignored) / "build/bin/trinity",
                     {"parity", "check", "--python-report", choice.python_report, "--elixir-report",
                      choice.our_report},
                     {},  // the reports are named from where the caller is
                     false,
                     "build it: make build"});
  if (choice.package) {
    steps.push_back(stage("package", "install", checkout));
    steps.back().advisory = true;
  }
  return steps;
}

bool GateReport::ok() const {
  return interrupted.empty() && std::all_of(steps.begin(), steps.end(), [](const StepOutcome& one) {
           return one.step.advisory || one.passed();
         });
}

std::vector<std::string> GateReport::failed() const {
  std::vector<std::string> names;
  for (const StepOutcome& one : steps)
    if (one.run && !one.step.advisory && !one.passed()) names.push_back(one.step.name);
  return names;
}

GateReport run_gates(std::span<const GateStep> steps, const GateChoice& choice,
                     const StepRunner& runner,
                     const std::function<void(const StepOutcome&)>& tell) {
  const Stopwatch watch;
  GateReport report;
  report.choice = choice;
  bool blocked = false;
  for (const GateStep& step : steps) {
    StepOutcome outcome{step, std::nullopt};
    if (report.interrupted.empty() && (step.advisory || !blocked)) {
      const Result<StepRun> run = runner(step);
      outcome.run = run ? *run : not_started(step, run.error());
      if (outcome.run->interrupted) report.interrupted = step.name;
      blocked = blocked || (!step.advisory && !outcome.passed());
    }
    if (tell) tell(outcome);
    report.steps.push_back(std::move(outcome));
  }
  report.total_duration_ms = static_cast<std::int64_t>(watch.elapsed_ms());
  return report;
}

Json gate_summary(const GateReport& report) {
  Json steps = Json::array();
  for (const StepOutcome& one : report.steps) steps.push_back(step_record(one));
  return {{"schema_version", 1},
          {"ok", report.ok()},
          {"fast?", report.choice.fast},
          {"release_grade?", report.release_grade()},
          {"total_duration_ms", report.total_duration_ms},
          {"steps", std::move(steps)}};
}

}  // namespace trinity::checkout
