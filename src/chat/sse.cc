#include "chat/sse.h"

#include <fmt/format.h>

#include <algorithm>

namespace trinity::chat {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

Status SseReader::feed(std::string_view piece, std::vector<SseEvent>& events) {
  while (!piece.empty()) {
    if (too_long_ || line_.size() + event_.data.size() > limit_) {
      too_long_ = true;
      return fail(ErrorKind::invalid_input, "event_too_long",
                  fmt::format("an event of the stream has more than {} bytes; the server does not "
                              "send what was asked for",
                              limit_));
    }
    if (after_carriage_return_) {
      after_carriage_return_ = false;
      if (piece.front() == '\n') {
        piece.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = std::min(piece.find_first_of("\r\n"), piece.size());
    const std::size_t taken = std::min(end, limit_ + 1 - std::min(limit_, line_.size()));
    line_ += piece.substr(0, taken);
    if (taken < end) {
      piece.remove_prefix(taken);
      continue;
    }
    if (end == piece.size()) break;
    after_carriage_return_ = piece[end] == '\r';
    end_line(events);
    piece.remove_prefix(end + 1);
  }
  return {};
}

void SseReader::end_line(std::vector<SseEvent>& events) {
  std::string_view line = line_;
  if (at_start_ && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  at_start_ = false;
  if (line.empty()) {
    end_event(events);
  } else if (line.front() != ':') {
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view field = line.substr(0, colon);
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") {
      if (has_data_) event_.data += '\n';
      event_.data += value;
      has_data_ = true;
    } else if (field == "event") {
      event_.event = value;
    } else if (field == "id" && value.find('\0') == std::string_view::npos) {
      last_id_ = value;
    }
  }
  line_.clear();
}

void SseReader::end_event(std::vector<SseEvent>& events) {
  if (has_data_) {
    event_.id = last_id_;
    events.push_back(std::move(event_));
  }
  event_ = SseEvent();
  has_data_ = false;
}

void SseReader::finish(std::vector<SseEvent>& events) {
  if (too_long_) return;
  if (!line_.empty()) end_line(events);
  end_event(events);
}

void append_sse_data(std::string& out, std::string_view data) {
  if (data.empty()) return;
  while (true) {
    const std::size_t end = data.find('\n');
    out += "data: ";
    out += data.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + 1);
  }
  out += '\n';
}

void append_sse_event(std::string& out, std::string_view event, std::string_view data) {
  if (data.empty()) return;
  out += "event: ";
  out += event;
  out += '\n';
  append_sse_data(out, data);
}

void append_sse_comment(std::string& out, std::string_view text) {
  out += ": ";
  for (const char c : text) out += c == '\n' || c == '\r' ? ' ' : c;
  out += '\n';
}

}  // namespace trinity::chat
