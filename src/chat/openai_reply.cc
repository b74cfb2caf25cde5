// Reads replies of servers that speak OpenAI's chat completions, whole and in chunks.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "chat/errors.h"
#include "chat/openai_chat.h"
#include "chat/reply_reading.h"

namespace trinity::chat::openai {
namespace {

/// Fields of a message or a delta that are read; the others are kept.
constexpr std::string_view kRead[] = {"role",      "content",           "refusal",
                                      "reasoning", "reasoning_content", "tool_calls"};

FinishReason finish_of(std::string_view word) {
  if (word == "length" || word == "max_tokens" || word == "model_length")
    return FinishReason::length;
  if (word == "tool_calls" || word == "function_call" || word == "tool_use")
    return FinishReason::tool_calls;
  if (word == "content_filter" || word == "safety") return FinishReason::content_filter;
  return FinishReason::stop;
}

/// Text, refusal and reasoning, which a message has whole and a delta in pieces.
struct Said {
  std::string text, refusal, reasoning;
  bool has_reasoning = false;
  Json extra;
};

void read_parts(const Json& parts, Said& said);

void read_part(const Json& part, Said& said) {
  const std::string& type = part["type"].as_string();
  if (part.is_string()) {
    said.text += part.as_string();
  } else if (type == "text" || type == "output_text") {
    said.text += part["text"].as_string();
  } else if (type == "refusal") {
    said.refusal += part["refusal"].as_string();
  } else if (type == "thinking" || type == "reasoning") {
    // Mistral's reasoning models: a list of text parts, or a text.
    Said thought;
    read_parts(part[type], thought);
    said.reasoning += thought.text;
    said.has_reasoning = true;
  } else if (type == "image_url") {
    said.extra["images"].push_back(part);
  } else if (!part.is_null()) {
    said.extra["content_parts"].push_back(part);
  }
}

void read_parts(const Json& parts, Said& said) {
  if (parts.is_string()) said.text += parts.as_string();
  for (const Json& part : parts) read_part(part, said);
}

Said read_said(const Json& message) {
  Said said;
  read_parts(message["content"], said);
  said.refusal += message["refusal"].as_string();
  for (const char* key : {"reasoning_content", "reasoning"})
    if (message[key].is_string() && !said.has_reasoning) {
      said.reasoning = message[key].as_string();
      said.has_reasoning = true;
    }
  for (const auto& [key, value] : message.items()) {
    const bool is_read = std::find(std::begin(kRead), std::end(kRead), key) != std::end(kRead);
    const bool is_empty = value.is_null() || (value.is_array() && value.empty());
    if (!is_read && !is_empty) said.extra[key] = value;
  }
  return said;
}

std::string arguments_of(const Json& arguments) {
  if (arguments.is_null()) return "";
  return arguments.is_string() ? arguments.as_string() : json_text(arguments);
}

Json call_extra(const Json& call) {
  Json extra;
  for (const auto& [key, value] : call.items())
    if (key != "id" && key != "type" && key != "function" && key != "index" && !value.is_null())
      extra[key] = value;
  return extra;
}

/// What both forms have beside their message. An error object is the whole answer.
Result<Json> read_body(std::string_view body) {
  TRINITY_TRY(Json document, read_response(body));
  if (!document["error"].is_null()) return upstream_error(body);
  return document;
}

std::optional<Usage> usage_of(const Json& document) {
  if (auto usage = read_usage(document["usage"])) return usage;
  return read_usage(document["x_groq"]["usage"]);
}

}  // namespace

std::optional<Usage> read_usage(const Json& usage) {
  if (!usage.is_object() || !usage.contains("prompt_tokens")) return std::nullopt;
  Usage read;
  read.input = token_count(usage["prompt_tokens"]);
  read.output = token_count(usage["completion_tokens"]);
  const Json& cached = usage["prompt_tokens_details"]["cached_tokens"];
  read.cached_input =
      token_count(cached.is_null() ? usage["prompt_cache_hit_tokens"] : cached);  // DeepSeek
  read.reasoning = token_count(usage["completion_tokens_details"]["reasoning_tokens"]);
  return read;
}

Result<ChatReply> read_reply(std::string_view body) {
  TRINITY_TRY(const Json document, read_body(body));
  const Json& choice = document["choices"][0];
  const Json& message = choice["message"];
  if (!message.is_object()) return invalid_response("the answer has no choices[0].message", body);
  ChatReply reply;
  reply.id = document["id"].as_string();
  reply.model = document["model"].as_string();
  Said said = read_said(message);
  if (!said.text.empty()) reply.message.content.push_back({Part::Kind::text, said.text});
  if (!said.refusal.empty()) reply.message.content.push_back({Part::Kind::refusal, said.refusal});
  if (!said.reasoning.empty()) reply.message.reasoning = said.reasoning;
  for (const Json& call : message["tool_calls"])
    reply.message.calls.push_back({call["id"].as_string(), call["function"]["name"].as_string(),
                                   arguments_of(call["function"]["arguments"]), call_extra(call)});
  reply.message.extra = std::move(said.extra);
  if (choice["finish_reason"].as_string() == "error")
    return upstream_error("the model broke off with an error");
  reply.finish =
      settled_finish(finish_of(choice["finish_reason"].as_string()), !reply.message.calls.empty());
  reply.usage = usage_of(document);
  if (choice["logprobs"].is_object()) reply.logprobs = choice["logprobs"];
  return reply;
}

Result<std::optional<Delta>> read_chunk(std::string_view data) {
  const std::size_t begin = data.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return Delta();  // a sign of life
  data = data.substr(begin, data.find_last_not_of(" \t\r\n") + 1 - begin);
  if (data == "[DONE]") return std::nullopt;
  TRINITY_TRY(const Json document, read_body(data));
  Delta delta;
  delta.id = document["id"].as_string();
  delta.model = document["model"].as_string();
  delta.usage = usage_of(document);
  const Json& choice = document["choices"][0];
  const Json& piece = choice["delta"].is_object() ? choice["delta"] : choice["message"];
  Said said = read_said(piece);
  delta.text = std::move(said.text);
  delta.refusal = std::move(said.refusal);
  delta.reasoning = std::move(said.reasoning);
  delta.extra = std::move(said.extra);
  const Json& calls = piece["tool_calls"];
  for (std::size_t i = 0; i < calls.size() && calls.is_array(); ++i) {
    const Json& call = calls[i];
    const auto index = call["index"].to_uint64();
    delta.calls.push_back({static_cast<std::size_t>(index.value_or(i)), call["id"].as_string(),
                           call["function"]["name"].as_string(),
                           arguments_of(call["function"]["arguments"]), call_extra(call)});
  }
  const std::string& finish = choice["finish_reason"].as_string();
  if (finish == "error") return upstream_error("the model broke off with an error");
  if (!finish.empty()) delta.finish = finish_of(finish);
  if (choice["logprobs"].is_object()) delta.logprobs = choice["logprobs"];
  return delta;
}

}  // namespace trinity::chat::openai
