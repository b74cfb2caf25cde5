#include "cli/eval/eval_flags.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "prove/eval/snapshot.h"

namespace trinity::cli {
namespace {

constexpr std::string_view kProfileMark = "{profile}";
constexpr const char* kNothingJudged = "is of a run; --list-cases lists the cases and ends";

/// A flag that may be given several times, also with commas.
command_line::Flag add_repeatable(command_line::Command& command, const std::string& name,
                                  std::vector<std::string>& target, const std::string& help) {
  return command.value(name, target, help).commas();
}

void declare_cases(command_line::Command& command, EvalFlags& flags) {
  const auto group = [](command_line::Flag option) { return option.in("Cases"); };
  group(command.value("--cases", flags.cases,
                      "file of cases (without it: the built-in ones, made for the tiny router)"))
      .takes("FILE");
  group(add_repeatable(command, "--case", flags.ids, "only this case; may be given several times"))
      .takes("ID");
  group(command.toggle("--list-cases", flags.list_cases, "list the cases and end"));
  group(
      command.value("--fidelity", flags.fidelity,
                    "reference (plain transcript, argmax) or author (chat template, drawn from the "
                    "softmax)"))
      .takes("MODE")
      .one_of({"reference", "author"});
  group(command.toggle("--special", flags.special,
                       "text such as <|im_end|> inside messages becomes its token"));
  group(command.value("--seed", flags.seed, "seed of the draws of --fidelity author"))
      .takes("N")
      .used_when([&flags] { return flags.fidelity == "author"; },
                 "seeds the draws of --fidelity author; the reference draws nothing");
}

void declare_judging(command_line::Command& command, EvalFlags& flags) {
  const auto judges = [&flags] { return !flags.list_cases; };
  const auto group = [](command_line::Flag option) { return option.in("Judging"); };
  group(
      command.value("--snapshot", flags.snapshot,
                    "snapshot to compare with (without it: that of the profile, see docs/lab.md)"))
      .takes("FILE");
  group(command.value("--snapshot-out", flags.snapshot_out,
                      "write this run as a snapshot; {profile} in the name becomes the profile"))
      .takes("FILE")
      .no_environment()
      .used_when(judges, kNothingJudged);
  const auto not_recorded = [&flags] { return !flags.record_floors; };
  const std::string no_floor = "is a floor; --record-floors judges no margins";
  group(command.value("--min-agent-margin", flags.min_agent_margin,
                      "smallest agent margin (without it: the snapshot's or the profile's floor)"))
      .takes("F")
      .at_least(0)
      .used_when(not_recorded, no_floor);
  group(command.value("--min-role-margin", flags.min_role_margin,
                      "smallest role margin, in the same way"))
      .takes("F")
      .at_least(0)
      .used_when(not_recorded, no_floor);
  group(command.toggle(
      "--record-floors", flags.record_floors,
      "derive margin floors from this run (80 % of the worst margins), print them and "
      "put them into --snapshot-out; margins are then not judged"));
  group(command.toggle("--assert-route-hash", flags.assert_route_hash,
                       "route hashes must equal those of the snapshot (same profile and machine)"));
  group(command.toggle("--no-assert", flags.no_assert, "report findings, fail nothing"));
}

void declare_determinism(command_line::Command& command, EvalFlags& flags) {
  command
      .value("--determinism-runs", flags.determinism_runs, "compute everything N times and compare")
      .takes("N")
      .range(1, 1000)
      .in("Determinism");
  add_repeatable(command, "--determinism-rungs", flags.determinism_rungs,
                 "process (default for N > 1), restart (a new process), batch (other batches, "
                 "threads, cache states); several with commas")
      .takes("LIST")
      .in("Determinism");
}

void declare_output(command_line::Command& command, EvalFlags& flags) {
  const auto group = [](command_line::Flag option) { return option.in("Output"); };
  group(command.toggle("--verbose", flags.verbose,
                       "prompts at length, read position and hashes of every case"));
  group(command.toggle("--show-logits", flags.show_logits, "all logits of every case"));
  group(command.value("--report", flags.report, "write a report to look at, one HTML file"))
      .takes("FILE")
      .no_environment()
      .used_when([&flags] { return !flags.list_cases; }, kNothingJudged);
  group(command.json(flags.json, "one JSON object instead of text for people"));
}

}  // namespace

void declare_eval_flags(command_line::Command& command, EvalFlags& flags) {
  flags::add_model_folder_flag(command, flags.model.model);
  add_repeatable(command, "--profile", flags.profiles,
                 "how to compute, see `trinity profiles`; may be given several times, to compare "
                 "(without it: the default, the same everywhere)")
      .takes("NAME")
      .in("Model");
  flags::add_threads_flag(command, flags.model.threads);
  flags::add_tokenizer_flag(command, flags.model.tokenizer);
  flags::add_head_flag(command, flags.model.head);
  flags::add_adaptation_flags(command, flags.model);
  command.value("--runtime-profile", flags.model.profile, "the same as --profile")
      .excludes("--profile")
      .hidden();
  add_repeatable(command, "--lane", flags.lanes, "the same as --profile").hidden();
  command
      .value("--oracle", flags.oracle,
             "evaluate this profile too; the report compares the others with it")
      .takes("NAME")
      .in("Model");
  declare_cases(command, flags);
  declare_judging(command, flags);
  declare_determinism(command, flags);
  declare_output(command, flags);
  command.toggle("--debug-native-logs", flags.native_logs, "nothing: there are none").hidden();
  command.value("--determinism-child", flags.determinism_child, "internal")
      .hidden()
      .no_environment();
}

Result<RungChoice> rung_choice(const EvalFlags& flags) {
  RungChoice choice;
  if (flags.determinism_rungs.empty()) {
    choice.process = flags.determinism_runs > 1;
    return choice;
  }
  for (const std::string& rung : flags.determinism_rungs) {
    if (rung == "process") {
      choice.process = true;
    } else if (rung == "restart") {
      choice.restart = true;
    } else if (rung == "batch") {
      choice.batch = true;
    } else {
      return fail(ErrorKind::usage, "unknown_rung",
                  fmt::format("there is no determinism rung \"{}\"; valid are process, restart and "
                              "batch",
                              excerpt(rung)));
    }
  }
  return choice;
}

Result<Reading> reading_of(const EvalFlags& flags) {
  Reading reading;
  reading.input.prefix_cache = false;  // every run computes everything
  reading.input.parse_special_tokens = flags.special;
  if (flags.fidelity == "reference") return reading;
  if (flags.fidelity != "author")
    return fail(ErrorKind::usage, "invalid_fidelity",
                fmt::format("there is no fidelity mode \"{}\"; valid are reference and author",
                            excerpt(flags.fidelity)));
  reading.input.input_mode = InputMode::chat;
  reading.input.parse_special_tokens = true;
  reading.rule.agent_selection = SelectionMode::sample;
  reading.rule.role_selection = SelectionMode::sample;
  reading.rule.seed = flags.seed;
  return reading;
}

Result<prove::EvalCaseSet> cases_of(const EvalFlags& flags) {
  auto set =
      flags.cases.empty() ? prove::built_in_eval_cases() : prove::load_eval_cases(flags.cases);
  if (!set) return set;
  return prove::select_eval_cases(std::move(*set), flags.ids);
}

namespace {

/// The profiles to judge; "" is the default, of a call that names none.
std::vector<std::string> named_lanes(const EvalFlags& flags) {
  std::vector<std::string> lanes = flags.profiles;
  if (lanes.empty()) lanes.push_back(flags.model.profile);
  lanes.insert(lanes.end(), flags.lanes.begin(), flags.lanes.end());
  return lanes;
}

}  // namespace

std::vector<std::string> lanes_of(const EvalFlags& flags) {
  std::vector<std::string> lanes = named_lanes(flags);
  if (!flags.oracle.empty()) lanes.push_back(flags.oracle);
  std::vector<std::string> unique;
  for (const std::string& lane : lanes)
    if (std::find(unique.begin(), unique.end(), lane) == unique.end()) unique.push_back(lane);
  // Without --profile the lanes that are named are meant, and not the default beside them.
  if (unique.size() > 1) std::erase(unique, std::string());
  return unique;
}

bool is_judged_lane(const EvalFlags& flags, const std::string& profile) {
  const std::vector<std::string> named = named_lanes(flags);
  return profile != flags.oracle || std::find(named.begin(), named.end(), profile) != named.end();
}

std::string snapshot_out_of(const EvalFlags& flags, const std::string& profile) {
  std::string path = flags.snapshot_out;
  if (const std::size_t mark = path.find(kProfileMark); mark != std::string::npos)
    path.replace(mark, kProfileMark.size(), prove::profile_file_stem(profile));
  return path;
}

Status check_eval_flags(const EvalFlags& flags) {
  if (!flags.snapshot_out.empty() && lanes_of(flags).size() > 1 &&
      flags.snapshot_out.find(kProfileMark) == std::string::npos)
    return fail(ErrorKind::usage, "snapshot_out_needs_profile",
                "several profiles cannot share one --snapshot-out; put {profile} into its name");
  if (flags.cases.empty() && !flags.model.model.empty())
    return fail(ErrorKind::usage, "cases_needed",
                "the built-in cases are made for the tiny router; name cases for --model with "
                "--cases FILE");
  return {};
}

}  // namespace trinity::cli
