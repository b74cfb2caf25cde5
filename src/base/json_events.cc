// The lexer and grammar are nlohmann-json's SAX parser. It says where the text is wrong but not
// where an event is, so it reads through an iterator that counts; and it takes a NUL byte for the
// end of the text and skips a byte order mark, so both are refused beforehand.
#include "base/json_events.h"

#include <iterator>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace trinity {

namespace {

/// A pointer into the text that tells its owner how far it has come.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

std::string at_byte(std::size_t offset) { return " at byte " + std::to_string(offset); }

/// Turns the parser's calls into events and keeps the first error.
class Adapter {
 public:
  Adapter(JsonEvents& events, const JsonLimits& limits, const char* begin, const char* const* at)
      : events_(events), limits_(limits), begin_(begin), at_(at) {}

  bool null() { return take(events_.on_null()); }
  bool boolean(bool value) { return take(events_.on_boolean(value)); }
  bool number_integer(std::int64_t value) { return take(events_.on_negative(value)); }
  bool number_unsigned(std::uint64_t value) { return take(events_.on_unsigned(value)); }
  bool number_float(double value, const std::string& text) {
    return take(events_.on_double(value, text));
  }
  bool string(std::string& value) { return take(events_.on_string(value)); }
  bool binary(std::vector<std::uint8_t>&) { return false; }  // text has none
  bool key(std::string& value) { return take(events_.on_key(value)); }
  bool start_object(std::size_t) { return deeper() && take(events_.on_object_start()); }
  bool start_array(std::size_t) { return deeper() && take(events_.on_array_start()); }
  bool end_object() {
    --depth_;
    return take(events_.on_object_end());
  }
  bool end_array() {
    --depth_;
    return take(events_.on_array_end());
  }
  bool parse_error(std::size_t position, const std::string& last_token,
                   const nlohmann::json::exception& error) {
    const std::string shown = excerpt(last_token, 32);
    // out_of_range: the text is JSON, but the number exceeds every double.
    const bool out_of_range = error.id >= 400;
    status_ = fail(ErrorKind::invalid_input, "invalid_json",
                   std::string(out_of_range ? "a number is too large" : "the text is not JSON") +
                       at_byte(position > 0 ? position - 1 : 0) +
                       (shown.empty() ? "" : " (near '" + shown + "')") + "; correct it");
    return false;
  }

  const Status& status() const { return status_; }

 private:
  std::size_t offset() const { return static_cast<std::size_t>(*at_ - begin_); }
  bool take(Status status) {
    if (status) return true;
    status.error().message += " (byte " + std::to_string(offset()) + ")";
    status_ = std::move(status);
    return false;
  }
  bool deeper() {
    if (++depth_ <= limits_.max_depth) return true;
    status_ = fail(ErrorKind::invalid_input, "json_too_deep",
                   "the JSON is nested more than " + std::to_string(limits_.max_depth) +
                       " levels deep" + at_byte(offset()) + "; flatten it");
    return false;
  }

  JsonEvents& events_;
  const JsonLimits& limits_;
  const char* begin_;
  const char* const* at_;
  std::size_t depth_ = 0;
  Status status_;
};

}  // namespace

Status scan_json(std::string_view text, const JsonLimits& limits, JsonEvents& events) {
  if (text.size() > limits.max_bytes) {
    return fail(ErrorKind::invalid_input, "json_too_long",
                "the JSON text has " + std::to_string(text.size()) +
                    " bytes, more than the limit of " + std::to_string(limits.max_bytes) +
                    "; give a shorter one");
  }
  if (!is_valid_utf8(text)) {
    return fail(ErrorKind::invalid_input, "invalid_utf8",
                "the JSON text is not valid UTF-8" + at_byte(first_invalid_utf8(text)) +
                    "; save it as UTF-8");
  }
  if (text.starts_with("\xEF\xBB\xBF")) {
    return fail(ErrorKind::invalid_input, "invalid_json",
                "the JSON text begins with a byte order mark at byte 0; save it without");
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return fail(ErrorKind::invalid_input, "invalid_json",
                "the JSON text contains a NUL byte" + at_byte(nul) + "; remove it");
  }
  const char* begin = text.data();
  const char* at = begin;
  Adapter adapter(events, limits, begin, &at);
  const bool ok = nlohmann::json::sax_parse(CountingIterator(begin, &at),
                                            CountingIterator(begin + text.size(), &at), &adapter);
  if (ok) return {};
  if (!adapter.status()) return adapter.status();
  return fail(ErrorKind::invalid_input, "invalid_json", "the text is not JSON; correct it");
}

}  // namespace trinity
