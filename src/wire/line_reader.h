// Lines of a file, a pipe, standard input or a text, as they arrive and without a bound on their
// number.
//
// A line ends at a line feed (a carriage return before it is dropped) or at the end of the input. A
// byte order mark of UTF-8 at the start of a line is dropped: editors and joined files leave them.
// A line longer than the limit is skipped to its end and reported as too long, so that hostile
// input cannot fill the memory; one that does not end within the larger limit ends the reading, and
// so does an input that is not UTF-8 text from its first bytes on.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace trinity::wire {

struct Line {
  std::string text;
  std::size_t number = 0;  // from 1
  bool too_long = false;   // `text` is then empty
};

/// Nothing but white space.
bool is_blank(const Line& line);

struct LineLimits {
  std::size_t line = std::size_t{128} << 20;   // bytes of a line that is read
  std::size_t endless = std::size_t{1} << 30;  // bytes without a line feed that end the reading
};

class LineReader {
 public:
  static constexpr std::size_t max_line_bytes = LineLimits().line;

  /// Opens a file or pipe; "-" is standard input. Errors: `missing_file`, `unreadable_file`.
  static Result<LineReader> open(const std::string& path, const LineLimits& limits = {});
  /// The lines of a text, which is copied; `name` stands for it in errors.
  static LineReader over(std::string_view text, std::string name);

  LineReader(LineReader&& other) noexcept;
  LineReader& operator=(LineReader&& other) = delete;
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  /// The next line, nothing at the end. Waits for input. Errors: `unreadable_file`,
  /// `unsupported_encoding` (UTF-16, UTF-32 or NUL bytes at the start), `line_too_long`.
  Result<std::optional<Line>> next();

 private:
  LineReader(int descriptor, std::string name, const LineLimits& limits)
      : descriptor_(descriptor), name_(std::move(name)), limits_(limits) {}
  Status fill();  // reads on
  Status check_start() const;
  Line cut(std::size_t length, std::size_t consumed);

  int descriptor_;
  std::string name_;
  LineLimits limits_;
  std::string buffer_;  // bytes read and not yet returned, from position_ on
  std::size_t position_ = 0;
  std::size_t number_ = 0;
  bool at_end_ = false;
};

}  // namespace trinity::wire
