// trinity replay: recorded traffic decided anew by another router, pool or rule.
#include "replay/replay.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/printable.h"
#include "base/try.h"
#include "cli/commands.h"
#include "flags/model_flags.h"
#include "flags/selection_flags.h"
#include "provider/pool_file.h"
#include "report/render_html.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/progress.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct ReplayFlags {
  flags::ModelFlags model;
  std::vector<std::string> traces;
  std::filesystem::path pool, report;
  InputOptions reading;
  std::optional<InputMode> input_mode;
  flags::ChangedSelection selection;
  double threshold = 0;
  std::optional<double> fail_above;
  bool json = false;
};

/// Errors: those of visit_trace_files, `not_a_trace`.
Status read_trace(const std::string& file, replay::Replay& work, terminal::ProgressBar& bar) {
  std::size_t events = 0;
  std::optional<trace::TraceFault> first;
  trace::TraceVisitor visitor;
  visitor.event = [&](const Json& event) {
    ++events;
    return work.take(event);
  };
  visitor.fault = [&](trace::TraceFault fault) {
    if (!first) first = fault;
    work.note(std::move(fault));
  };
  visitor.progress = terminal::shown_by(bar);
  TRINITY_CHECK(trace::visit_trace_files(file, visitor));
  if (events > 0) return {};
  return fail(
      ErrorKind::invalid_input, "not_a_trace",
      fmt::format("{} holds no event{}; name a file that --trace of `trinity ask` or "
                  "`trinity serve` wrote",
                  printable(file, 200),
                  first ? fmt::format(" (line {}: {})", first->line, first->error.message) : ""));
}

Status verdict_of(const ReplayFlags& flags, const replay::ReplayResults& results) {
  if (!flags.fail_above) return {};
  if (results.turns.empty())
    return fail(ErrorKind::failed, "nothing_replayed",
                "no decision of the traces could be compared, so --fail-above says nothing of "
                "them; record with --trace-messages");
  if (results.changed_fraction() <= *flags.fail_above) return {};
  return fail(ErrorKind::failed, "too_many_changes",
              fmt::format("{} of {} decisions would change, more than the share of {} that "
                          "--fail-above allows",
                          results.changed(), results.turns.size(), *flags.fail_above));
}

Result<int> run_replay(const ReplayFlags& flags) {
  std::vector<terminal::NamedPath> inputs = flags::model_inputs(flags.model);
  inputs.push_back({"--pool", flags.pool});
  for (const std::string& file : flags.traces) inputs.push_back({"trace", file});
  TRINITY_CHECK(terminal::check_outputs({{"--report", flags.report}}, inputs));
  std::optional<provider::PoolConfig> pool;
  if (!flags.pool.empty()) {
    TRINITY_TRY(pool, provider::read_pool_file(flags.pool));
  }
  TRINITY_TRY(const Router router, flags::load_router(flags.model, true));
  replay::ReplayOptions options;
  options.router = &router;
  options.pool = pool ? &*pool : nullptr;
  options.reading = flags.reading;
  options.input_mode = flags.input_mode;
  options.agent_selection = flags.selection.agent_selection;
  options.role_selection = flags.selection.role_selection;
  options.temperature = flags.selection.temperature;
  options.seed = flags.selection.seed;
  options.threshold = flags.threshold;
  TRINITY_TRY(replay::Replay work, replay::Replay::begin(std::move(options)));
  terminal::ProgressBar bar("replaying");
  for (const std::string& file : flags.traces) TRINITY_CHECK(read_trace(file, work, bar));
  bar.clear();
  TRINITY_TRY(const replay::ReplayResults results, work.finish());
  const std::string model =
      flags::describe_model(router.info(), flags.model.model) +
      (router.info().adaptation.empty() ? "" : " adapted by the " + router.info().adaptation) +
      ", " + router.info().profile;
  const Status verdict = verdict_of(flags, results);
  const report::Document document = replay::replay_document(results, model);
  const Status printed =
      terminal::print(flags.json ? wire::json_line(replay::replay_record(results, model))
                                 : render_text(document, terminal::style_for(STDOUT_FILENO)));
  const Status filed =
      flags.report.empty() ? Status() : terminal::write_output(flags.report, render_html(document));
  return terminal::conclude(verdict, {printed, filed});
}

void declare(command_line::Command& command, ReplayFlags& flags) {
  command
      .words("trace", flags.traces,
             "files that --trace wrote with --trace-messages; those they were rotated to are read "
             "too")
      .takes("TRACE")
      .required();
  flags::add_model_flags(command, flags.model);
  flags::add_tokenizer_flag(command, flags.model.tokenizer);
  flags::add_head_flag(command, flags.model.head);
  flags::add_adaptation_flags(command, flags.model);
  flags::add_prefix_cache_flag(command, flags.model);
  command
      .value("--pool", flags.pool,
             "pool file that is to take over: names, prices and abilities of the members (without "
             "it: the names of the trace, and no prices)")
      .takes("FILE")
      .in("Pool");
  command
      .choice("--input-mode", flags.input_mode,
              {InputMode::plain, InputMode::chat, InputMode::chat_raw}, input_mode_name,
              "how messages become text: plain, chat or chat_raw (without it: as recorded)")
      .takes("MODE")
      .in("Input");
  command
      .toggle("--special", flags.reading.parse_special_tokens,
              "text such as <|im_end|> inside messages becomes its token")
      .in("Input");
  flags::add_changed_selection_flags(command, flags.selection);
  command
      .value("--threshold", flags.threshold,
             "margin that a new choice must have; where it is smaller, the recorded one stays")
      .takes("MARGIN")
      .at_least(0)
      .shows_default()
      .in("Selection");
  command
      .value("--fail-above", flags.fail_above,
             "exit status 1 when a larger share of the decisions changes, from 0 to 1")
      .takes("FRACTION")
      .range(0, 1);
  command.value("--report,--html", flags.report, "HTML page to write")
      .takes("FILE")
      .no_environment()
      .in("Output");
  command.json(flags.json, "a JSON object instead of text for people").in("Output");
  command.notes(
      "Nobody is asked and nothing is paid: each recorded turn is decided from what its router\n"
      "had read. Turns behind a changed one are those that happened. Traces hold no text unless\n"
      "they are recorded with --trace-messages; turns without are counted and named.\n\n"
      "Example:\n"
      "  trinity serve --trace runs.jsonl --trace-messages\n"
      "  trinity replay runs.jsonl --model Qwen3-0.6B --bundle new --pool new.toml \\\n"
      "      --fail-above 0.05 --report replay.html");
}

}  // namespace

void add_replay(command_line::Command& commands) {
  add_command(commands, "replay",
              "Decide recorded traffic with another router, and say what would change", declare,
              run_replay);
}

}  // namespace trinity::cli
