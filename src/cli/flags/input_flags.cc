#include "cli/flags/input_flags.h"

#include <unistd.h>

#include "base/try.h"
#include "terminal/output.h"
#include "terminal/terminal.h"
#include "text/router_input.h"

namespace trinity::cli {

void add_source_flags(Command& command, SourceFlags& flags, const std::string& argument_help) {
  command.sentence("text", flags.argument, argument_help).takes("TEXT");
  command.value("--input", flags.input, "file with a JSON record a line (-: standard input)")
      .takes("FILE")
      .excludes("text")
      .in("Input");
  command
      .value("--batch", flags.batch,
             "records that are read, computed and answered together; with 1 every line is answered "
             "before the next one is read")
      .takes("N")
      .range(1, 4096)
      .in("Input");
}

Result<std::optional<wire::RecordReader>> open_source(const SourceFlags& flags) {
  if (flags.has_text()) return std::optional<wire::RecordReader>();
  TRINITY_TRY(wire::LineReader lines, wire::LineReader::open(flags.input));
  if (flags.input == "-" && is_terminal(STDIN_FILENO))
    note("reading a JSON record a line from the terminal; end with Ctrl-D");
  return std::optional<wire::RecordReader>(std::move(lines));
}

std::size_t batch_size(const SourceFlags& flags, std::size_t preferred) {
  if (flags.batch > 0) return flags.batch;
  return flags.input == "-" && is_terminal(STDIN_FILENO) ? 1 : preferred;
}

void add_reading_flags(Command& command, ReadingFlags& flags) {
  command
      .value("--input-mode", flags.input_mode,
             "how messages become text: plain (role: content lines), chat (a dispatcher's chat "
             "around them) or chat_raw (the chat template)")
      .takes("MODE")
      .one_of({"plain", "chat", "chat_raw"})
      .shows_default()
      .in("Input");
  command
      .toggle("--special", flags.special,
              "text such as <|im_end|> inside messages becomes its token")
      .in("Input");
  command
      .toggle("--no-prefix-cache", flags.no_prefix_cache,
              "do not reuse what was computed for a common beginning")
      .in("Model");
  command.toggle("--full", flags.full, "skip no work (proves that skipping changes nothing)")
      .in("Model");
}

Result<InputOptions> input_options(const ReadingFlags& flags) {
  TRINITY_TRY(const InputMode mode, parse_input_mode(flags.input_mode));
  InputOptions options;
  options.input_mode = input_mode_name(mode);
  options.parse_special_tokens = flags.special;
  options.prefix_cache = !flags.no_prefix_cache;
  options.full = flags.full;
  return options;
}

}  // namespace trinity::cli
