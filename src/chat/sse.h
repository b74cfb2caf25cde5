// Server-sent events: read as they arrive, and written as every known client can read them.
//
// Read under the rules of the HTML standard: lines end with LF, CRLF or CR, a byte order mark may
// stand first, one space behind the colon is no part of a value, lines without a colon are names of
// fields, lines that begin with a colon are comments, several `data` lines are one text, and an
// event without data is none.
//
// Written are only `event:` and `data:` lines and comments. An `id:`, a `retry:`, an event without
// data, or a comment with a blank line behind it after an `id:`, makes widespread clients fail.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::chat {

struct SseEvent {
  std::string event;  // "" where none was named
  std::string data;
  std::string id;  // the last one that was sent

  bool operator==(const SseEvent&) const = default;
};

class SseReader {
 public:
  /// `limit`: bytes of one event, above which the stream is refused.
  explicit SseReader(std::size_t limit = std::size_t{16} << 20) : limit_(limit) {}

  /// Takes a piece, cut anywhere, and appends the events that it completes. Error:
  /// `event_too_long`, after which nothing is read any more.
  Status feed(std::string_view piece, std::vector<SseEvent>& events);
  /// The stream ended. Servers exist that leave out the last blank line: an event that lacks only
  /// that is one. What a cut leaves of a line is refused by whoever reads the data.
  void finish(std::vector<SseEvent>& events);

 private:
  void end_line(std::vector<SseEvent>& events);
  void end_event(std::vector<SseEvent>& events);

  std::size_t limit_;
  std::string line_;
  SseEvent event_;
  std::string last_id_;
  bool has_data_ = false;
  bool after_carriage_return_ = false;
  bool at_start_ = true;
  bool too_long_ = false;
};

/// `data: ...` and a blank line. Nothing where `data` is empty: clients fail on it.
void append_sse_data(std::string& out, std::string_view data);
/// The same behind `event: ...`.
void append_sse_event(std::string& out, std::string_view event, std::string_view data);
/// `: ...` on one line, with one line feed: a sign of life between events.
void append_sse_comment(std::string& out, std::string_view text);

}  // namespace trinity::chat
