// Reads a request of Anthropic's Messages.
#include <fmt/format.h>

#include <utility>

#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "chat/anthropic.h"
#include "chat/field_reader.h"
#include "chat/reply_reading.h"

namespace trinity::chat::anthropic {
namespace {

Json image_part(std::string_view url) {
  return {{"type", "image_url"}, {"image_url", {{"url", url}}}};
}

Json file_part(std::string_view key, std::string_view value, const std::string& name) {
  Json part = {{"type", "file"}};
  part["file"][key] = value;
  if (!name.empty()) part["file"]["filename"] = name;
  return part;
}

/// An image or a document by data, URL, name or text.
void read_source(FieldReader& in, const Json& block, bool is_image, Part& part) {
  FieldReader source(in.any("source"), in.at("source"), in.problem());
  std::string type, data, media_type, title;
  source.required_text("type", type);
  if (!is_image) in.text("title", title);
  part.kind = is_image ? Part::Kind::image : Part::Kind::file;
  if (type == "base64") {
    source.required_text("data", data);
    source.required_text("media_type", media_type);
    data = data_url(media_type, data);
    part.media = is_image ? image_part(data) : file_part("file_data", data, title);
  } else if (type == "url") {
    source.required_text("url", data);
    part.media = is_image ? image_part(data) : file_part("file_url", data, title);
  } else if (type == "file") {
    source.required_text("file_id", data);
    part.kind = Part::Kind::file;
    part.media = file_part("file_id", data, title);
  } else if (type == "text" && !is_image) {
    part.kind = Part::Kind::text;
    source.required_text("data", part.text);
  } else {
    in.problem().add_unsupported(source.at("type"), fmt::format("{} is not served", excerpt(type)));
  }
  if (is_image && type != "file") {
    part.extra = in.rest();
  } else {
    part.extra["anthropic"] = block;
  }
}

void read_search_result(FieldReader& in, const Json& block, Part& part) {
  std::string title;
  in.required_text("title", title);
  part.text = title;
  if (const Json* const content = in.list("content"))
    for (const Json& piece : *content) part.text += "\n" + piece["text"].as_string();
  part.extra["anthropic"] = block;
}

/// A part that messages and results of tools have. False: the block is none.
bool read_part(FieldReader& in, const Json& block, const std::string& type, Part& part) {
  if (type == "text") {
    in.required_text("text", part.text);
    part.extra = in.rest();
  } else if (type == "image" || type == "document") {
    read_source(in, block, type == "image", part);
  } else if (type == "search_result") {
    read_search_result(in, block, part);
  } else {
    return false;
  }
  return true;
}

void read_parts(const Json& content, const std::string& path, Problem& problem,
                std::vector<Part>& parts) {
  if (const std::string* const text = content.to_string()) {
    if (!text->empty()) parts.push_back({Part::Kind::text, *text});
  } else if (content.is_array()) {
    for (std::size_t i = 0; i < content.size() && !problem; ++i) {
      FieldReader in(content[i], element(path, i), problem);
      std::string type;
      in.required_text("type", type);
      if (!problem && !read_part(in, content[i], type, parts.emplace_back()))
        problem.add_unsupported(in.at("type"), fmt::format("{} is not served", excerpt(type)));
    }
  } else if (!content.is_null()) {
    problem.add(path,
                fmt::format("must be a string or an array of blocks, got {}", content.type_name()));
  }
}

/// What one message of the dialect holds: answers of tools, and a message.
struct MessageReader {
  ChatMessage message;
  std::vector<ChatMessage> results = {};

  void read_block(FieldReader& in, const Json& block, const std::string& type) {
    if (type == "tool_use") {
      read_call(in);
    } else if (type == "tool_result") {
      read_result(in);
    } else if (type == "thinking" || type == "redacted_thinking") {
      std::string thought;
      in.required_text(type == "thinking" ? "thinking" : "data", thought);
      if (type == "thinking") message.reasoning = message.reasoning.value_or("") + thought;
      message.extra["thinking_blocks"].push_back(block);
    } else if (type.ends_with("_tool_use") || type.ends_with("_tool_result")) {
      message.extra["content_blocks"].push_back(block);
    } else if (Part part; read_part(in, block, type, part)) {
      message.content.push_back(std::move(part));
    } else {
      in.problem().add_unsupported(in.at("type"), fmt::format("{} is not served", excerpt(type)));
    }
  }

 private:
  void read_call(FieldReader& in) {
    Call& call = message.calls.emplace_back();
    in.required_text("id", call.id);
    in.required_text("name", call.name);
    const Json* const input = in.object("input");
    call.arguments = input == nullptr ? "{}" : json_text(*input);
    call.extra = in.rest();
    if (std::as_const(call.extra)["caller"]["type"].as_string() == "direct")
      call.extra.erase("caller");
    if (call.extra.empty()) call.extra = Json();
  }

  void read_result(FieldReader& in) {
    ChatMessage& result = results.emplace_back(ChatMessage{"tool"});
    in.required_text("tool_use_id", result.call_id);
    in.flag("is_error", result.call_failed);
    read_parts(in.any("content"), in.at("content"), in.problem(), result.content);
    result.extra = in.rest();
  }
};

void read_message(const Json& value, const std::string& path, Problem& problem,
                  std::vector<ChatMessage>& messages) {
  FieldReader in(value, path, problem);
  if (problem) return;
  MessageReader reader;
  std::string& role = reader.message.role;
  in.required_text("role", role);
  if (!problem && role != "user" && role != "assistant" && role != "system")
    return problem.add(in.at("role"),
                       fmt::format("must be user or assistant, got {}", excerpt(role)));
  const Json& content = in.any("content");
  if (content.is_array()) {
    for (std::size_t i = 0; i < content.size() && !problem; ++i) {
      FieldReader block(content[i], element(in.at("content"), i), problem);
      std::string type;
      block.required_text("type", type);
      if (!problem) reader.read_block(block, content[i], type);
    }
  } else if (content.is_null()) {
    problem.add(in.at("content"), "is missing; it must be a string or an array of blocks");
  } else {
    read_parts(content, in.at("content"), problem, reader.message.content);
  }
  const Json rest = in.rest();
  if (rest.is_object()) reader.message.extra.update(rest);
  for (ChatMessage& result : reader.results) messages.push_back(std::move(result));
  const bool says_nothing = reader.message.content.empty() && reader.message.extra.is_null();
  if (reader.results.empty() || !says_nothing) messages.push_back(std::move(reader.message));
}

void read_tools(FieldReader& in, std::vector<Tool>& tools) {
  const Json* const list = in.list("tools");
  for (std::size_t i = 0; list != nullptr && i < list->size() && !in.problem(); ++i) {
    FieldReader reader((*list)[i], element("tools", i), in.problem());
    if (in.problem()) return;
    std::string type = "custom";
    reader.text("type", type);
    if (type != "custom")
      return in.problem().add_unsupported(
          reader.at("type"),
          fmt::format("{} is run by Anthropic, which is not served; leave it out", excerpt(type)));
    Tool& tool = tools.emplace_back();
    reader.required_text("name", tool.name);
    reader.text("description", tool.description);
    if (const Json* const schema = reader.object("input_schema")) tool.parameters = *schema;
    reader.flag("strict", tool.strict);
    tool.extra = reader.rest();
  }
}

void read_tool_choice(FieldReader& in, ChatRequest& request) {
  using Kind = ToolChoice::Kind;
  const Json* const value = in.object("tool_choice");
  if (value == nullptr) return;
  FieldReader reader(*value, "tool_choice", in.problem());
  std::string type;
  reader.required_text("type", type);
  bool one_at_a_time = false;
  reader.flag("disable_parallel_tool_use", one_at_a_time);
  if (one_at_a_time) request.sampling.parallel_tool_calls = false;
  ToolChoice& choice = request.tool_choice;
  if (type == "tool") {
    choice.kind = Kind::named;
    reader.required_text("name", choice.name);
  } else if (type == "auto" || type == "any" || type == "none") {
    choice.kind = type == "auto" ? Kind::automatic : type == "any" ? Kind::required : Kind::none;
  } else {
    in.problem().add(reader.at("type"),
                     fmt::format("must be auto, any, tool or none, got {}", excerpt(type)));
  }
}

void read_format(FieldReader& in, std::string_view key, OutputFormat& into) {
  const Json* const format = in.object(key);
  if (format == nullptr) return;
  FieldReader form(*format, in.at(key), in.problem());
  std::string type;
  form.required_text("type", type);
  if (!in.problem() && type != "json_schema")
    in.problem().add(form.at("type"), fmt::format("must be json_schema, got {}", excerpt(type)));
  into.kind = OutputFormat::Kind::json_schema;
  if (const Json* const schema = form.object("schema")) into.schema = *schema;
}

/// How hard to think, and the form of the answer.
void read_output(FieldReader& in, ChatRequest& request, Json& rest) {
  read_format(in, "output_format", request.format);  // its older place
  const Json* const value = in.object("output_config");
  if (value == nullptr) return;
  FieldReader reader(*value, "output_config", in.problem());
  reader.text("effort", request.sampling.reasoning_effort);
  read_format(reader, "format", request.format);
  rest = reader.rest();
}

void read_sampling(FieldReader& in, bool needs_max_tokens, Sampling& sampling) {
  in.integer("max_tokens", sampling.max_tokens, 1);
  if (needs_max_tokens && !sampling.max_tokens)
    in.problem().add("max_tokens", "is missing; it must be a whole number");
  in.number("temperature", sampling.temperature, 0, 1);
  in.number("top_p", sampling.top_p, 0, 1);
  in.integer("top_k", sampling.top_k, 0);
  in.texts("stop_sequences", sampling.stop);
}

}  // namespace

Result<ChatRequest> read_request(std::string_view body, bool needs_max_tokens) {
  TRINITY_TRY(const Json document, read_object(body));
  Problem problem;
  FieldReader in(document, "", problem);
  ChatRequest request;
  request.dialect = Dialect::anthropic;
  request.include_usage = true;
  in.required_text("model", request.model);
  if (const Json& system = in.any("system"); !system.is_null()) {
    ChatMessage& message = request.messages.emplace_back(ChatMessage{"system"});
    read_parts(system, "system", problem, message.content);
  }
  if (const Json* const messages = in.list("messages")) {
    if (messages->empty()) problem.add("messages", "must hold at least one message");
    for (std::size_t i = 0; i < messages->size() && !problem; ++i)
      read_message((*messages)[i], element("messages", i), problem, request.messages);
  } else {
    problem.add("messages", "is missing; it must be an array of messages");
  }
  read_tools(in, request.tools);
  read_tool_choice(in, request);
  Json output_rest;
  read_output(in, request, output_rest);
  read_sampling(in, needs_max_tokens, request.sampling);
  in.flag("stream", request.stream);
  for (const char* key : {"metadata", "thinking"}) in.check(key, JsonType::object);
  in.check("service_tier", JsonType::string);
  request.extra = in.rest();
  if (!output_rest.is_null()) request.extra["output_config"] = output_rest;
  if (problem) return problem.failure();
  return request;
}

}  // namespace trinity::chat::anthropic
