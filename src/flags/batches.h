// The loop of every command that answers JSON lines: read up to N records, answer them, write the
// answers, and only then wait for more input. With N = 1 a program can talk to the command line by
// line.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "flags/records.h"
#include "terminal/output.h"
#include "wire/record_reader.h"

namespace trinity::flags {

/// How many records were answered, and which failed.
class Tally {
 public:
  void add_success() { ++records_; }
  void add_failure(const wire::RecordOrigin& origin, const Error& error);
  /// Exit status 0 when all succeeded; else says how many failed on standard error and returns 1,
  /// or 3 when every record failed for want of the same kind of thing: something that is missing.
  int finish() const;
  bool empty() const { return records_ == 0; }

 private:
  std::size_t records_ = 0;
  std::size_t failed_ = 0;
  std::size_t missing_ = 0;  // failed for want of something
  std::string first_failure_;
};

/// Reads `reader` to its end in batches of at most `batch` records and flushes `output` after each.
/// Errors: those of `answer` and of the reader, `empty_input` when there was no record at all.
Status run_batches(wire::RecordReader& reader, terminal::Output& output, std::size_t batch,
                   const std::function<Status(std::span<const wire::Line>)>& answer);

/// The end of a command that answered records, `done` being that of its work: a failure before the
/// first answer is the failure of the run as a whole, one behind answers adds to what they came to.
Result<int> conclude_records(const Tally& tally, Status done);

}  // namespace trinity::flags
