// Lines of a file, a pipe or standard input, as they arrive and without a bound on their number.
//
// A line ends at a line feed (a carriage return before it is dropped) or at the end of the input.
// A line longer than the limit is skipped to its end and reported as too long, so that hostile
// input cannot fill the memory.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <optional>
#include <string>

namespace trinity::cli {

struct Line {
  std::string text;
  std::size_t number = 0;  // from 1
  bool too_long = false;   // `text` is then empty
};

class LineReader {
 public:
  static constexpr std::size_t max_line_bytes = std::size_t{128} << 20;

  /// Opens a file or pipe; "-" is standard input. Errors: `missing_file`, `unreadable_file`.
  static Result<LineReader> open(const std::string& path);

  LineReader(LineReader&& other) noexcept;
  LineReader& operator=(LineReader&& other) = delete;
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  /// The next line, nothing at the end. Waits for input. Error: `unreadable_file`.
  Result<std::optional<Line>> next();

 private:
  LineReader(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}
  Result<bool> fill();

  int descriptor_;
  std::string name_;
  std::string buffer_;  // bytes read and not yet returned, from position_ on
  std::size_t position_ = 0;
  std::size_t number_ = 0;
  bool at_end_ = false;
};

}  // namespace trinity::cli
