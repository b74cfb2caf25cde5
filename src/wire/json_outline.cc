#include "wire/json_outline.h"

#include "base/json_events.h"

namespace trinity::wire {
namespace {

bool is_scalar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
         c == '-' || c == '.';
}

/// Behind the string that begins at `at`; npos when the line ends inside it.
std::size_t end_of_string(std::string_view line, std::size_t at) {
  for (++at; (at = line.find_first_of("\"\\", at)) < line.size(); at += 2) {
    if (line[at] == '"') return at + 1;
  }
  return std::string_view::npos;
}

}  // namespace

void JsonOutline::begin_value(std::size_t at, std::size_t number) {
  if (open_ == "[") elements_.push_back({at, at, number});
}

void JsonOutline::end_value(std::size_t at) {
  if (open_ == "[") elements_.back().end = at;
  expect_ = Expect::comma_or_end;
}

bool JsonOutline::feed(std::string_view line, std::size_t number) {
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at];
    if (c == ' ' || c == '\t' || c == '\r') {
      ++at;
      continue;
    }
    if (complete()) return false;  // something behind the end
    last_ = c;
    const bool wants_value = expect_ == Expect::value || expect_ == Expect::value_or_end;
    const bool wants_key = expect_ == Expect::key || expect_ == Expect::key_or_end;
    if (c == '{' || c == '[') {
      if (!wants_value || open_.size() == JsonLimits().max_depth) return false;
      begin_value(fed_ + at, number);
      if (!started_) is_array_ = c == '[';
      started_ = true;
      open_ += c;
      expect_ = c == '{' ? Expect::key_or_end : Expect::value_or_end;
      ++at;
    } else if (c == '}' || c == ']') {
      const bool fits = expect_ == Expect::comma_or_end ||
                        expect_ == (c == '}' ? Expect::key_or_end : Expect::value_or_end);
      if (open_.empty() || open_.back() != (c == '}' ? '{' : '[') || !fits) return false;
      open_.pop_back();
      end_value(fed_ + ++at);
    } else if (c == ',') {
      if (expect_ != Expect::comma_or_end) return false;
      expect_ = open_.back() == '{' ? Expect::key : Expect::value;
      ++at;
    } else if (c == ':') {
      if (expect_ != Expect::colon) return false;
      expect_ = Expect::value;
      ++at;
    } else {
      const bool is_string = c == '"';
      if (!started_ || !(wants_value || (wants_key && is_string))) return false;
      if (!is_string && !is_scalar(c)) return false;
      if (wants_value) begin_value(fed_ + at, number);
      std::size_t end = at;
      if (is_string) {
        end = end_of_string(line, at);
        if (end == std::string_view::npos) return false;
      } else {
        while (end < line.size() && is_scalar(line[end])) ++end;
      }
      at = end;
      if (wants_key) {
        expect_ = Expect::colon;
      } else {
        end_value(fed_ + at);
      }
    }
  }
  fed_ += line.size() + 1;
  return true;
}

}  // namespace trinity::wire
