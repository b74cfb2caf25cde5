#include "flags/input_flags.h"

#include <unistd.h>

#include "base/try.h"
#include "terminal/output.h"
#include "terminal/terminal.h"

namespace trinity::flags {

void add_source_flags(command_line::Command& command, SourceFlags& flags,
                      const std::string& argument_help) {
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
  if (flags.input == "-" && terminal::is_terminal(STDIN_FILENO))
    terminal::note("reading a JSON record a line from the terminal; end with Ctrl-D");
  return std::optional<wire::RecordReader>(std::move(lines));
}

std::size_t batch_size(const SourceFlags& flags, std::size_t preferred) {
  if (flags.batch > 0) return flags.batch;
  return flags.input == "-" && terminal::is_terminal(STDIN_FILENO) ? 1 : preferred;
}

void add_reading_flags(command_line::Command& command, InputOptions& options) {
  command
      .choice("--input-mode", options.input_mode,
              {InputMode::plain, InputMode::chat, InputMode::chat_raw}, input_mode_name,
              "how messages become text: plain (role: content lines), chat (a dispatcher's chat "
              "around them) or chat_raw (the chat template)")
      .takes("MODE")
      .shows_default()
      .in("Input");
  command
      .toggle("--special", options.parse_special_tokens,
              "text such as <|im_end|> inside messages becomes its token")
      .in("Input");
  command
      .switch_off("--no-prefix-cache", options.prefix_cache,
                  "do not reuse what was computed for a common beginning")
      .in("Model");
  command.toggle("--full", options.full, "skip no work (proves that skipping changes nothing)")
      .in("Model");
}

}  // namespace trinity::flags
