// trinity extract: the hidden vector that routing reads, or those of all positions.
#include <fmt/format.h>

#include "base/try.h"
#include "cli/commands.h"
#include "flags/batches.h"
#include "flags/input_flags.h"
#include "flags/model_flags.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kExtractBatch = 16;

struct ExtractFlags {
  flags::ModelFlags model;
  flags::SourceFlags source;
  InputOptions reading;
  bool all_positions = false;
  bool json = false;
};

/// The key `hidden`: one row, or with `rows` a list of them.
Status append_hidden(std::string& out, const Extraction& extraction, bool rows) {
  const std::size_t count = rows ? static_cast<std::size_t>(extraction.token_count) : 1;
  const std::size_t width = extraction.hidden.size() / count;
  out += "\"hidden\":";
  if (rows) out += '[';
  for (std::size_t row = 0; row < count; ++row) {
    if (row > 0) out += ',';
    if (!wire::append_json_floats(out, std::span(extraction.hidden).subspan(row * width, width)))
      return fail(ErrorKind::failed, "non_finite_hidden",
                  fmt::format("the hidden vector at position {} is not finite; check the weights",
                              rows ? static_cast<std::int64_t>(row) : extraction.hidden_index));
  }
  if (rows) out += ']';
  return {};
}

class Extract {
 public:
  Extract(const ExtractFlags& flags, const Router& router) : flags_(flags), router_(router) {}

  Status answer(std::span<const wire::Record<RouterQuery>> records) {
    std::vector<QueryView> queries;
    for (const auto& record : records) {
      if (record.value) queries.emplace_back(*record.value);
    }
    const std::vector<Result<Extraction>> results =
        router_.extract_batch(queries, flags_.reading, flags_.all_positions);
    std::size_t next = 0;
    for (const auto& record : records) {
      Status done;
      if (record.value) {
        done = append(record.origin, results[next++]);
      } else {
        done = tl::unexpected<Error>(record.value.error());
      }
      if (done) {
        tally_.add_success();
      } else {
        wire::append_record_error(output_.buffer(), record.origin, done.error());
        tally_.add_failure(record.origin, done.error());
      }
      TRINITY_CHECK(output_.write_if_full());
    }
    return {};
  }

  terminal::Output& output() { return output_; }
  const flags::Tally& tally() const { return tally_; }

 private:
  Status append(const wire::RecordOrigin& origin, const Result<Extraction>& result) {
    if (!result) return tl::unexpected<Error>(result.error());
    std::string& out = output_.buffer();
    const std::size_t begin = out.size();
    wire::append_record_begin(out, origin);
    const RouterInfo& info = router_.info();
    const Timings& ms = result->timings_ms;
    out += fmt::format(
        R"("token_count":{},"hidden_index":{},"profile":"{}","tiny_router":{},)"
        R"("timings_ms":{{"tokenize":{:.3f},"queue":{:.3f},"prefill":{:.3f},"total":{:.3f}}},)",
        result->token_count, result->hidden_index, info.profile, info.tiny_router, ms.tokenize,
        ms.queue, ms.prefill, ms.total);
    Status done = append_hidden(out, *result, flags_.all_positions);
    if (done) {
      out += "}\n";
    } else {
      out.resize(begin);
    }
    return done;
  }

  const ExtractFlags& flags_;
  const Router& router_;
  terminal::Output output_;
  flags::Tally tally_;
};

Result<int> extract(const ExtractFlags& flags) {
  TRINITY_TRY(std::optional<wire::RecordReader> reader, flags::open_source(flags.source));
  TRINITY_TRY(const Router router, flags::load_router(flags.model, false));
  Extract work(flags, router);
  Status done;
  if (reader) {
    // All positions of a long input fill many megabytes: one input at a time is enough then.
    const std::size_t batch =
        flags::batch_size(flags.source, flags.all_positions ? 1 : kExtractBatch);
    done = flags::run_batches(
        *reader, work.output(), batch,
        [&](std::span<const wire::Line> lines) { return work.answer(wire::read_queries(lines)); });
  } else {
    const wire::Record<RouterQuery> record = flags::prompt_record(*flags.source.argument);
    done = work.answer(std::span(&record, 1));
    if (done) done = work.output().flush();
  }
  return flags::conclude_records(work.tally(), std::move(done));
}

void declare(command_line::Command& command, ExtractFlags& flags) {
  flags::add_source_flags(
      command, flags.source,
      "a prompt, read as one user message (without it: JSON lines from --input)");
  flags::add_model_flags(command, flags.model);
  flags::add_tokenizer_flag(command, flags.model.tokenizer);
  flags::add_adaptation_flags(command, flags.model);
  flags::add_prefix_cache_flag(command, flags.model);
  flags::add_reading_flags(command, flags.reading);
  command.toggle("--all-positions", flags.all_positions, "hidden holds a row for every position")
      .in("Output");
  command.json_lines(flags.json, "accepted for symmetry: the output is always JSON lines")
      .in("Output");
  command.notes(
      "A record holds one of messages, text (given to the tokenizer as it is) and ids, and may\n"
      "hold an id, which comes back with the answer.\n\n"
      "Example:\n"
      "  echo '{\"id\":1,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}' | trinity "
      "extract");
}

}  // namespace

void add_extract(command_line::Command& commands) {
  add_command(commands, "extract", "Print the hidden vector that routing reads", declare, extract);
}

}  // namespace trinity::cli
