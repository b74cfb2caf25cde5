#include "flags/loop_flags.h"

#include <cmath>

#include "base/try.h"
#include "flags/selection_flags.h"
#include "route/selection.h"

namespace trinity::flags {
namespace {

using coordinate::LoopProfile;

constexpr double kMostSeconds = 1e7;

/// Rounded up: a budget of 0.0001 s is not one of nothing.
std::optional<std::int64_t> milliseconds(const std::optional<double>& seconds) {
  if (!seconds) return std::nullopt;
  return static_cast<std::int64_t>(std::ceil(*seconds * 1000));
}

void add_budgets(command_line::Command& command, LoopFlags& flags,
                 const std::function<bool()>& runs, const std::string& otherwise) {
  constexpr const char* group = "Budgets";
  command.value("--max-turns", flags.max_turns, "turns of the run")
      .takes("N")
      .range(1, 1000)
      .shows_default()
      .used_when(runs, otherwise)
      .in(group);
  command.value("--max-calls", flags.max_calls, "calls of members")
      .takes("N")
      .at_least(0)
      .used_when(runs, otherwise)
      .in(group);
  command.value("--max-revisions", flags.max_revisions, "answers that a Verifier sends back")
      .takes("N")
      .at_least(0)
      .used_when(runs, otherwise)
      .in(group);
  command.value("--max-seconds", flags.max_seconds, "time of the whole run")
      .takes("S")
      .range(0, kMostSeconds)
      .used_when(runs, otherwise)
      .in(group);
  command.value("--max-call-seconds", flags.max_call_seconds, "time of a call")
      .takes("S")
      .range(0, kMostSeconds)
      .used_when(runs, otherwise)
      .in(group);
  command
      .value("--max-cost-usd", flags.max_cost_usd,
             "money, as far as the prices of the members are known")
      .takes("USD")
      .at_least(0)
      .used_when(runs, otherwise)
      .in(group);
}

void add_choosing(command_line::Command& command, LoopFlags& flags,
                  const std::function<bool()>& runs, const std::string& otherwise) {
  constexpr const char* group = "Selection";
  const auto add_mode = [&](const char* name, std::optional<SelectionMode>& target) {
    command
        .choice(name, target,
                {SelectionMode::argmax, SelectionMode::softmax, SelectionMode::sample},
                selection_mode_name,
                "argmax, softmax or sample (without it: argmax; sample with --loop author)")
        .takes("MODE")
        .used_when(runs, otherwise)
        .in(group);
  };
  command
      .choice("--input-mode", flags.input_mode,
              {InputMode::plain, InputMode::chat, InputMode::chat_raw}, input_mode_name,
              "how the router reads messages: plain, chat or chat_raw (without it: plain; chat_raw "
              "with --loop author)")
      .takes("MODE")
      .used_when(runs, otherwise)
      .in(group);
  add_mode("--agent-selection", flags.agent_selection);
  add_mode("--role-selection", flags.role_selection);
  const auto mode = [&flags](const std::optional<SelectionMode>& given) {
    return given.value_or(flags.loop == LoopProfile::author ? SelectionMode::sample
                                                            : SelectionMode::argmax);
  };
  command.value("--temperature", flags.temperature, "of softmax and sample")
      .takes("T")
      .above(0)
      .shows_default()
      .used_when(
          [&flags, mode] {
            return mode(flags.agent_selection) != SelectionMode::argmax ||
                   mode(flags.role_selection) != SelectionMode::argmax;
          },
          "shapes the softmax; it needs --agent-selection or --role-selection softmax or sample, "
          "or --loop author")
      .in(group);
  add_seed_flag(command, flags.seed,
                "of sample: an integer, or three as 1,2,3 (without it: a fresh one, recorded)")
      .used_when(
          [&flags, mode] {
            return mode(flags.agent_selection) == SelectionMode::sample ||
                   mode(flags.role_selection) == SelectionMode::sample;
          },
          "seeds the draws; it needs --agent-selection or --role-selection sample, or --loop "
          "author")
      .in(group);
}

}  // namespace

void add_loop_flags(command_line::Command& command, LoopFlags& flags,
                    const std::function<bool()>& runs, const std::string& otherwise) {
  command
      .choice("--loop", flags.loop,
              {LoopProfile::safe, LoopProfile::reference, LoopProfile::author},
              coordinate::loop_profile_name,
              "rules of the loop: safe (a Verifier only once there is an answer, and the answer "
              "survives whatever fails behind it), reference (as published) or author (as in the "
              "authors' code)")
      .takes("PROFILE")
      .shows_default()
      .used_when(runs, otherwise)
      .in("Run");
  command
      .value("--prompts", flags.prompts,
             "folder of prompts that replace built-in ones, file by file: worker.md, thinker.md, "
             "verifier.md, …")
      .takes("DIR")
      .used_when(runs, otherwise)
      .in("Run");
  add_budgets(command, flags, runs, otherwise);
  add_choosing(command, flags, runs, otherwise);
}

Result<coordinate::LoopOptions> loop_options(const LoopFlags& flags) {
  coordinate::LoopOptions options = coordinate::default_options(flags.loop);
  options.max_turns = flags.max_turns;
  if (!flags.prompts.empty()) {
    TRINITY_TRY(options.prompts, coordinate::RolePrompts::load(flags.prompts));
  }
  options.budgets.max_wall_time_ms = milliseconds(flags.max_seconds);
  options.budgets.max_provider_calls = flags.max_calls;
  options.budgets.max_provider_latency_ms = milliseconds(flags.max_call_seconds);
  options.budgets.max_verifier_revisions = flags.max_revisions;
  options.budgets.max_estimated_cost_usd = flags.max_cost_usd;
  if (flags.input_mode) options.input_mode = *flags.input_mode;
  if (flags.agent_selection) options.rule.agent_selection = *flags.agent_selection;
  if (flags.role_selection) options.rule.role_selection = *flags.role_selection;
  options.rule.temperature = flags.temperature;
  options.rule.seed = flags.seed;
  return options;
}

void add_trace_flags(command_line::Command& command, TraceFlags& flags,
                     const std::function<bool()>& runs, const std::string& otherwise) {
  command
      .value("--trace", flags.trace,
             "file to append the events of the run to, without any text of it (see `trinity trace "
             "show`)")
      .takes("FILE")
      .no_environment()
      .used_when(runs, otherwise)
      .in("Output");
  const auto traces = [&flags] { return !flags.trace.empty(); };
  command
      .value("--trace-max-mib", flags.max_mib,
             "size at which the file is renamed to FILE.1 and begun anew (0: never)")
      .takes("MIB")
      .range(0, 1e9)
      .shows_default()
      .used_when(traces, "is the size of a trace; it needs --trace")
      .in("Output");
  command
      .toggle("--trace-messages", flags.messages,
              "record the text that the router reads too, which `trinity replay` needs; without it "
              "a trace holds no text")
      .used_when(traces, "is content of a trace; it needs --trace")
      .in("Output");
  command.value("--trace-files", flags.kept_files, "renamed files that are kept")
      .takes("N")
      .range(0, 10'000)
      .shows_default()
      .used_when(traces, "is for traces; it needs --trace")
      .in("Output");
}

Result<std::shared_ptr<trace::Sink>> open_trace(const TraceFlags& flags) {
  if (flags.trace.empty()) return std::shared_ptr<trace::Sink>();
  trace::JsonlOptions options;
  options.path = flags.trace;
  options.max_bytes = static_cast<std::uint64_t>(flags.max_mib * 1024 * 1024);
  options.kept_files = flags.kept_files;
  TRINITY_TRY(std::shared_ptr<trace::JsonlSink> sink, trace::JsonlSink::open(std::move(options)));
  return std::shared_ptr<trace::Sink>(std::move(sink));
}

}  // namespace trinity::flags
