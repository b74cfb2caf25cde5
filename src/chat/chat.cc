#include "chat/chat.h"

#include <algorithm>

namespace trinity::chat {
namespace {

void append_line(std::string& text, std::string_view line, bool& first) {
  if (!first) text += '\n';
  text += line;
  first = false;
}

std::string_view router_text(const Part& part) {
  switch (part.kind) {
    case Part::Kind::image:
      return "[image]";
    case Part::Kind::audio:
      return "[audio]";
    case Part::Kind::file:
      return "[file]";
    default:
      return part.text;
  }
}

}  // namespace

std::string ChatMessage::text() const {
  std::string text;
  bool first = true;
  for (const Part& part : content)
    if (part.kind == Part::Kind::text) append_line(text, part.text, first);
  return text;
}

std::optional<std::string> ChatMessage::refusal() const {
  std::string text;
  bool first = true;
  for (const Part& part : content)
    if (part.kind == Part::Kind::refusal) append_line(text, part.text, first);
  return first ? std::nullopt : std::optional(text);
}

bool ChatRequest::has_media(Part::Kind kind) const {
  return std::any_of(messages.begin(), messages.end(), [&](const ChatMessage& message) {
    return std::any_of(message.content.begin(), message.content.end(),
                       [&](const Part& part) { return part.kind == kind; });
  });
}

Usage& Usage::operator+=(const Usage& other) {
  input += other.input;
  output += other.output;
  cached_input += other.cached_input;
  reasoning += other.reasoning;
  estimated = estimated || other.estimated;
  return *this;
}

const char* finish_reason_name(FinishReason reason) {
  constexpr const char* names[] = {"stop", "length", "tool_calls", "content_filter"};
  return names[static_cast<std::size_t>(reason)];
}

FinishReason settled_finish(FinishReason said, bool has_calls) {
  if (has_calls && said == FinishReason::stop) return FinishReason::tool_calls;
  if (!has_calls && said == FinishReason::tool_calls) return FinishReason::stop;
  return said;
}

bool Delta::empty() const {
  return text.empty() && reasoning.empty() && refusal.empty() && calls.empty() && !finish &&
         !usage && logprobs.is_null() && extra.is_null();
}

Message router_message(const ChatMessage& message) {
  Message read = {message.role == "developer" ? "system" : message.role, "", message.reasoning, {}};
  bool first = true;
  for (const Part& part : message.content) append_line(read.content, router_text(part), first);
  for (const Call& call : message.calls) read.tool_calls.push_back({call.name, call.arguments});
  return read;
}

}  // namespace trinity::chat
