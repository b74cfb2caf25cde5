// The flags that say what is read and how, shared by `extract` and `route`.
#pragma once

#include <trinity/router.h>

#include <cstddef>
#include <optional>
#include <string>

#include "command_line/command_line.h"
#include "wire/record_reader.h"

namespace trinity::flags {

struct SourceFlags {
  std::optional<std::string> argument;  // a text on the command line; "-" is standard input
  std::string input = "-";              // JSON lines
  std::size_t batch = 0;                // 0: the command's own choice

  /// Whether the text on the command line is the whole input.
  bool has_text() const { return argument && *argument != "-"; }
};

/// The positional text, --input and --batch.
void add_source_flags(command_line::Command& command, SourceFlags& flags,
                      const std::string& argument_help);

/// The records to read; nothing when a text is given. On a terminal a hint says what is awaited.
/// Opened before a model is loaded, so that a wrong path is told at once. Errors: those of
/// LineReader::open.
Result<std::optional<wire::RecordReader>> open_source(const SourceFlags& flags);

/// Records to answer together: --batch, else `preferred`, else 1 for somebody who types.
std::size_t batch_size(const SourceFlags& flags, std::size_t preferred);

/// --input-mode, --special, --no-prefix-cache, --full.
void add_reading_flags(command_line::Command& command, InputOptions& options);

}  // namespace trinity::flags
