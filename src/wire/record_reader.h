// Records of an input: one JSON object a line, and what else people write.
//
// A record is a line. Two forms that other programs write are read too: an object that is laid out
// over several lines, and an array of records, on one line or on many. A record goes on over the
// next line only where JSON must go on: behind a bracket or a comma, outside a string. So a line
// that is cut off is answered at once, and a program that talks line by line never waits for an
// answer. When the following lines turn out not to continue it, the first line is a record of its
// own (a bad one), and they are read anew.
#pragma once

#include <deque>
#include <optional>

#include "wire/line_reader.h"

namespace trinity::wire {

class RecordReader {
 public:
  explicit RecordReader(LineReader lines) : lines_(std::move(lines)) {}

  /// The next record: its text and the line on which it begins. Nothing at the end. Blank lines are
  /// skipped. What it holds is for the readers of wire/records.h to check. Errors: those of
  /// LineReader::next.
  Result<std::optional<Line>> next();

 private:
  Result<std::optional<Line>> next_line();
  Status read_record(Line first);

  LineReader lines_;
  std::deque<Line> again_;  // lines that were read ahead
  std::deque<Line> ready_;  // records that were not yet returned
};

}  // namespace trinity::wire
