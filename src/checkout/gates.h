// The quality gates of a source checkout: which steps they are, and what came of them.
//
// The steps are the project's own commands, listed as data; who runs a step is the caller's choice.
// They run one after the other. After a blocking one has failed the later blocking ones are
// skipped; an advisory one runs all the same and decides nothing.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "report/document.h"

namespace trinity::checkout {

struct GateStep {
  std::string name;
  std::string program;
  std::vector<std::string> arguments;
  std::filesystem::path folder;  // to run in; empty: the caller's
  bool advisory = false;
  std::string remedy;  // what to do when the program is missing
};

struct GateChoice {
  bool fast = false;  // without the two slow steps, analyzer and docs
  bool skip_analyzer = false, skip_docs = false;
  bool parity_check = false;  // with the two reports, as the caller names them
  std::string python_report, our_report;
  bool package = false;

  /// Whether every step that a release needs is among the steps.
  bool complete() const { return !fast && !skip_analyzer && !skip_docs; }
};

/// format, compile, test, lint, analyzer, docs, parity_check, package: those that are chosen, in
/// this order. Errors: `missing_parity_reports` (usage), `not_a_source_checkout`.
Result<std::vector<GateStep>> gate_steps(const std::filesystem::path& checkout,
                                         const GateChoice& choice);

/// What a program that ran came to.
struct StepRun {
  int exit_status = 0;
  std::string output;  // its end
  std::int64_t duration_ms = 0;
  bool interrupted = false;
};
/// Runs a step to its end. The error `missing_program` becomes a failure that names the remedy.
using StepRunner = std::function<Result<StepRun>(const GateStep&)>;

struct StepOutcome {
  GateStep step;
  std::optional<StepRun> run;  // nothing: skipped

  bool passed() const { return run && run->exit_status == 0 && !run->interrupted; }
};

struct GateReport {
  GateChoice choice;
  std::vector<StepOutcome> steps;
  std::int64_t total_duration_ms = 0;
  std::string interrupted;  // the step during which the program was told to end

  /// Every blocking step ran and passed.
  bool ok() const;
  /// Names of the blocking steps that ran and failed.
  std::vector<std::string> failed() const;
  /// A complete set of steps that all passed.
  bool release_grade() const { return ok() && choice.complete(); }
};

/// Runs the steps; `tell` hears of each one when it is done or skipped. An interrupt skips all that
/// come later.
GateReport run_gates(std::span<const GateStep> steps, const GateChoice& choice,
                     const StepRunner& runner, const std::function<void(const StepOutcome&)>& tell);

/// {schema_version, ok, "fast?", "release_grade?", total_duration_ms, steps: [{name, cmd, args,
/// exit_status, duration_ms, blocking, advisory, output, skipped}]}.
Json gate_summary(const GateReport& report);

/// All steps, what they come to, and the end of what the failed ones said.
report::Document gates_document(const GateReport& report);

/// "make test": program and arguments.
std::string step_command(const GateStep& step);
/// "[trinity.gates] step=test exit=0 duration_ms=12\n"; an advisory step adds a line with its
/// outcome.
std::string step_lines(const StepOutcome& outcome);

}  // namespace trinity::checkout
