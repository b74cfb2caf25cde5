// trinity route: which agent speaks next, and in which role.
#include <fmt/format.h>
#include <unistd.h>

#include "base/json.h"
#include "base/try.h"
#include "cli/commands.h"
#include "console/decision_view.h"
#include "flags/batches.h"
#include "flags/input_flags.h"
#include "flags/model_flags.h"
#include "flags/selection_flags.h"
#include "report/render_text.h"
#include "route/decision.h"
#include "wire/json_slice.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kBatch = 16;
constexpr std::size_t kIdColumns = 32;
constexpr std::size_t kLeastIdColumns = 12;

struct RouteFlags {
  flags::ModelFlags model;
  flags::SourceFlags source;
  InputOptions reading;
  DecisionRule rule;
  bool json = false;
};

class RouteCommand {
 public:
  RouteCommand(const RouteFlags& flags, const Router& router)
      : flags_(flags),
        router_(router),
        rule_(flags.rule),
        style_(terminal::style_for(STDOUT_FILENO)),
        floors_(router.info().tiny_router ? console::tiny_router_floors(router.info().profile)
                                          : std::nullopt),
        table_(console::decision_table(
            {"id", kIdColumns, kLeastIdColumns, flags::batch_size(flags.source, kBatch) > 1},
            style_)) {
    rule_.hashes = flags.json || flags.source.has_text();  // a row of a table shows none
  }

  Status answer(std::span<const wire::Record<RouterQuery>> records) {
    std::vector<QueryView> queries;
    for (const auto& record : records) {
      if (record.value) queries.emplace_back(*record.value);
    }
    std::vector<Result<Decision>> decisions = router_.route_batch(queries, flags_.reading, rule_);
    std::size_t next = 0;
    for (const auto& record : records) {
      if (record.value) {
        print(record.origin, decisions[next++]);
      } else {
        print(record.origin, tl::unexpected<Error>(record.value.error()));
      }
      TRINITY_CHECK(output_.write_if_full());
    }
    return {};
  }

  terminal::Output& output() { return output_; }
  const flags::Tally& tally() const { return tally_; }

 private:
  void print(const wire::RecordOrigin& origin, const Result<Decision>& decision) {
    if (flags_.json) {
      print_json(origin, decision);
    } else {
      print_text(origin, decision);
    }
    if (decision) {
      tally_.add_success();
    } else {
      tally_.add_failure(origin, decision.error());
    }
  }

  void print_json(const wire::RecordOrigin& origin, const Result<Decision>& decision) {
    std::string& out = output_.buffer();
    if (!decision) return wire::append_record_error(out, origin, decision.error());
    wire::append_record_begin(out, origin);
    const std::string record = json_text(route::decision_record(*decision));
    out.append(record, 1).append("\n");  // without its opening brace
  }

  void print_text(const wire::RecordOrigin& origin, const Result<Decision>& decision) {
    std::string& out = output_.buffer();
    if (origin.line == 0) {  // one prompt; its failure is told on standard error
      if (decision) out += render_text(console::decision_card(*decision, floors_), style_);
      return;
    }
    if (!header_printed_) out += table_.header();
    header_printed_ = true;
    const std::string id =
        origin.id.empty() ? fmt::format("line {}", origin.line) : shown_id(origin);
    out += decision ? console::decision_row(table_, id, *decision, floors_)
                    : table_.row_with_text({id}, {decision.error().message, report::Look::bad});
  }

  static std::string shown_id(const wire::RecordOrigin& origin) {
    const wire::JsonSlice id(origin.id);
    return id.is(wire::JsonSlice::Kind::string) ? id.string() : origin.id;
  }

  const RouteFlags& flags_;
  const Router& router_;
  DecisionRule rule_;
  report::Style style_;
  std::optional<backend::MarginFloors> floors_;  // known for the tiny router alone
  report::TableText table_;
  bool header_printed_ = false;
  terminal::Output output_;
  flags::Tally tally_;
};

Result<int> route(const RouteFlags& flags) {
  TRINITY_TRY(std::optional<wire::RecordReader> reader, flags::open_source(flags.source));
  TRINITY_TRY(const Router router, flags::load_router(flags.model, true));
  RouteCommand work(flags, router);
  Status done;
  if (reader) {
    done = flags::run_batches(
        *reader, work.output(), flags::batch_size(flags.source, kBatch),
        [&](std::span<const wire::Line> lines) { return work.answer(wire::read_queries(lines)); });
  } else {
    const wire::Record<RouterQuery> record = flags::prompt_record(*flags.source.argument);
    done = work.answer(std::span(&record, 1));
    if (done) done = work.output().flush();
  }
  return flags::conclude_records(work.tally(), std::move(done));
}

void declare(command_line::Command& command, RouteFlags& flags) {
  flags::add_source_flags(
      command, flags.source,
      "a prompt, read as one user message (without it: JSON lines from --input)");
  flags::add_model_flags(command, flags.model);
  flags::add_tokenizer_flag(command, flags.model.tokenizer);
  flags::add_head_flag(command, flags.model.head);
  flags::add_adaptation_flags(command, flags.model);
  flags::add_prefix_cache_flag(command, flags.model);
  flags::add_reading_flags(command, flags.reading);
  flags::add_selection_flags(command, flags.rule);
  command.json_lines(flags.json, "a JSON object a line instead of text for people").in("Output");
  command.notes(
      "A record holds one of messages, text (given to the tokenizer as it is) and ids, and may\n"
      "hold an id, which comes back with the answer. A bad line gives an error object in its\n"
      "place and exit status 1 at the end; the other lines are still answered.\n\n"
      "Examples:\n"
      "  trinity route \"Is 1009 prime?\"\n"
      "  trinity route --model Qwen3-0.6B --head router_head.safetensors --json \\\n"
      "      --input conversations.jsonl");
}

}  // namespace

void add_route(command_line::Command& commands) {
  add_command(commands, "route", "Decide which agent speaks next, and in which role", declare,
              route);
}

}  // namespace trinity::cli
