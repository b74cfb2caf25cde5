// Writes answers in the form of OpenAI's chat completions, whole and in chunks.
#include <fmt/format.h>

#include "base/json.h"
#include "chat/openai_chat.h"

namespace trinity::chat::openai {
namespace {

void add_extra(Json& object, const Json& extra) {
  for (const auto& [key, value] : extra.items()) object.try_emplace(std::string(key), value);
}

/// Both names that clients know.
void put_reasoning(Json& message, const std::string& reasoning) {
  message["reasoning_content"] = reasoning;
  message["reasoning"] = reasoning;
}

/// The fields that the description demands, null where nothing is known.
Json write_logprobs(const Json& logprobs) {
  if (!logprobs.is_object()) return {};
  Json written = {{"content", logprobs["content"]}, {"refusal", logprobs["refusal"]}};
  add_extra(written, logprobs);
  return written;
}

Json write_message(const ChatMessage& message) {
  Json written = {{"role", "assistant"}};
  const std::string text = message.text();
  const auto refusal = message.refusal();
  const bool is_null = text.empty() && (refusal || !message.calls.empty());
  written["content"] = is_null ? Json() : Json(text);
  written["refusal"] = refusal;
  const Json& annotations = message.extra["annotations"];
  written["annotations"] = annotations.is_array() ? annotations : Json::array();
  if (message.reasoning) put_reasoning(written, *message.reasoning);
  if (!message.calls.empty()) {
    Json& calls = written["tool_calls"] = Json::array();
    for (const Call& call : message.calls) {
      const std::string id = call.id.empty() ? fmt::format("call_{}", calls.size()) : call.id;
      Json& one =
          calls.push_back({{"id", id},
                           {"type", "function"},
                           {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
      add_extra(one, call.extra);
    }
  }
  add_extra(written, message.extra);
  return written;
}

Json chunk_of(const Envelope& envelope, Json choices, const Json& extra) {
  Json chunk = {{"id", envelope.id},
                {"object", "chat.completion.chunk"},
                {"created", envelope.created},
                {"model", envelope.model}};
  chunk["choices"] = std::move(choices);
  if (envelope.include_usage) chunk["usage"] = Json();
  add_extra(chunk, extra);
  return chunk;
}

Json choice_of(Json delta) {
  Json choice = {{"index", 0}};
  choice["delta"] = std::move(delta);
  choice["logprobs"] = Json();
  choice["finish_reason"] = Json();
  return choice;
}

/// Names stand in the first piece only: clients that find them again, or null, lose the call.
Json write_call_piece(const Delta::CallPiece& call) {
  Json written = {{"index", call.index}};
  Json function = Json::object();
  if (!call.id.empty()) written["id"] = call.id;
  if (!call.id.empty() || !call.name.empty()) written["type"] = "function";
  if (!call.name.empty()) function["name"] = call.name;
  function["arguments"] = call.arguments;
  written["function"] = std::move(function);
  add_extra(written, call.extra);
  return written;
}

}  // namespace

Json write_usage(const Usage& usage, const Json& usage_extra) {
  Json written = {{"prompt_tokens", usage.input},
                  {"completion_tokens", usage.output},
                  {"total_tokens", usage.input + usage.output},
                  {"prompt_tokens_details", {{"cached_tokens", usage.cached_input}}},
                  {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning}}}};
  if (!usage_extra.is_null()) written["trinity"] = usage_extra;
  if (usage.estimated) written["trinity"]["estimated"] = true;
  return written;
}

std::string write_reply(const ChatReply& reply, const Envelope& envelope) {
  Json choice = {{"index", 0}};
  choice["message"] = write_message(reply.message);
  choice["logprobs"] = write_logprobs(reply.logprobs);
  choice["finish_reason"] =
      finish_reason_name(settled_finish(reply.finish, !reply.message.calls.empty()));
  Json body = {{"id", envelope.id},
               {"object", "chat.completion"},
               {"created", envelope.created},
               {"model", envelope.model}};
  body["choices"] = Json::array({std::move(choice)});
  if (reply.usage) body["usage"] = write_usage(*reply.usage, envelope.usage_extra);
  return json_text(body);
}

std::string write_first_chunk(const Envelope& envelope, const Json& extra) {
  Json delta = {{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}};
  return json_text(chunk_of(envelope, Json::array({choice_of(std::move(delta))}), extra));
}

std::string write_chunk(const Delta& delta, const Envelope& envelope, const Json& extra) {
  Json piece = Json::object();
  if (!delta.text.empty()) piece["content"] = delta.text;
  if (!delta.refusal.empty()) piece["refusal"] = delta.refusal;
  if (!delta.reasoning.empty()) put_reasoning(piece, delta.reasoning);
  for (const Delta::CallPiece& call : delta.calls)
    piece["tool_calls"].push_back(write_call_piece(call));
  add_extra(piece, delta.extra);
  Json choice = choice_of(std::move(piece));
  choice["logprobs"] = write_logprobs(delta.logprobs);
  if (delta.finish) choice["finish_reason"] = finish_reason_name(*delta.finish);
  return json_text(chunk_of(envelope, Json::array({std::move(choice)}), extra));
}

std::string write_usage_chunk(const Usage& usage, const Envelope& envelope) {
  Json chunk = chunk_of(envelope, Json::array(), {});
  chunk["usage"] = write_usage(usage, envelope.usage_extra);
  return json_text(chunk);
}

}  // namespace trinity::chat::openai
