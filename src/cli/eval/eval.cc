// trinity eval: routes a set of cases on one or more lanes, judges every decision, and reports.
#include <fmt/format.h>
#include <unistd.h>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/eval/eval_flags.h"
#include "cli/eval/eval_lane.h"
#include "prove/eval/report.h"
#include "report/render_html.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

Result<int> list_cases(const EvalFlags& flags) {
  TRINITY_TRY(const prove::EvalCaseSet set, cases_of(flags));
  terminal::Output output;
  if (flags.json) {
    Json cases = Json::array();
    for (const prove::EvalCase& one : set.cases)
      cases.push_back(
          {{"id", one.id},
           {"messages", one.messages.size()},
           {"expected", {{"agent_id", one.expected_agent}, {"role_id", one.expected_role}}},
           {"tags", one.tags},
           {"notes", one.notes}});
    TRINITY_CHECK(output.write(wire::json_line({{"cases_from", set.origin}, {"cases", cases}})));
  } else {
    TRINITY_CHECK(output.write(
        render_text(prove::case_list_section(set), terminal::style_for(STDOUT_FILENO))));
  }
  TRINITY_CHECK(output.flush());
  return 0;
}

/// All lanes under `lanes`, whatever their number; beside it the first one's record, for readers
/// who know one lane.
Json record_of(const std::vector<prove::LaneReport>& lanes, const prove::EvalBaseline& baseline,
               bool with_logits) {
  Json record = prove::lane_record(lanes.front(), with_logits);
  record["comparison"] = lanes.size() > 1 ? prove::baseline_record(baseline, lanes) : Json(nullptr);
  record["lanes"] = Json::array();
  for (const prove::LaneReport& lane : lanes)
    record["lanes"].push_back(prove::lane_record(lane, with_logits));
  return record;
}

prove::LaneSectionOptions shown_of(const EvalFlags& flags) {
  return {flags.verbose, flags.show_logits, flags.record_floors};
}

Status print_lane(const EvalFlags& flags, const prove::LaneReport& lane) {
  return terminal::print(
      render_text(prove::lane_section(lane, shown_of(flags)), terminal::style_for(STDOUT_FILENO)));
}

/// "qwen_router_prompt_eval failed cases=a,b"; with several lanes the profiles are named.
Status verdict(const std::vector<prove::LaneReport>& lanes) {
  std::string text;
  for (const prove::LaneReport& lane : lanes) {
    const std::vector<std::string> ids = lane.summary().failed_ids;
    if (ids.empty()) continue;
    if (!text.empty()) text += "; ";
    if (lanes.size() > 1) text += lane.profile.shown_name() + " ";
    text += fmt::format("cases={}", fmt::join(ids, ","));
  }
  if (text.empty()) return {};
  return fail(ErrorKind::invalid_input, "prompt_eval_failed",
              "qwen_router_prompt_eval failed " + text);
}

/// What is written, and that every lane exists: told before the work of the first.
Status check_places(const EvalFlags& flags) {
  std::vector<terminal::NamedPath> outputs = {{"--report", flags.report}};
  for (const std::string& name : lanes_of(flags)) {
    TRINITY_TRY(const router::RuntimeProfile profile, router::resolve_profile(name));
    if (!flags.snapshot_out.empty())
      outputs.push_back({"--snapshot-out", snapshot_out_of(flags, profile.shown_name())});
  }
  std::vector<terminal::NamedPath> inputs = flags::model_inputs(flags.model);
  inputs.push_back({"--cases", flags.cases});
  inputs.push_back({"--snapshot", flags.snapshot});
  return terminal::check_outputs(outputs, inputs);
}

/// The first failure of several deliveries is the one to tell.
void keep_first(Status& first, Status next) {
  if (first) first = std::move(next);
}

Result<int> evaluate(const EvalFlags& flags) {
  if (!flags.determinism_child.empty()) {
    TRINITY_CHECK(print_route_prints(flags, flags.determinism_child));
    return 0;
  }
  if (flags.list_cases) return list_cases(flags);
  TRINITY_CHECK(check_eval_flags(flags));
  TRINITY_CHECK(check_places(flags));
  TRINITY_TRY(prove::EvalCaseSet cases, cases_of(flags));
  TRINITY_CHECK(rung_choice(flags));  // a wrong name is told before the work
  const auto set = std::make_shared<const prove::EvalCaseSet>(std::move(cases));
  std::vector<prove::LaneReport> lanes;
  // A named oracle has its say on every lane before any is printed.
  const bool held_to_oracle = !flags.oracle.empty() && !flags.no_assert;
  Status evaluated, printed, filed;
  for (const std::string& profile : lanes_of(flags)) {
    auto lane = evaluate_lane(flags, profile, set);
    if (!lane) {  // what the lanes before it gave is told all the same
      evaluated = tl::unexpected(std::move(lane.error()));
      break;
    }
    lanes.push_back(std::move(*lane));
    if (!flags.json && !held_to_oracle && printed) printed = print_lane(flags, lanes.back());
    if (!flags.snapshot_out.empty()) keep_first(filed, write_lane_snapshot(flags, lanes.back()));
  }
  if (lanes.empty()) return tl::unexpected(std::move(evaluated.error()));
  const prove::EvalBaseline baseline = prove::choose_baseline(lanes, flags.oracle);
  if (held_to_oracle) {
    for (prove::LaneReport& lane : lanes) {
      if (evaluated) prove::hold_to(baseline, lane);  // else the oracle may be missing
      if (!flags.json && printed) printed = print_lane(flags, lane);
    }
  }
  if (flags.json)
    printed = terminal::print(wire::json_line(record_of(lanes, baseline, flags.show_logits)));
  else if (printed && lanes.size() > 1)
    printed = terminal::print(render_text(prove::comparison_section(baseline, lanes),
                                          terminal::style_for(STDOUT_FILENO)));
  if (!flags.report.empty())
    keep_first(filed, terminal::write_output(
                          flags.report, render_html(prove::eval_document(
                                            lanes, {flags.oracle, version_text(),
                                                    prove::timestamp_now(), shown_of(flags)}))));
  return terminal::conclude(evaluated ? verdict(lanes) : evaluated, {printed, filed});
}

void declare(command_line::Command& command, EvalFlags& flags) {
  declare_eval_flags(command, flags);
  command.notes(
      "A case fails when agent or role is not as expected, a margin lies under its floor, or the\n"
      "snapshot has another agent, role, token count or transcript. Exit status 1 if any "
      "failed.\n\n"
      "Examples:\n"
      "  trinity eval\n"
      "  trinity eval --profile cpu_bf16 --oracle reference --determinism-rungs "
      "process,restart,batch "
      "\\\n"
      "      --report eval.html\n"
      "  trinity eval --cases cases.json --model Qwen3-0.6B --head router_head.safetensors \\\n"
      "      --snapshot-out snapshot.json --record-floors");
}

}  // namespace

void add_eval(command_line::Command& commands) {
  add_command(commands, "eval", "Judge the router's decisions over a set of cases", declare,
              evaluate);
}

}  // namespace trinity::cli
