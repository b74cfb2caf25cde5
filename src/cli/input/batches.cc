#include "cli/input/batches.h"

#include <fmt/format.h>

#include "base/try.h"

namespace trinity::cli {
namespace {

bool is_blank(const Line& line) {
  return !line.too_long && line.text.find_first_not_of(" \t\r") == std::string::npos;
}

}  // namespace

void Tally::add_failure(const RecordOrigin& origin, const Error& error) {
  if (failed_ == 0) first_failure_ = located_message(origin, error);
  ++records_;
  ++failed_;
  if (error.kind == ErrorKind::missing) ++missing_;
}

int Tally::finish() const {
  if (failed_ == 0) return 0;
  if (records_ == 1) {
    warn(first_failure_);
  } else {
    warn(fmt::format("{} of {} records failed; the first one: {}", failed_, records_,
                     first_failure_));
  }
  return missing_ == records_ ? 3 : 1;
}

Status run_batches(LineReader& reader, Output& output, std::size_t batch,
                   const std::function<Status(std::span<const Line>)>& answer) {
  bool any = false;
  for (bool more = true; more;) {
    std::vector<Line> lines;
    while (lines.size() < batch) {
      TRINITY_TRY(std::optional<Line> line, reader.next());
      more = line.has_value();
      if (!more) break;
      if (!is_blank(*line)) lines.push_back(std::move(*line));
    }
    if (lines.empty()) break;
    any = true;
    TRINITY_CHECK(answer(lines));
    TRINITY_CHECK(output.flush());
  }
  if (!any)
    return fail(ErrorKind::invalid_input, "empty_input",
                "the input holds no record; give one JSON object a line, or a text as argument");
  return {};
}

}  // namespace trinity::cli
