// Writes a request of OpenAI's chat completions, for an upstream.
#include <algorithm>
#include <array>

#include "base/json.h"
#include "chat/openai_chat.h"

namespace trinity::chat::openai {
namespace {

/// What the newer interface of OpenAI has under the same name.
constexpr std::array<std::string_view, 8> kSharedWithResponses = {
    "metadata",          "store", "service_tier",           "prompt_cache_key",
    "safety_identifier", "user",  "prompt_cache_retention", "verbosity"};

/// Puts `extra` beside what is there, which it cannot replace.
void add_member_extra(Json& object, const Json& extra) {
  for (const auto& [key, value] : extra.items()) object.try_emplace(std::string(key), value);
}

Json write_content(const ChatMessage& message) {
  std::vector<const Part*> parts;
  for (const Part& part : message.content)
    if (part.kind != Part::Kind::refusal) parts.push_back(&part);
  if (parts.empty()) return message.role == "assistant" ? Json() : Json("");
  if (parts.size() == 1 && parts[0]->kind == Part::Kind::text && parts[0]->extra.is_null())
    return parts[0]->text;
  Json content = Json::array();
  for (const Part* part : parts) content.push_back(write_part(*part));
  return content;
}

/// Fields of a message, a call or a tool that only its own dialect knows.
void add_own(Json& object, const Json& extra, Dialect dialect) {
  if (dialect == Dialect::openai_chat) return add_member_extra(object, extra);
  if (const Json* const google = extra.find("extra_content")) object["extra_content"] = *google;
}

Json write_call(const Call& call, Dialect dialect) {
  Json written = {{"id", call.id},
                  {"type", "function"},
                  {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
  add_own(written, call.extra, dialect);
  return written;
}

Json write_message(const ChatMessage& message, Dialect dialect) {
  Json written = {{"role", message.role}};
  written["content"] = write_content(message);
  if (const auto refusal = message.refusal()) written["refusal"] = *refusal;
  if (message.reasoning) written["reasoning_content"] = *message.reasoning;
  if (!message.calls.empty()) {
    Json& calls = written["tool_calls"] = Json::array();
    for (const Call& call : message.calls) calls.push_back(write_call(call, dialect));
  }
  if (message.role == "tool") written["tool_call_id"] = message.call_id;
  add_own(written, message.extra, dialect);
  return written;
}

Json write_tool(const Tool& tool, Dialect dialect) {
  Json function = {{"name", tool.name}};
  if (!tool.description.empty()) function["description"] = tool.description;
  if (!tool.parameters.is_null()) function["parameters"] = tool.parameters;
  if (tool.strict) function["strict"] = *tool.strict;
  if (dialect == Dialect::openai_chat) add_member_extra(function, tool.extra["function"]);
  Json written = {{"type", "function"}};
  written["function"] = std::move(function);
  add_own(written, tool.extra, dialect);
  return written;
}

Json write_tool_choice(const ToolChoice& choice) {
  switch (choice.kind) {
    case ToolChoice::Kind::automatic:
      return "auto";
    case ToolChoice::Kind::none:
      return "none";
    case ToolChoice::Kind::required:
      return "required";
    case ToolChoice::Kind::named:
      return {{"type", "function"}, {"function", {{"name", choice.name}}}};
    case ToolChoice::Kind::unset:
      break;
  }
  return {};
}

Json write_format(const OutputFormat& format) {
  if (format.kind == OutputFormat::Kind::json_object) return {{"type", "json_object"}};
  Json schema = {{"name", format.name.empty() ? "answer" : format.name}};
  if (!format.description.empty()) schema["description"] = format.description;
  if (!format.schema.is_null()) schema["schema"] = format.schema;
  if (format.strict) schema["strict"] = *format.strict;
  Json written = {{"type", "json_schema"}};
  written["json_schema"] = std::move(schema);
  return written;
}

template <typename T>
void put(Json& body, std::string_view key, const std::optional<T>& value) {
  if (value) body[key] = *value;
}

void write_sampling(Json& body, const Sampling& sampling, std::string_view max_tokens_field) {
  put(body, "temperature", sampling.temperature);
  put(body, "top_p", sampling.top_p);
  put(body, "frequency_penalty", sampling.frequency_penalty);
  put(body, "presence_penalty", sampling.presence_penalty);
  put(body, max_tokens_field, sampling.max_tokens);
  put(body, "top_k", sampling.top_k);
  put(body, "seed", sampling.seed);
  if (!sampling.stop.empty()) body["stop"] = sampling.stop;
  if (!sampling.reasoning_effort.empty()) body["reasoning_effort"] = sampling.reasoning_effort;
  put(body, "parallel_tool_calls", sampling.parallel_tool_calls);
  if (sampling.logprobs) body["logprobs"] = true;
  put(body, "top_logprobs", sampling.top_logprobs);
}

bool goes_along(Dialect dialect, std::string_view key) {
  if (key == "trinity") return false;
  if (dialect == Dialect::openai_chat) return true;
  return dialect == Dialect::openai_responses &&
         std::find(kSharedWithResponses.begin(), kSharedWithResponses.end(), key) !=
             kSharedWithResponses.end();
}

}  // namespace

Json write_part(const Part& part) {
  if (part.kind != Part::Kind::text && part.kind != Part::Kind::refusal) return part.media;
  const char* const type = part.kind == Part::Kind::text ? "text" : "refusal";
  Json written = {{"type", type}};
  written[type] = part.text;
  for (const auto& [key, value] : part.extra.items())
    if (key != "anthropic") written.try_emplace(std::string(key), value);
  return written;
}

std::string write_request(const ChatRequest& request, std::string_view max_tokens_field) {
  Json body = {{"model", request.model}};
  Json& messages = body["messages"] = Json::array();
  for (const ChatMessage& message : request.messages)
    messages.push_back(write_message(message, request.dialect));
  if (!request.tools.empty()) {
    Json& tools = body["tools"] = Json::array();
    for (const Tool& tool : request.tools) tools.push_back(write_tool(tool, request.dialect));
  }
  if (request.tool_choice.kind != ToolChoice::Kind::unset)
    body["tool_choice"] = write_tool_choice(request.tool_choice);
  if (request.format.kind != OutputFormat::Kind::text)
    body["response_format"] = write_format(request.format);
  write_sampling(body, request.sampling, max_tokens_field);
  if (request.n != 1) body["n"] = request.n;
  if (request.stream) body["stream"] = true;
  if (request.stream && request.include_usage) body["stream_options"]["include_usage"] = true;
  for (const auto& [key, value] : request.extra.items()) {
    if (!goes_along(request.dialect, key)) continue;
    if (key == "stream_options") {
      if (request.stream) add_member_extra(body[key], value);
    } else {
      body.try_emplace(std::string(key), value);
    }
  }
  return json_text(body);
}

}  // namespace trinity::chat::openai
