// trinity tokenize: text to token ids and back.
#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/try.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "flags/batches.h"
#include "flags/input_flags.h"
#include "flags/model_flags.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kTokenizeBatch = 64;

struct TokenizeFlags {
  std::filesystem::path model;
  std::filesystem::path tokenizer;
  flags::SourceFlags source;
  bool special = false;
  bool decode = false;
  bool json = false;
};

void append_hex(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
}

/// `"text":"..."`. Ids cut out of a longer sequence can stand for part of a character: then the
/// text shows U+FFFD and `bytes_hex` has the bytes themselves.
void append_text(std::string& out, std::string_view text) {
  out += "\"text\":";
  append_json_string(out, text);
  if (is_valid_utf8(text)) return;
  out += ",\"bytes_hex\":\"";
  append_hex(out, text);
  out += '"';
}

class Tokenize {
 public:
  Tokenize(const TokenizeFlags& flags, const text::Tokenizer& tokenizer)
      : flags_(flags), tokenizer_(tokenizer) {}

  Status answer_line(const wire::Line& line) {
    return flags_.decode ? answer(wire::read_ids(line), &Tokenize::append_decoded)
                         : answer(wire::read_text(line), &Tokenize::append_encoded);
  }

  Status answer_text(const std::string& text) {
    return answer(wire::Record<std::string>{wire::RecordOrigin(), text}, &Tokenize::append_encoded);
  }

  Status answer_ids(const std::vector<std::int32_t>& ids) {
    return answer(wire::Record<std::vector<std::int32_t>>{wire::RecordOrigin(), ids},
                  &Tokenize::append_decoded);
  }

  terminal::Output& output() { return output_; }
  const flags::Tally& tally() const { return tally_; }

 private:
  template <typename T>
  Status answer(const wire::Record<T>& record, Status (Tokenize::*append)(const T&)) {
    std::string& out = output_.buffer();
    const std::size_t begin = out.size();
    wire::append_record_begin(out, record.origin);
    Status done;
    if (record.value) {
      done = (this->*append)(*record.value);
    } else {
      done = tl::unexpected<Error>(record.value.error());
    }
    if (done) {
      out += "}\n";
      tally_.add_success();
    } else {
      out.resize(begin);
      wire::append_record_error(out, record.origin, done.error());
      tally_.add_failure(record.origin, done.error());
    }
    return output_.write_if_full();
  }

  Status append_encoded(const std::string& text) {
    TRINITY_TRY(std::vector<std::int32_t> ids,
                tokenizer_.encode(text, flags_.special ? text::SpecialTokens::parse
                                                       : text::SpecialTokens::plain));
    ids = tokenizer_.with_ends(std::move(ids));
    output_.buffer() += "\"ids\":";
    wire::append_json_ids(output_.buffer(), ids);
    return {};
  }

  Status append_decoded(const std::vector<std::int32_t>& ids) {
    TRINITY_TRY(const std::string text, tokenizer_.decode(ids));
    append_text(output_.buffer(), text);
    return {};
  }

  const TokenizeFlags& flags_;
  const text::Tokenizer& tokenizer_;
  terminal::Output output_;
  flags::Tally tally_;
};

Result<int> tokenize(const TokenizeFlags& flags) {
  std::vector<std::int32_t> given_ids;
  if (flags.source.has_text() && flags.decode) {
    TRINITY_TRY(given_ids, flags::parse_id_list(*flags.source.argument));
  }
  TRINITY_TRY(std::optional<wire::RecordReader> reader, flags::open_source(flags.source));
  TRINITY_TRY(const text::Tokenizer tokenizer, flags::load_tokenizer(flags.model, flags.tokenizer));
  for (const std::string& text : tokenizer.notes()) terminal::note(text);
  Tokenize work(flags, tokenizer);
  Status done;
  if (reader) {
    const auto answer = [&](std::span<const wire::Line> lines) -> Status {
      for (const wire::Line& line : lines) {
        Status written = work.answer_line(line);
        if (!written) return written;
      }
      return {};
    };
    done = flags::run_batches(*reader, work.output(),
                              flags::batch_size(flags.source, kTokenizeBatch), answer);
  } else {
    done = flags.decode ? work.answer_ids(given_ids) : work.answer_text(*flags.source.argument);
    if (done) done = work.output().flush();
  }
  return flags::conclude_records(work.tally(), std::move(done));
}

void declare(command_line::Command& command, TokenizeFlags& flags) {
  flags::add_source_flags(command, flags.source,
                          "text to encode, or ids to decode (without it: JSON lines from --input)");
  command
      .value("--model", flags.model,
             "folder with tokenizer.json (without it: the embedded tiny router's)")
      .takes("DIR")
      .in("Model");
  flags::add_tokenizer_flag(command, flags.tokenizer);
  command.toggle("--special", flags.special, "text such as <|im_end|> becomes its token")
      .in("Input")
      .used_when([&flags] { return !flags.decode; }, "is about text; --decode reads ids");
  command.toggle("--decode", flags.decode, "from ids to text: {\"ids\":[...]} a line").in("Input");
  command.json_lines(flags.json, "accepted for symmetry: the output is always JSON lines")
      .in("Output");
  command.notes(
      "Examples:\n"
      "  trinity tokenize \"Hello world\"\n"
      "  echo '{\"text\":\"Hello world\"}' | trinity tokenize --model Qwen3-0.6B\n"
      "  trinity tokenize --decode 9707,1879 --model Qwen3-0.6B");
}

}  // namespace

void add_tokenize(command_line::Command& commands) {
  add_command(commands, "tokenize", "Turn text into token ids and back", declare, tokenize);
}

}  // namespace trinity::cli
