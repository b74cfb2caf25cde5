#include "chat/assembly.h"

#include <utility>

namespace trinity::chat {
namespace {

// More calls than any reply has; an index above it is no index.
constexpr std::size_t kMostCalls = 4096;

void append_part(std::vector<Part>& content, Part::Kind kind, const std::string& text) {
  if (text.empty()) return;
  for (Part& part : content)
    if (part.kind == kind) {
      part.text += text;
      return;
    }
  content.push_back({kind, text});
}

}  // namespace

void append_logprobs(Json& logprobs, const Json& piece) { append_extra(logprobs, piece); }

void append_extra(Json& extra, const Json& piece) {
  if (!piece.is_object()) return;
  if (!extra.is_object()) extra = Json::object();
  for (const auto& [key, value] : piece.items()) {
    Json& field = extra[key];
    if (field.is_array() && value.is_array()) {
      for (const Json& one : value) field.push_back(one);
    } else if (!value.is_null() || field.is_null()) {
      field = value;
    }
  }
}

bool Assembly::put(Delta::CallPiece& piece) {
  if (piece.index >= kMostCalls) piece.index = kMostCalls - 1;
  if (place_of_index_.size() <= piece.index) place_of_index_.resize(piece.index + 1, 0);
  std::size_t& place = place_of_index_[piece.index];
  std::vector<Call>& calls = reply_.message.calls;
  const bool is_other = place > 0 && !piece.id.empty() && !calls[place - 1].id.empty() &&
                        calls[place - 1].id != piece.id;
  if (place == 0 || is_other) {
    if (calls.size() >= kMostCalls) return false;
    calls.push_back({piece.id, piece.name, piece.arguments, piece.extra});
    place = calls.size();
  } else {
    Call& call = calls[place - 1];
    // Some upstreams send the id or the name late: the first that is there counts.
    if (call.id.empty()) {
      call.id = piece.id;
    } else {
      piece.id.clear();
    }
    if (call.name.empty()) {
      call.name = piece.name;
    } else {
      piece.name.clear();
    }
    call.arguments += piece.arguments;
    append_extra(call.extra, piece.extra);
  }
  piece.index = place - 1;
  return true;
}

Delta Assembly::add(Delta piece) {
  if (reply_.id.empty()) reply_.id = piece.id;
  if (reply_.model.empty()) reply_.model = piece.model;
  ChatMessage& message = reply_.message;
  append_part(message.content, Part::Kind::text, piece.text);
  append_part(message.content, Part::Kind::refusal, piece.refusal);
  if (!piece.reasoning.empty())
    message.reasoning = message.reasoning.value_or("") + piece.reasoning;
  std::erase_if(piece.calls, [&](Delta::CallPiece& call) { return !put(call); });
  append_extra(message.extra, piece.extra);
  append_logprobs(reply_.logprobs, piece.logprobs);
  if (piece.usage) reply_.usage = piece.usage;
  if (piece.finish) {
    piece.finish = settled_finish(*piece.finish, !message.calls.empty());
    reply_.finish = *piece.finish;
    has_finish_ = true;
  }
  return piece;
}

Result<ChatReply> Assembly::finish() const {
  if (!has_finish_)
    return fail(
        ErrorKind::failed, "invalid_response",
        "the stream ended without a finish reason, so the answer may be cut off; ask again");
  return reply_;
}

}  // namespace trinity::chat
