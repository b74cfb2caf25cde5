#include "chat/gemini.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "base/json.h"
#include "base/try.h"
#include "chat/assembly.h"
#include "chat/errors.h"
#include "chat/reply_reading.h"

namespace trinity::chat::gemini {
namespace {

const Json& signature_of(const Json& extra) {
  return extra["extra_content"]["google"]["thought_signature"];
}

Json signature_extra(const Json& signature) {
  Json extra;
  extra["extra_content"]["google"]["thought_signature"] = signature;
  return extra;
}

// --- Requests ------------------------------------------------------------------------------------

Json inline_data(std::string_view media_type, std::string_view data) {
  return {{"inlineData", {{"mimeType", media_type}, {"data", data}}}};
}

Result<Json> write_media(const Part& part) {
  std::string media_type, data;
  if (part.kind == Part::Kind::audio) {
    const Json& audio = part.media["input_audio"];
    return inline_data("audio/" + audio["format"].as_string(), audio["data"].as_string());
  }
  const Json& image = part.media["image_url"];
  const Json& file = part.media["file"];
  const std::string& url =
      part.kind == Part::Kind::image  ? (image.is_string() ? image : image["url"]).as_string()
      : file["file_data"].is_string() ? file["file_data"].as_string()
      : file["file_url"].is_string()  ? file["file_url"].as_string()
                                      : part.media["video_url"]["url"].as_string();
  if (split_data_url(url, media_type, data)) return inline_data(media_type, data);
  if (!url.empty()) return Json{{"fileData", {{"fileUri", url}}}};
  return fail(ErrorKind::unsupported, "unsupported_modality",
              "messages: this member cannot be sent a file by its name; choose another, or send "
              "its data");
}

Status write_parts(const std::vector<Part>& content, Json& parts) {
  for (const Part& part : content) {
    if (part.kind == Part::Kind::text || part.kind == Part::Kind::refusal) {
      if (!part.text.empty()) parts.push_back({{"text", part.text}});
    } else {
      TRINITY_TRY(Json media, write_media(part));
      parts.push_back(std::move(media));
    }
  }
  return {};
}

Json object_of(const std::string& text, const char* key) {
  const Result<Json> value = parse_json(text);
  if (value && value->is_object()) return *value;
  Json wrapped = Json::object();
  if (text.find_first_not_of(" \t\r\n") != std::string::npos)
    wrapped[std::string_view(key)] = value ? *value : Json(text);
  return wrapped;
}

struct Writer {
  std::map<std::string, std::string> names = {};  // of calls, by their ids

  Status write_assistant(const ChatMessage& message, Json& parts) {
    TRINITY_CHECK(write_parts(message.content, parts));
    const Json& signature = signature_of(message.extra);
    if (signature.is_string() && !parts.empty()) parts[0]["thoughtSignature"] = signature;
    for (const Call& call : message.calls) {
      names[call.id] = call.name;
      Json made = {{"name", call.name}, {"args", object_of(call.arguments, "invalid_arguments")}};
      if (!call.id.empty()) made["id"] = call.id;
      Json part;
      part["functionCall"] = std::move(made);
      if (const Json& own = signature_of(call.extra); own.is_string())
        part["thoughtSignature"] = own;
      parts.push_back(std::move(part));
    }
    return {};
  }

  Status write_result(const ChatMessage& message, Json& parts) {
    const auto name = names.find(message.call_id);
    Json response;
    if (message.call_failed) {
      response["error"] = message.text();
    } else {
      response = object_of(message.text(), "result");
    }
    Json made = {{"name", name == names.end() ? message.call_id : name->second}};
    if (!message.call_id.empty()) made["id"] = message.call_id;
    made["response"] = std::move(response);
    Json part;
    part["functionResponse"] = std::move(made);
    parts.push_back(std::move(part));
    for (const Part& other : message.content)
      if (other.kind != Part::Kind::text && other.kind != Part::Kind::refusal) {
        TRINITY_TRY(Json media, write_media(other));
        parts.push_back(std::move(media));
      }
    return {};
  }

  /// Neighbours that speak in one role are one entry.
  Status write_messages(const ChatRequest& request, Json& body) {
    Json contents = Json::array(), system = Json::array();
    for (const ChatMessage& message : request.messages) {
      Json parts = Json::array();
      if (message.role == "system" || message.role == "developer") {
        TRINITY_CHECK(write_parts(message.content, system));
        continue;
      }
      if (message.role == "assistant") {
        TRINITY_CHECK(write_assistant(message, parts));
      } else if (message.role == "tool") {
        TRINITY_CHECK(write_result(message, parts));
      } else {
        TRINITY_CHECK(write_parts(message.content, parts));
      }
      if (parts.empty()) parts.push_back({{"text", ""}});
      const char* const role = message.role == "assistant" ? "model" : "user";
      Json* const last = contents.empty() ? nullptr : &contents[contents.size() - 1];
      if (last != nullptr && std::as_const(*last)["role"].as_string() == role) {
        for (const Json& part : parts) (*last)["parts"].push_back(part);
      } else {
        Json entry = {{"role", role}};
        entry["parts"] = std::move(parts);
        contents.push_back(std::move(entry));
      }
    }
    if (!system.empty()) body["systemInstruction"]["parts"] = std::move(system);
    body["contents"] = std::move(contents);
    return {};
  }
};

void write_tools(const ChatRequest& request, Json& body) {
  using Kind = ToolChoice::Kind;
  if (request.tools.empty()) return;
  Json declarations = Json::array();
  for (const Tool& tool : request.tools) {
    Json declared = {{"name", tool.name}};
    if (!tool.description.empty()) declared["description"] = tool.description;
    if (tool.parameters.is_object()) declared["parametersJsonSchema"] = tool.parameters;
    declarations.push_back(std::move(declared));
  }
  body["tools"][0]["functionDeclarations"] = std::move(declarations);
  const ToolChoice& choice = request.tool_choice;
  if (choice.kind == Kind::unset) return;
  Json& calling = body["toolConfig"]["functionCallingConfig"];
  calling["mode"] = choice.kind == Kind::none        ? "NONE"
                    : choice.kind == Kind::automatic ? "AUTO"
                                                     : "ANY";
  if (choice.kind == Kind::named) calling["allowedFunctionNames"][0] = choice.name;
}

void write_generation(const ChatRequest& request, Json& body) {
  const Sampling& sampling = request.sampling;
  Json config;
  const auto put = [&](std::string_view key, const auto& value) {
    if (value) config[key] = *value;
  };
  put("temperature", sampling.temperature);
  put("topP", sampling.top_p);
  put("topK", sampling.top_k);
  put("maxOutputTokens", sampling.max_tokens);
  put("seed", sampling.seed);
  put("presencePenalty", sampling.presence_penalty);
  put("frequencyPenalty", sampling.frequency_penalty);
  if (!sampling.stop.empty()) config["stopSequences"] = sampling.stop;
  if (request.format.kind != OutputFormat::Kind::text)
    config["responseMimeType"] = "application/json";
  if (!request.format.schema.is_null()) config["responseJsonSchema"] = request.format.schema;
  const std::string& effort = sampling.reasoning_effort;
  if (effort == "none") {
    config["thinkingConfig"]["thinkingBudget"] = 0;
  } else if (!effort.empty()) {
    config["thinkingConfig"]["thinkingLevel"] = effort == "xhigh" ? "high" : effort;
  }
  if (!config.is_null()) body["generationConfig"] = std::move(config);
}

// --- Replies -------------------------------------------------------------------------------------

Result<FinishReason> finish_of(const std::string& word, std::string_view body) {
  if (word == "MAX_TOKENS") return FinishReason::length;
  if (word == "SAFETY" || word == "RECITATION" || word == "BLOCKLIST" || word == "LANGUAGE" ||
      word == "PROHIBITED_CONTENT" || word == "SPII" || word.starts_with("IMAGE_"))
    return FinishReason::content_filter;
  if (word == "MALFORMED_FUNCTION_CALL" || word == "UNEXPECTED_TOOL_CALL")
    return invalid_response(fmt::format("the model ended with {}", word), body);
  return FinishReason::stop;
}

std::optional<Usage> read_usage(const Json& usage) {
  if (!usage.is_object()) return std::nullopt;
  Usage read;
  read.input =
      token_count(usage["promptTokenCount"]) + token_count(usage["toolUsePromptTokenCount"]);
  read.reasoning = token_count(usage["thoughtsTokenCount"]);
  read.output = token_count(usage["candidatesTokenCount"]) + read.reasoning;
  read.cached_input = token_count(usage["cachedContentTokenCount"]);
  return read;
}

void read_part(const Json& part, std::size_t& calls, Delta& delta) {
  const Json& signature = part["thoughtSignature"];
  const Json extra = signature.is_string() ? signature_extra(signature) : Json();
  if (const Json& call = part["functionCall"]; call.is_object()) {
    const std::string& id = call["id"].as_string();
    delta.calls.push_back({calls, id.empty() ? fmt::format("call_{}", calls) : id,
                           call["name"].as_string(),
                           call["args"].is_object() ? json_text(call["args"]) : "{}", extra});
    ++calls;
    return;
  }
  append_extra(delta.extra, extra);
  if (part["text"].is_string()) {
    (part["thought"].as_bool() ? delta.reasoning : delta.text) += part["text"].as_string();
  } else if (const Json& data = part["inlineData"]; data.is_object()) {
    const std::string url = data_url(data["mimeType"].as_string(), data["data"].as_string());
    delta.extra["images"].push_back({{"type", "image_url"}, {"image_url", {{"url", url}}}});
  } else if (part.is_object() && !part.empty() && !signature.is_string()) {
    delta.extra["content_parts"].push_back(part);
  }
}

Result<Delta> read_response_piece(std::string_view body, std::size_t& calls) {
  TRINITY_TRY(const Json document, read_response(body));
  if (document["error"].is_object()) return upstream_error(body);
  Delta delta;
  delta.id = document["responseId"].as_string();
  delta.model = document["modelVersion"].as_string();
  delta.usage = read_usage(document["usageMetadata"]);
  const Json& candidate = document["candidates"][0];
  for (const Json& part : candidate["content"]["parts"]) read_part(part, calls, delta);
  if (const std::string& finish = candidate["finishReason"].as_string(); !finish.empty()) {
    TRINITY_TRY(delta.finish, finish_of(finish, body));
  } else if (document["promptFeedback"]["blockReason"].is_string()) {
    delta.finish = FinishReason::content_filter;
  }
  return delta;
}

}  // namespace

Result<std::string> write_request(const ChatRequest& request) {
  Json body;
  TRINITY_CHECK(Writer().write_messages(request, body));
  write_tools(request, body);
  write_generation(request, body);
  if (request.dialect == Dialect::gemini)
    for (const auto& [key, value] : request.extra.items())
      if (key != "trinity") body.try_emplace(std::string(key), value);
  return json_text(body);
}

Result<ChatReply> read_reply(std::string_view body) {
  std::size_t calls = 0;
  TRINITY_TRY(Delta delta, read_response_piece(body, calls));
  if (!delta.finish) return invalid_response("the answer has no finished candidate", body);
  Assembly assembly;
  assembly.add(std::move(delta));
  return assembly.finish();
}

Result<Delta> ChunkReader::read(std::string_view data) {
  if (data.find_first_not_of(" \t\r\n") == std::string_view::npos) return Delta();
  return read_response_piece(data, calls_);
}

}  // namespace trinity::chat::gemini
