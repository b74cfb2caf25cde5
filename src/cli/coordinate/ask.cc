// trinity ask: a question goes through the loop, and every turn is shown as it happens.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>

#include "base/json.h"
#include "base/printable.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "cli/commands.h"
#include "console/run_report.h"
#include "console/turn_view.h"
#include "flags/authority_flags.h"
#include "flags/batches.h"
#include "flags/input_flags.h"
#include "flags/loop_flags.h"
#include "flags/model_flags.h"
#include "flags/pool_flags.h"
#include "flags/records.h"
#include "report/prose.h"
#include "terminal/output_file.h"

namespace trinity::cli {
namespace {

using report::Look;

struct AskFlags {
  flags::ModelFlags model;
  flags::SourceFlags source;
  flags::PoolFlags pool;
  flags::LoopFlags loop;
  flags::TraceFlags trace;
  std::string member;  // asked directly; empty: a run
  bool quiet = false, json = false;
};

/// The conversation of a record. Errors: that of the record, `invalid_record`,
/// `unsupported_content`.
Result<std::vector<Message>> conversation_of(const wire::Record<RouterQuery>& record) {
  if (!record.value) return tl::unexpected<Error>(record.value.error());
  const auto* messages = std::get_if<std::vector<Message>>(&record.value->value);
  if (messages == nullptr)
    return fail(ErrorKind::invalid_input, "invalid_record",
                "a run works on messages; give {\"messages\": [...]} instead of a text or ids");
  for (const Message& message : *messages)
    if (!message.tool_calls.empty() || message.role == "tool")
      return fail(ErrorKind::invalid_input, "unsupported_content",
                  "members are asked without tools here; leave out messages of tools and their "
                  "calls");
  return *messages;
}

class AskCommand {
 public:
  AskCommand(const AskFlags& flags, const provider::Pool& pool)
      : flags_(flags),
        pool_(pool),
        style_(terminal::style_for(STDOUT_FILENO)),
        live_(terminal::is_terminal(STDOUT_FILENO)) {
    around_.pool = flags::is_governed(flags.pool) ? flags.pool.authority.string()
                   : flags.pool.pool.empty()      ? "demo"
                                                  : flags.pool.pool.string();
    around_.loop_profile = coordinate::loop_profile_name(flags.loop.loop);
  }

  /// For runs; without it --member is asked.
  void use_loop(const Router& router, coordinate::LoopOptions options,
                std::shared_ptr<trace::Sink> trace, std::vector<std::string> secrets) {
    router_ = &router;
    loop_ = std::move(options);
    trace_ = std::move(trace);
    secrets_ = std::move(secrets);
    console::fit_loop(loop_, router, pool_);
    around_.tiny_router = router.info().tiny_router;
  }

  Status answer(const wire::Record<RouterQuery>& record) {
    Result<std::vector<Message>> messages = conversation_of(record);
    if (!messages) return refuse(record.origin, messages.error());
    if (shows() && record.origin.line > 0)
      TRINITY_CHECK(output_.write(
          "\n" + paragraph({{fmt::format("line {}", record.origin.line), Look::strong}}, style_)));
    const console::Interruption interruption;
    const Status done = router_ != nullptr ? run(record.origin, std::move(*messages), interruption)
                                           : ask_directly(record.origin, *messages, interruption);
    signal_ = interruption.signal();
    TRINITY_CHECK(done);
    if (signal_ != 0) return fail(ErrorKind::failed, "cancelled", "cancelled");
    return {};
  }

  terminal::Output& output() { return output_; }
  const flags::Tally& tally() const { return tally_; }
  int signal() const { return signal_; }

 private:
  bool shows() const { return !flags_.json && !flags_.quiet; }

  Status refuse(const wire::RecordOrigin& origin, const Error& error) {
    tally_.add_failure(origin, error);
    if (flags_.json) {
      wire::append_record_error(output_.buffer(), origin, error);
    } else if (origin.line > 0 && !flags_.quiet) {
      TRINITY_CHECK(output_.write(
          "\n" + paragraph({{wire::located_message(origin, error), Look::bad}}, style_)));
    }
    return output_.flush();
  }

  Status run(const wire::RecordOrigin& origin, std::vector<Message> messages,
             const console::Interruption& interruption) {
    console::TurnView view(output_, pool_, style_, live_);
    console::RunSetup setup{*router_, pool_, loop_, trace_, secrets_, nullptr, {}};
    setup.trace_messages = flags_.trace.messages;
    if (shows()) {
      setup.listener = &view;
      if (live_) setup.on_worker_text = [&view](std::string_view piece) { view.text(piece); };
    }
    const console::RunEnd end = console::run_conversation(setup, std::move(messages), interruption);
    for (const std::string& warning : end.finished.warnings) terminal::warn(warning);
    const auto& outcome = end.finished.outcome;
    const bool answered = outcome && (outcome->answer || !outcome->text.empty());
    if (end.signal != 0 && !answered) {
      say_spent(end.log->spent(), end.log->was_cut_off());
    } else if (!outcome) {
      tally_.add_failure(origin, outcome.error());
    } else if (!answered) {
      tally_.add_failure(origin, {ErrorKind::failed, "ended_without_response",
                                  "the run ended before a Worker had answered; ask again, or with "
                                  "--loop safe"});
    } else {
      tally_.add_success();
    }
    TRINITY_CHECK(view.state());
    if (flags_.json) return print_record(origin, console::run_record(end, around_));
    if (!flags_.quiet) {
      TRINITY_CHECK(output_.write(console::run_end_text(end, pool_, style_)));
    } else if (answered) {
      TRINITY_CHECK(output_.write(plain_answer(outcome->text)));
    }
    return output_.flush();
  }

  Status ask_directly(const wire::RecordOrigin& origin, const std::vector<Message>& messages,
                      const console::Interruption& interruption) {
    const provider::PoolMember& member = *pool_.find(flags_.member);
    console::FlowingText flowing("  ", 2, style_);
    Status written;
    console::OnText on_text;
    const auto show = [&](const std::string& text) {
      if (written) written = output_.write(text);
      if (written) written = output_.flush();
    };
    if (shows()) show("\n");
    if (shows() && live_) on_text = [&](std::string_view piece) { show(flowing.add(piece)); };
    const Stopwatch watch;
    Result<console::MemberReply> reply = console::call_member(
        pool_, member, {{}, messages, {}, trace::fresh_run_id()}, interruption, on_text);
    const double ms = watch.elapsed_ms();
    const bool cancelled = !reply && interruption.signal() != 0;
    if (cancelled) {
      console::Spent spent;
      spent.calls = 1;
      spent.cost_known = false;
      say_spent(spent, true);
    } else if (!reply) {
      tally_.add_failure(origin, reply.error());
    } else {
      tally_.add_success();
    }
    if (flags_.json)
      return print_record(origin, console::direct_record(reply, member.config, around_, ms));
    if (flags_.quiet) {
      if (reply) TRINITY_CHECK(output_.write(plain_answer(reply->answer.text)));
      return output_.flush();
    }
    if (reply && !live_) show(flowing.add(reply->answer.text));
    show(flowing.finish());
    if (!reply) return written;
    const coordinate::Answer& answer = reply->answer;
    show("\n" +
         (reply->cut ? paragraph({{"its limit of tokens ended this text", Look::warn}}, style_)
                     : std::string()) +
         paragraph({{fmt::format("{}, asked directly: nobody chose or checked; {}",
                                 printable(label_of(member.config), 60),
                                 console::spent_text(answer.usage.value_or(coordinate::Usage()),
                                                     answer.cost_usd, ms)),
                     Look::faint}},
                   style_));
    return written;
  }

  static std::string label_of(const provider::MemberConfig& config) {
    return config.model == config.name ? config.name
                                       : fmt::format("{} ({})", config.name, config.model);
  }

  /// For a terminal made harmless; a file or pipe gets it as it is.
  std::string plain_answer(std::string_view answer) const {
    if (!live_) return std::string(answer) + "\n";
    console::FlowingText flowing("", 0, style_);
    std::string text = flowing.add(answer);
    return text + flowing.finish();
  }

  Status print_record(const wire::RecordOrigin& origin, const Json& record) {
    std::string& out = output_.buffer();
    wire::append_record_begin(out, origin);
    out.append(json_text(record), 1).append("\n");  // without its opening brace
    return output_.flush();
  }

  static void say_spent(const console::Spent& spent, bool calling) {
    std::string text = "cancelled; spent until then: " + console::total_text(spent);
    if (calling) text += "; the member may charge for the call that was cut off, too";
    terminal::warn(text);
  }

  const AskFlags& flags_;
  const provider::Pool& pool_;
  report::Style style_;
  bool live_;
  const Router* router_ = nullptr;
  coordinate::LoopOptions loop_;
  std::shared_ptr<trace::Sink> trace_;
  std::vector<std::string> secrets_;
  console::RunSurroundings around_;
  terminal::Output output_;
  flags::Tally tally_;
  int signal_ = 0;
};

Result<int> work_through(const AskFlags& flags, std::optional<wire::RecordReader> reader,
                         AskCommand& work) {
  Status done;
  if (reader) {
    done = flags::run_batches(*reader, work.output(), 1, [&](std::span<const wire::Line> lines) {
      return work.answer(wire::read_queries(lines).front());
    });
  } else {
    done = work.answer(flags::prompt_record(*flags.source.argument));
  }
  if (work.signal() != 0) return 128 + work.signal();
  return flags::conclude_records(work.tally(), std::move(done));
}

Result<int> ask(const AskFlags& flags) {
  std::vector<terminal::NamedPath> inputs = flags::model_inputs(flags.model);
  inputs.push_back({"--pool", flags.pool.pool});
  inputs.push_back({"--authority", flags.pool.authority});
  TRINITY_CHECK(terminal::check_outputs({{"--trace", flags.trace.trace}}, inputs));
  TRINITY_TRY(coordinate::LoopOptions loop, flags::loop_options(flags.loop));
  TRINITY_TRY(provider::PoolConfig config, flags::load_pool_config(flags.pool));
  TRINITY_TRY(std::optional<wire::RecordReader> reader, flags::open_source(flags.source));
  if (!flags.member.empty()) {
    if (config.find(flags.member) == nullptr)
      return fail(ErrorKind::usage, "unknown_member",
                  fmt::format("{} has no member {}; `trinity pool list` names them",
                              flags::describe_pool(flags.pool), printable(flags.member, 60)));
    TRINITY_TRY(const provider::Pool pool, flags::open_pool(std::move(config), 0));
    AskCommand work(flags, pool);
    return work_through(flags, std::move(reader), work);
  }
  TRINITY_TRY(const Router router, flags::load_router(flags.model, true));
  std::vector<std::string> secrets = flags::pool_secrets(config);
  TRINITY_TRY(const provider::Pool pool,
              flags::open_pool(std::move(config), router.info().num_agents));
  TRINITY_TRY(std::shared_ptr<trace::Sink> trace, flags::open_trace(flags.trace));
  AskCommand work(flags, pool);
  work.use_loop(router, std::move(loop), std::move(trace), std::move(secrets));
  return work_through(flags, std::move(reader), work);
}

void declare(command_line::Command& command, AskFlags& flags) {
  command
      .sentence("question", flags.source.argument,
                "what to ask (without it: JSON lines from --input)")
      .takes("TEXT");
  command
      .value("--input", flags.source.input,
             "file with a record a line, {\"messages\": [...]} (-: standard input)")
      .takes("FILE")
      .excludes("question")
      .in("Input");
  flags::add_pool_flag(command, flags.pool);
  flags::add_authority_flags(command, flags.pool);
  command
      .value("--member", flags.member,
             "ask this member of the pool directly: no router, no turns, nobody who verifies")
      .takes("NAME")
      .in("Pool");
  const auto runs = [&flags] { return flags.member.empty(); };
  const std::string otherwise = "is for a run of turns; --member asks one member directly";
  flags::add_loop_flags(command, flags.loop, runs, otherwise);
  flags::add_model_flags(command, flags.model);
  flags::add_tokenizer_flag(command, flags.model.tokenizer);
  flags::add_head_flag(command, flags.model.head);
  flags::add_adaptation_flags(command, flags.model);
  flags::add_trace_flags(command, flags.trace, runs, otherwise);
  command.toggle("--quiet", flags.quiet, "the answer alone, without the turns").in("Output");
  command.json_lines(flags.json, "a JSON object a question instead of text for people")
      .in("Output");
  command.notes(
      "Exit status 0 when there is an answer, whether or not a Verifier has accepted it; the\n"
      "output says which. Ctrl-C cancels the call under way, says what was spent, and gives\n"
      "status 130.\n\n"
      "Examples:\n"
      "  trinity ask \"What is 17 * 23?\"\n"
      "  trinity ask --pool pool.toml --trace runs.jsonl \"Is 1009 prime?\"\n"
      "  trinity ask --pool pool.toml --model Qwen3-0.6B --bundle adapted --json \\\n"
      "      --input questions.jsonl");
}

}  // namespace

void add_ask(command_line::Command& commands) {
  add_command(commands, "ask", "Ask a pool of models: the router picks who speaks, turn by turn",
              declare, ask);
}

}  // namespace trinity::cli
