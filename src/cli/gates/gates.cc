// trinity gates: runs the quality steps of a source checkout and sums them up.
#include "checkout/gates.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/json.h"
#include "base/try.h"
#include "checkout/child_process.h"
#include "cli/commands.h"
#include "flags/repository_root.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct GatesFlags {
  checkout::GateChoice choice;
  std::string source, summary_out;
  bool verbose = false, json = false;
};

void write_through(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

checkout::StepRunner runner_of(const GatesFlags& flags) {
  return [verbose = flags.verbose](const checkout::GateStep& step) -> Result<checkout::StepRun> {
    if (terminal::is_terminal(STDERR_FILENO))
      terminal::note(fmt::format("running {}", checkout::step_command(step)));
    checkout::ChildCommand command{step.program, step.arguments, step.folder, {}};
    if (verbose) command.listen = write_through;
    TRINITY_TRY(checkout::ChildOutcome outcome, checkout::run_child(command));
    return checkout::StepRun{outcome.exit_status, std::move(outcome.tail), outcome.duration_ms,
                             outcome.interrupted};
  };
}

Status verdict(const checkout::GateReport& report) {
  if (report.ok()) return {};
  std::string what =
      fmt::format("trinity.gates: blocking gate(s) failed: {}", fmt::join(report.failed(), ", "));
  if (!report.interrupted.empty())
    what = fmt::format("trinity.gates: interrupted during {}", report.interrupted);
  return fail(ErrorKind::failed, "gates_failed", what);
}

Result<int> gates(const GatesFlags& flags) {
  const std::filesystem::path checkout =
      flags.source.empty() ? flags::repository_root() : std::filesystem::path(flags.source);
  TRINITY_TRY(const std::vector<checkout::GateStep> steps,
              checkout::gate_steps(checkout, flags.choice));
  TRINITY_CHECK(terminal::check_outputs({{"--summary-out", flags.summary_out}},
                                        {{"--python-report", flags.choice.python_report},
                                         {"--our-report", flags.choice.our_report}}));
  terminal::Output output;
  // A reader that leaves must not end the steps: what it would have read is in the summary.
  const auto tell = [&](const checkout::StepOutcome& one) {
    if (flags.json) return write_through(checkout::step_lines(one));
    Status told = output.write(checkout::step_lines(one));
    if (told) told = output.flush();
    static_cast<void>(told);
  };
  const checkout::GateReport report =
      checkout::run_gates(steps, flags.choice, runner_of(flags), tell);

  const Json summary = checkout::gate_summary(report);
  const Status printed =
      terminal::print(flags.json ? wire::json_line(summary)
                                 : render_text(checkout::gates_document(report),
                                               terminal::style_for(STDOUT_FILENO)));
  Status filed;
  if (!flags.summary_out.empty())
    filed = terminal::write_output(flags.summary_out, json_text(summary, 2) + "\n");
  return terminal::conclude(verdict(report), {printed, filed});
}

void declare(command_line::Command& command, GatesFlags& flags) {
  checkout::GateChoice& choice = flags.choice;
  command
      .value("--source", flags.source,
             "source checkout (without it: the one around the working directory)")
      .takes("DIR");
  command.toggle("--fast", choice.fast, "leave out the slow steps: analyzer and docs");
  command.toggle("--skip-dialyzer,--skip-analyzer", choice.skip_analyzer, "leave out the analyzer");
  command.toggle("--skip-docs", choice.skip_docs, "leave out the check of the documentation");
  command.toggle("--include-parity-check", choice.parity_check,
                 "compare two parity reports too; blocking");
  command
      .value("--python-report", choice.python_report,
             "parity report of the Python side, for --include-parity-check")
      .takes("FILE")
      .used_when([&choice] { return choice.parity_check; }, "needs --include-parity-check");
  command
      .value("--our-report,--elixir-report", choice.our_report,
             "parity report of our side, for --include-parity-check")
      .takes("FILE")
      .used_when([&choice] { return choice.parity_check; }, "needs --include-parity-check");
  command.toggle("--include-hex-build,--include-package", choice.package,
                 "install into an empty prefix and build the examples against it, too; advisory");
  command.value("--summary-out", flags.summary_out, "JSON summary to write")
      .takes("FILE")
      .no_environment();
  command.toggle("--verbose", flags.verbose,
                 "pass what the steps say to standard error as it comes");
  command.json(flags.json, "the summary on standard output instead of a table");
  command.notes(
      "Steps: format, compile (warnings are errors), test, lint, analyzer, docs, and on demand\n"
      "parity_check and package. After a blocking step has failed the later ones are skipped.\n"
      "Ends with status 1 when one failed. Known elsewhere as trinity.gates.\n\n"
      "Examples:\n"
      "  trinity gates --fast\n"
      "  trinity gates --include-package --summary-out gates.json");
}

}  // namespace

void add_gates(command_line::Command& commands) {
  add_command(commands, "gates",
              "Run every check of a source checkout: format, build, tests, lint, docs", declare,
              gates);
}

}  // namespace trinity::cli
