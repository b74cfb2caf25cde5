// Writes a request of Anthropic's Messages, for an upstream.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/try.h"
#include "chat/anthropic.h"
#include "chat/reply_reading.h"

namespace trinity::chat::anthropic {
namespace {

struct Writer {
  bool is_own;  // the request came in this dialect, so its other fields are known there

  void add_extra(Json& object, const Json& extra) const {
    for (const auto& [key, value] : extra.items())
      if (is_own || key == "cache_control") object.try_emplace(std::string(key), value);
  }

  static tl::unexpected<Error> unsupported(std::string_view what) {
    return fail(ErrorKind::unsupported, "unsupported_modality",
                fmt::format("messages: this member cannot be sent {}; choose another", what));
  }

  Result<Json> write_media(const Part& part) const {
    Json source;
    std::string media_type, data;
    const Json& image = part.media["image_url"];
    const Json& file = part.media["file"];
    if (part.kind == Part::Kind::image) {
      const std::string& url = image.is_string() ? image.as_string() : image["url"].as_string();
      source = split_data_url(url, media_type, data)
                   ? Json{{"type", "base64"}, {"media_type", media_type}, {"data", data}}
                   : Json{{"type", "url"}, {"url", url}};
    } else if (split_data_url(file["file_data"].as_string(), media_type, data) &&
               media_type == "application/pdf") {
      source = {{"type", "base64"}, {"media_type", media_type}, {"data", data}};
    } else if (file["file_url"].is_string()) {
      source = {{"type", "url"}, {"url", file["file_url"]}};
    } else {
      return unsupported(part.kind == Part::Kind::audio ? "audio" : "a file that is no PDF");
    }
    Json block = {{"type", part.kind == Part::Kind::image ? "image" : "document"}};
    block["source"] = std::move(source);
    if (const Json& name = file["filename"]; name.is_string()) block["title"] = name;
    add_extra(block, part.extra);
    return block;
  }

  /// Empty texts are left out: Anthropic refuses them.
  Result<Json> write_parts(const std::vector<Part>& parts) const {
    Json blocks = Json::array();
    for (const Part& part : parts) {
      const bool is_text = part.kind == Part::Kind::text || part.kind == Part::Kind::refusal;
      if (const Json& verbatim = part.extra["anthropic"]; verbatim.is_object()) {
        blocks.push_back(verbatim);
      } else if (!is_text) {
        TRINITY_TRY(Json block, write_media(part));
        blocks.push_back(std::move(block));
      } else if (!part.text.empty()) {
        Json block = {{"type", "text"}, {"text", part.text}};
        add_extra(block, part.extra);
        blocks.push_back(std::move(block));
      }
    }
    return blocks;
  }

  /// One plain text as such.
  static Json shortened(Json blocks) {
    if (blocks.empty()) return "";
    const bool is_plain = blocks.size() == 1 && blocks[0].size() == 2 && blocks[0].contains("text");
    return is_plain ? Json(blocks[0]["text"]) : blocks;
  }

  Json write_call(const Call& call) const {
    Json block = {{"type", "tool_use"}, {"id", call.id}, {"name", call.name}};
    const Result<Json> input = parse_json(call.arguments);
    if (input && input->is_object()) {
      block["input"] = *input;
    } else {
      // It must be an object. What a model spelled wrongly is shown to it as it was.
      block["input"] = call.arguments.find_first_not_of(" \t\r\n") == std::string::npos
                           ? Json::object()
                           : Json{{"invalid_arguments", call.arguments}};
    }
    add_extra(block, call.extra);
    return block;
  }

  Result<Json> write_assistant(const ChatMessage& message) const {
    Json blocks = Json::array();
    for (const Json& thought : message.extra["thinking_blocks"])
      if (thought["type"].as_string() != "thinking" || !thought["signature"].as_string().empty())
        blocks.push_back(thought);
    for (const Json& block : message.extra["content_blocks"]) blocks.push_back(block);
    TRINITY_TRY(const Json parts, write_parts(message.content));
    for (const Json& part : parts) blocks.push_back(part);
    for (const Call& call : message.calls) blocks.push_back(write_call(call));
    return blocks;
  }

  Result<Json> write_result(const ChatMessage& message) const {
    Json block = {{"type", "tool_result"}, {"tool_use_id", message.call_id}};
    TRINITY_TRY(Json content, write_parts(message.content));
    if (!content.empty()) block["content"] = shortened(std::move(content));
    if (message.call_failed) block["is_error"] = true;
    add_extra(block, message.extra);
    return block;
  }

  /// Answers of tools, and what the user says right behind them, are one message there.
  Status write_messages(const ChatRequest& request, Json& body) const {
    Json system = Json::array(), messages = Json::array();
    bool after_results = false;
    for (const ChatMessage& message : request.messages) {
      if (message.role == "system" || message.role == "developer") {
        TRINITY_TRY(const Json blocks, write_parts(message.content));
        for (const Json& block : blocks) system.push_back(block);
        continue;
      }
      const bool is_result = message.role == "tool";
      if (is_result) {
        if (!after_results) messages.push_back({{"role", "user"}, {"content", Json::array()}});
        TRINITY_TRY(Json block, write_result(message));
        messages[messages.size() - 1]["content"].push_back(std::move(block));
      } else if (after_results && message.role == "user") {
        TRINITY_TRY(const Json blocks, write_parts(message.content));
        for (const Json& block : blocks) messages[messages.size() - 1]["content"].push_back(block);
      } else {
        const bool is_assistant = message.role == "assistant";
        TRINITY_TRY(Json blocks,
                    is_assistant ? write_assistant(message) : write_parts(message.content));
        Json written = {{"role", is_assistant ? "assistant" : "user"}};
        written["content"] = shortened(std::move(blocks));
        messages.push_back(std::move(written));
      }
      after_results = is_result;
    }
    body["messages"] = std::move(messages);
    if (!system.empty()) body["system"] = shortened(std::move(system));
    return {};
  }

  Json write_tool(const Tool& tool) const {
    Json written = {{"name", tool.name}};
    if (!tool.description.empty()) written["description"] = tool.description;
    written["input_schema"] =
        tool.parameters.is_object() ? tool.parameters : Json{{"type", "object"}};
    if (tool.strict) written["strict"] = *tool.strict;
    add_extra(written, tool.extra);
    return written;
  }
};

Json write_tool_choice(const ChatRequest& request) {
  using Kind = ToolChoice::Kind;
  const ToolChoice& choice = request.tool_choice;
  const bool one_at_a_time = request.sampling.parallel_tool_calls == false;
  if (request.tools.empty() || (choice.kind == Kind::unset && !one_at_a_time)) return {};
  const char* const type = choice.kind == Kind::required ? "any"
                           : choice.kind == Kind::named  ? "tool"
                           : choice.kind == Kind::none   ? "none"
                                                         : "auto";
  Json written = {{"type", type}};
  if (choice.kind == Kind::named) written["name"] = choice.name;
  if (one_at_a_time && choice.kind != Kind::none) written["disable_parallel_tool_use"] = true;
  return written;
}

Json write_output(const ChatRequest& request) {
  Json output;
  const std::string& effort = request.sampling.reasoning_effort;
  if (!effort.empty() && effort != "none") output["effort"] = effort == "minimal" ? "low" : effort;
  if (request.format.kind == OutputFormat::Kind::json_schema)
    output["format"] = {{"type", "json_schema"}, {"schema", request.format.schema}};
  return output;
}

}  // namespace

Result<std::string> write_request(const ChatRequest& request, std::int64_t default_max_tokens) {
  const Writer writer{request.dialect == Dialect::anthropic};
  const Sampling& sampling = request.sampling;
  Json body = {{"model", request.model}};
  body["max_tokens"] = std::max<std::int64_t>(sampling.max_tokens.value_or(default_max_tokens), 1);
  TRINITY_CHECK(writer.write_messages(request, body));
  if (!request.tools.empty()) {
    Json& tools = body["tools"] = Json::array();
    for (const Tool& tool : request.tools) tools.push_back(writer.write_tool(tool));
  }
  if (Json choice = write_tool_choice(request); !choice.is_null())
    body["tool_choice"] = std::move(choice);
  if (sampling.temperature) body["temperature"] = std::min(*sampling.temperature, 1.0);
  if (sampling.top_p) body["top_p"] = *sampling.top_p;
  if (sampling.top_k && *sampling.top_k >= 0) body["top_k"] = *sampling.top_k;
  if (!sampling.stop.empty()) body["stop_sequences"] = sampling.stop;
  if (Json output = write_output(request); !output.is_null())
    body["output_config"] = std::move(output);
  if (request.stream) body["stream"] = true;
  if (writer.is_own)
    for (const auto& [key, value] : request.extra.items()) {
      if (key == "output_config") {
        for (const auto& [field, inside] : value.items())
          body[key].try_emplace(std::string(field), inside);
      } else if (key != "trinity") {
        body.try_emplace(std::string(key), value);
      }
    }
  return json_text(body);
}

}  // namespace trinity::chat::anthropic
