// trinity trace: one conversation from transcript to logits, compared with another implementation.
#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/try.h"
#include "cli/commands.h"
#include "flags/model_flags.h"
#include "interchange/router_trace.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kLargestReport = std::size_t{64} << 20;

struct TraceFlags {
  flags::ModelFlags model;
  std::string python_report, out, message = "What is 6 times 7? Explain briefly.";
  interchange::RouterTraceTolerances tolerances;
  bool json = false;
};

/// Status 1 of the command, with the checks that failed by name.
Status verdict(const Json& report, std::int64_t failed) {
  if (failed == 0) return {};
  std::string names;
  for (const auto& check : report["comparison"]["checks"])
    if (!check["passed"].as_bool())
      names += (names.empty() ? "" : ", ") + check["name"].as_string();
  return fail(ErrorKind::invalid_input, "router_trace_mismatch",
              fmt::format("router trace comparison failed_required={}: {}", failed, names));
}

/// What is shown when the report itself goes to a file.
std::string summary(const Json& report, std::int64_t failed) {
  std::string text = "\n=== TRINITY SAKANA ROUTER TRACE ===\n";
  for (const char* name : {"argmax_agent_id", "argmax_role_id", "role_name", "token_ids_sha256"})
    text += fmt::format("{}: {}\n", name, json_text(report[name]));
  if (failed == 0) text += "=== TRINITY SAKANA ROUTER TRACE: PASS ===\n";
  return text;
}

Result<int> trace(const TraceFlags& flags) {
  std::vector<terminal::NamedPath> inputs = flags::model_inputs(flags.model);
  inputs.push_back({"--python-report", flags.python_report});
  TRINITY_CHECK(terminal::check_outputs({{"--out", flags.out}}, inputs));
  Json theirs;
  if (!flags.python_report.empty()) {
    TRINITY_TRY(const std::string text, read_text_file(flags.python_report, kLargestReport));
    TRINITY_TRY(theirs, parse_json(text));
  }
  TRINITY_TRY(const Router router, flags::load_router(flags.model, true));
  const std::vector<Message> messages = {{"user", flags.message}};
  const std::vector<QueryView> queries = {messages};
  InputOptions reading;
  reading.prefix_cache = false;
  TRINITY_TRY(const Extraction read, std::move(router.extract_batch(queries, reading).front()));
  TRINITY_TRY(const std::vector<float> logits, router.logits(read.hidden));

  interchange::RouterTraceInput input;
  input.artifact_dir = flags.model.bundle.string();
  if (!flags.model.bundle.empty()) {
    TRINITY_TRY(input.artifact_manifest_sha256, sha256_file(flags.model.bundle / "manifest.json"));
  }
  input.messages = messages;
  input.transcript = read.text;
  input.ids = read.ids;
  input.hidden_index = read.hidden_index;
  input.hidden = read.hidden;
  input.head = router.head().value_or(HeadView());
  input.logits = logits;
  input.notes = {
      fmt::format("profile {}, backend {}", router.info().profile, router.info().backend)};
  TRINITY_TRY(Json report, interchange::router_trace(input));

  std::int64_t failed = 0;
  if (!flags.python_report.empty()) {
    report["comparison"] = interchange::compare_router_traces(theirs, report, flags.tolerances);
    failed = report["comparison"]["failed_required"].as_int64();
  }
  const std::string text = json_text(report, 2) + "\n";
  const Status printed = terminal::print(flags.json          ? wire::json_line(report)
                                         : flags.out.empty() ? text
                                                             : summary(report, failed));
  const Status filed = flags.out.empty() ? Status() : terminal::write_output(flags.out, text);
  return terminal::conclude(verdict(report, failed), {printed, filed});
}

void add_alignment(command_line::Command& command, const std::string& what,
                   interchange::AlignmentTolerances& limits) {
  const std::string shown = ", shown only", group = "Tolerances";
  command.value(fmt::format("--{}-max-abs", what), limits.max_abs, "absolute error" + shown)
      .shows_default()
      .in(group);
  command.value(fmt::format("--{}-mean-abs", what), limits.mean_abs, "mean absolute error" + shown)
      .shows_default()
      .in(group);
  command.value(fmt::format("--{}-min-cosine", what), limits.min_cosine, "least cosine")
      .shows_default()
      .in(group);
  command
      .value(fmt::format("--{}-max-relative-l2", what), limits.max_relative_l2,
             "largest relative L2 distance")
      .shows_default()
      .in(group);
}

void declare(command_line::Command& command, TraceFlags& flags) {
  flags::add_model_flags(command, flags.model);
  flags::add_tokenizer_flag(command, flags.model.tokenizer);
  flags::add_head_flag(command, flags.model.head);
  flags::add_adaptation_flags(command, flags.model);
  command.value("--artifact-dir", flags.model.bundle, "the same as --bundle")
      .takes("DIR")
      .excludes("--bundle")
      .hidden();
  command.value("--runtime-profile", flags.model.profile, "the same as --profile")
      .takes("NAME")
      .excludes("--profile")
      .hidden();
  command.value("--message", flags.message, "what the user says").takes("TEXT").shows_default();
  command
      .value("--python-report", flags.python_report,
             "router trace of another implementation to compare with")
      .takes("FILE");
  command.value("--out", flags.out, "report to write (without it: standard output)")
      .takes("FILE")
      .no_environment();
  add_alignment(command, "hidden", flags.tolerances.hidden);
  add_alignment(command, "logits", flags.tolerances.logits);
  command.json(flags.json, "the record as one JSON object, also beside --out");
  add_trace_show(command);
  command.notes(
      "Without a subcommand: the router's own trace, of one conversation and no pool. Traces of\n"
      "runs, which `trinity ask --trace` writes, are shown by `trinity trace show`.\n\n"
      "Ends with status 1 when one of the 11 checks fails. Known elsewhere as\n"
      "trinity.sakana.router_trace.\n\n"
      "Example:\n  trinity trace --model Qwen3-0.6B --bundle bundle --python-report theirs.json "
      "\\\n"
      "      --out ours.json");
}

}  // namespace

void add_trace(command_line::Command& commands) {
  add_command(commands, "trace",
              "Record how one conversation becomes logits, step by step; compare records. `trace "
              "show`: the story of a run",
              declare, trace);
}

}  // namespace trinity::cli
