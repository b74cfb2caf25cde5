#include "wire/record_reader.h"

#include <iterator>
#include <utility>
#include <vector>

#include "base/try.h"
#include "wire/json_outline.h"

namespace trinity::wire {
namespace {

/// Appends the elements of an array to `out`, each as a record; others as they are.
void append_records(Line record, const JsonOutline& outline, std::deque<Line>& out) {
  if (!outline.is_array()) {
    out.push_back(std::move(record));
    return;
  }
  for (const JsonOutline::Element& element : outline.elements()) {
    out.push_back(
        {record.text.substr(element.begin, element.end - element.begin), element.line, false});
  }
}

}  // namespace

Result<std::optional<Line>> RecordReader::next_line() {
  if (again_.empty()) return lines_.next();
  std::optional<Line> line = std::move(again_.front());
  again_.pop_front();
  return line;
}

Status RecordReader::read_record(Line first) {
  JsonOutline outline;
  if (first.too_long || !outline.feed(first.text, first.number)) {
    ready_.push_back(std::move(first));
    return {};
  }
  if (outline.complete()) {
    append_records(std::move(first), outline, ready_);
    return {};
  }
  Line record = first;
  std::vector<Line> ahead;
  bool fits = outline.must_go_on();
  while (fits && !outline.complete()) {
    TRINITY_TRY(std::optional<Line> line, next_line());
    if (!line) break;
    ahead.push_back(std::move(*line));
    const Line& read = ahead.back();
    fits = !read.too_long && record.text.size() + read.text.size() < LineReader::max_line_bytes &&
           outline.feed(read.text, read.number);
    if (fits) record.text.append("\n").append(read.text);
  }
  if (fits && outline.complete()) {
    append_records(std::move(record), outline, ready_);
    return {};
  }
  ready_.push_back(std::move(first));
  again_.insert(again_.begin(), std::make_move_iterator(ahead.begin()),
                std::make_move_iterator(ahead.end()));
  return {};
}

Result<std::optional<Line>> RecordReader::next() {
  while (ready_.empty()) {
    TRINITY_TRY(std::optional<Line> line, next_line());
    if (!line) return std::optional<Line>();
    if (!is_blank(*line)) TRINITY_CHECK(read_record(std::move(*line)));
  }
  std::optional<Line> record = std::move(ready_.front());
  ready_.pop_front();
  return record;
}

}  // namespace trinity::wire
