// Reads replies of Anthropic's Messages, whole and event by event.
#include <fmt/format.h>

#include "base/json.h"
#include "base/try.h"
#include "chat/anthropic.h"
#include "chat/errors.h"
#include "chat/reply_reading.h"

namespace trinity::chat::anthropic {
namespace {

FinishReason finish_of(std::string_view word) {
  if (word == "max_tokens" || word == "model_context_window_exceeded") return FinishReason::length;
  if (word == "tool_use") return FinishReason::tool_calls;
  if (word == "refusal") return FinishReason::content_filter;
  return FinishReason::stop;
}

/// Its input_tokens are those that no cache had.
std::optional<Usage> read_usage(const Json& usage) {
  if (!usage.is_object()) return std::nullopt;
  Usage read;
  read.cached_input = token_count(usage["cache_read_input_tokens"]);
  read.input = token_count(usage["input_tokens"]) + read.cached_input +
               token_count(usage["cache_creation_input_tokens"]);
  read.output = token_count(usage["output_tokens"]);
  read.reasoning = token_count(usage["output_tokens_details"]["thinking_tokens"]);
  return read;
}

Json call_extra(const Json& block) {
  Json extra;
  for (const auto& [key, value] : block.items())
    if (key != "type" && key != "id" && key != "name" && key != "input" &&
        !(key == "caller" && value["type"].as_string() == "direct"))
      extra[key] = value;
  return extra;
}

Result<Json> read_document(std::string_view body) {
  TRINITY_TRY(Json document, read_response(body));
  if (document["type"].as_string() == "error" || document["error"].is_object())
    return upstream_error(body);
  return document;
}

std::string input_text(const Json& input) { return input.is_object() ? json_text(input) : "{}"; }

}  // namespace

Result<ChatReply> read_reply(std::string_view body) {
  TRINITY_TRY(const Json document, read_document(body));
  if (!document["content"].is_array())
    return invalid_response("the answer has no list of content", body);
  ChatReply reply;
  reply.id = document["id"].as_string();
  reply.model = document["model"].as_string();
  ChatMessage& message = reply.message;
  std::string text;
  for (const Json& block : document["content"]) {
    const std::string& type = block["type"].as_string();
    if (type == "text") {
      text += block["text"].as_string();
    } else if (type == "thinking" || type == "redacted_thinking") {
      if (const std::string& thought = block["thinking"].as_string(); !thought.empty())
        message.reasoning = message.reasoning.value_or("") + thought;
      message.extra["thinking_blocks"].push_back(block);
    } else if (type == "tool_use") {
      message.calls.push_back({block["id"].as_string(), block["name"].as_string(),
                               input_text(block["input"]), call_extra(block)});
    } else {
      message.extra["content_blocks"].push_back(block);
    }
  }
  if (!text.empty()) message.content.push_back({Part::Kind::text, text});
  reply.finish =
      settled_finish(finish_of(document["stop_reason"].as_string()), !message.calls.empty());
  reply.usage = read_usage(document["usage"]);
  return reply;
}

void EventReader::start_block(const Json& event, Delta& delta) {
  const std::uint64_t index = event["index"].as_uint64();
  const Json& block = event["content_block"];
  const std::string& type = block["type"].as_string();
  if (type == "text") {
    delta.text = block["text"].as_string();
  } else if (type == "thinking") {
    thoughts_[index] = block;
    delta.reasoning = block["thinking"].as_string();
  } else if (type == "redacted_thinking") {
    delta.extra["thinking_blocks"].push_back(block);
  } else if (type == "tool_use") {
    const std::size_t call = call_of_.size();
    call_of_[index] = call;
    const bool is_whole = !block["input"].empty();
    has_whole_input_[index] = is_whole;
    delta.calls.push_back({call, block["id"].as_string(), block["name"].as_string(),
                           is_whole ? json_text(block["input"]) : "", call_extra(block)});
  } else {
    delta.extra["content_blocks"].push_back(block);
  }
}

void EventReader::add_to_block(const Json& event, Delta& delta) {
  const std::uint64_t index = event["index"].as_uint64();
  const Json& piece = event["delta"];
  const std::string& type = piece["type"].as_string();
  if (type == "text_delta") {
    delta.text = piece["text"].as_string();
  } else if (type == "thinking_delta") {
    delta.reasoning = piece["thinking"].as_string();
    Json& thought = thoughts_[index]["thinking"];
    thought = thought.as_string() + delta.reasoning;
  } else if (type == "signature_delta") {
    Json& signature = thoughts_[index]["signature"];
    signature = signature.as_string() + piece["signature"].as_string();
  } else if (type == "input_json_delta") {
    const auto call = call_of_.find(index);
    const std::string& text = piece["partial_json"].as_string();
    if (call == call_of_.end() || text.empty()) return;
    has_whole_input_[index] = true;
    delta.calls.push_back({call->second, "", "", text});
  }
}

void EventReader::stop_block(const Json& event, Delta& delta) {
  const std::uint64_t index = event["index"].as_uint64();
  if (const auto thought = thoughts_.find(index); thought != thoughts_.end()) {
    Json block = {{"type", "thinking"}};
    block.update(thought->second);
    delta.extra["thinking_blocks"].push_back(std::move(block));
    thoughts_.erase(thought);
  }
  // A call without arguments has no piece of them at all.
  if (const auto whole = has_whole_input_.find(index);
      whole != has_whole_input_.end() && !whole->second)
    delta.calls.push_back({call_of_[index], "", "", "{}"});
}

Result<std::optional<Delta>> EventReader::read(std::string_view data) {
  if (data.find_first_not_of(" \t\r\n") == std::string_view::npos) return Delta();
  TRINITY_TRY(const Json event, read_document(data));
  const std::string& type = event["type"].as_string();
  Delta delta;
  if (type == "message_stop") return std::nullopt;
  if (type == "message_start") {
    const Json& message = event["message"];
    delta.id = message["id"].as_string();
    delta.model = message["model"].as_string();
    usage_ = message["usage"];
    delta.usage = read_usage(usage_);
  } else if (type == "content_block_start") {
    start_block(event, delta);
  } else if (type == "content_block_delta") {
    add_to_block(event, delta);
  } else if (type == "content_block_stop") {
    stop_block(event, delta);
  } else if (type == "message_delta") {
    const std::string& reason = event["delta"]["stop_reason"].as_string();
    if (!reason.empty()) delta.finish = finish_of(reason);
    // Counts are those of the whole so far; what is not said again stays.
    for (const auto& [key, value] : event["usage"].items())
      if (!value.is_null()) usage_[key] = value;
    delta.usage = read_usage(usage_);
  }
  return delta;
}

}  // namespace trinity::chat::anthropic
