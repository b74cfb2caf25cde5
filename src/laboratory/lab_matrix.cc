// trinity lab matrix: all lanes against all, operation by operation, layer by layer, decision by
// decision.
#include <fmt/format.h>
#include <trinity/version.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/try.h"
#include "command_line/add_command.h"
#include "laboratory/lab_commands.h"
#include "prove/eval/cases.h"
#include "prove/eval/snapshot.h"
#include "prove/matrix/report.h"
#include "report/render_html.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/progress.h"
#include "terminal/terminal.h"
#include "text/router_input.h"
#include "wire/json_writer.h"

namespace trinity::laboratory {
namespace {

struct MatrixFlags {
  LabFlags lab;
  std::string cases, report;
  std::int64_t seed = 1;
  std::int64_t layer_tokens = 64;
  int runs = 3;
  bool thorough = false, ops_only = false, json = false;
};

Result<std::vector<prove::MatrixCase>> matrix_cases(const MatrixFlags& flags,
                                                    const LabModel& model) {
  if (flags.cases.empty() && !flags.lab.model.empty())
    return fail(ErrorKind::usage, "cases_needed",
                "the built-in cases are made for the tiny router; name cases for --model with "
                "--cases FILE");
  TRINITY_TRY(const prove::EvalCaseSet set, flags.cases.empty()
                                                ? prove::built_in_eval_cases()
                                                : prove::load_eval_cases(flags.cases));
  std::vector<prove::MatrixCase> cases;
  for (const prove::EvalCase& one : set.cases) {
    auto input = text::build_router_input(model.tokenizer, one.messages);
    if (!input) return fail_in("case " + one.id, input.error());
    cases.push_back({one.id, std::move(input->ids)});
  }
  if (cases.empty())
    return fail(ErrorKind::invalid_input, "invalid_eval_cases", "the set has no cases");
  return cases;
}

Status verdict(const prove::MatrixReport& report) {
  if (report.passed()) return {};
  return fail(ErrorKind::invalid_input, "lanes_disagree",
              fmt::format("lanes_disagree: {}; the table shows where", prove::blame_text(report)));
}

/// The begin of the longest case: the most positions for the fewest tokens.
std::vector<int32_t> layer_input(std::span<const prove::MatrixCase> cases, std::int64_t tokens) {
  const auto longest = std::max_element(cases.begin(), cases.end(),
                                        [](const prove::MatrixCase& a, const prove::MatrixCase& b) {
                                          return a.ids.size() < b.ids.size();
                                        });
  const auto count = std::min(longest->ids.size(), static_cast<std::size_t>(tokens));
  return {longest->ids.begin(), longest->ids.begin() + static_cast<std::ptrdiff_t>(count)};
}

Result<int> matrix(const MatrixFlags& flags) {
  std::vector<terminal::NamedPath> inputs = flags::model_inputs(flags.lab);
  inputs.push_back({"--cases", flags.cases});
  TRINITY_CHECK(terminal::check_outputs({{"--report", flags.report}}, inputs));
  prove::MatrixReport report;
  TRINITY_TRY(report.lanes, lanes_of(flags.lab));
  // What is wrong with files is told before the work.
  std::optional<LabModel> model;
  std::vector<prove::MatrixCase> cases;
  if (flags.ops_only &&
      std::any_of(inputs.begin(), inputs.end(),
                  [](const terminal::NamedPath& input) { return !input.path.empty(); }))
    terminal::note("--ops-only compares operations on generated inputs; no model is read");
  if (!flags.ops_only) {
    TRINITY_TRY(model, open_lab_model(flags.lab));
    TRINITY_TRY(cases, matrix_cases(flags, *model));
    report.model_name = model->name;
  }
  {
    terminal::ProgressBar bar("operations");
    TRINITY_TRY(report.ops,
                prove::compare_operations(report.lanes.lanes, static_cast<uint64_t>(flags.seed),
                                          flags.thorough, terminal::shown_by(bar)));
  }
  if (model) {
    terminal::ProgressBar bar("layers and decisions");
    TRINITY_TRY(report.model,
                prove::compare_models(
                    report.lanes.lanes, {model->config, *model->tensors, model->head}, cases,
                    {layer_input(cases, flags.layer_tokens), flags.runs, terminal::shown_by(bar)}));
  }
  // The published cases are those of the embedded router; another model is compared in operations.
  const bool with_cases = model && flags.lab.model.empty();
  terminal::ProgressBar bar("published bits");
  std::uint64_t compared = 0;
  for (const prove::MatrixLane& lane : report.lanes.lanes) {
    bar.update(compared++, report.lanes.lanes.size());
    if (lane.exactness != backend::Exactness::exact) continue;
    TRINITY_TRY(report.exact.emplace_back(),
                prove::compare_with_published(
                    lane, with_cases ? prove::CaseFilter() : prove::CaseFilter(prove::no_cases)));
  }
  bar.clear();
  const report::Document document =
      prove::matrix_document(report, {"trinity " TRINITY_VERSION, prove::timestamp_now()});
  const Status printed =
      terminal::print(flags.json ? wire::json_line(prove::matrix_record(report))
                                 : render_text(document, terminal::style_for(STDOUT_FILENO)));
  Status filed;
  if (!flags.report.empty()) filed = terminal::write_output(flags.report, render_html(document));
  return terminal::conclude(verdict(report), {printed, filed});
}

void declare(command_line::Command& command, MatrixFlags& flags) {
  add_lab_flags(command, flags.lab);
  command.value("--cases", flags.cases, "eval cases to decide (without it: the built-in ones)")
      .takes("FILE")
      .used_when([&flags] { return !flags.ops_only; }, "is for a model; --ops-only runs none");
  command.value("--seed", flags.seed, "seed of the generated inputs").takes("N").shows_default();
  command.toggle("--thorough", flags.thorough, "more shapes");
  command.toggle("--ops-only", flags.ops_only, "only the operations, no model");
  command
      .value("--layer-tokens", flags.layer_tokens,
             "tokens of the input that is followed through the layers")
      .takes("N")
      .at_least(1)
      .shows_default()
      .used_when([&flags] { return !flags.ops_only; }, "is for a model; --ops-only runs none");
  command.value("--runs", flags.runs, "timed passes over the cases")
      .takes("N")
      .range(1, 1000)
      .shows_default()
      .used_when([&flags] { return !flags.ops_only; }, "is for a model; --ops-only runs none");
  command.json(flags.json, "one JSON object instead of tables");
  command.value("--report", flags.report, "HTML page to write").takes("FILE").no_environment();
  command.notes(
      "Fails when an operation or the hidden states lie outside a profile's tolerances, when a\n"
      "decision flips whose margin is not under the profile's floor, or when the bits of an exact\n"
      "profile are not the published ones.\n\n"
      "Example:\n  trinity lab matrix --profiles reference,cpu_f32,cpu_bf16 --report matrix.html");
}

}  // namespace

void add_lab_matrix(command_line::Command& lab) {
  add_command(lab, "matrix", "Compare all profiles: operations, layers, decisions", declare,
              matrix);
}

}  // namespace trinity::laboratory
