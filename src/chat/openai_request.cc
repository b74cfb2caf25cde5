// Reads a request of OpenAI's chat completions.
#include <fmt/format.h>

#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "chat/field_reader.h"
#include "chat/openai_chat.h"

namespace trinity::chat::openai {
namespace {

void read_text_part(FieldReader& in, Part::Kind kind, std::string_view key, Part& part) {
  part.kind = kind;
  in.required_text(key, part.text);
  part.extra = in.rest();
}

/// A part that is no text is kept as it came, once it is clear that it can be passed on.
void read_media_part(FieldReader& in, const Json& value, const std::string& type, Part& part) {
  part.media = value;
  if (type == "image_url") {
    part.kind = Part::Kind::image;
    if (in.any(type).is_string()) return;  // some clients leave out the object
    FieldReader image(in.any(type), in.at(type), in.problem());
    std::string url;
    image.required_text("url", url);
  } else if (type == "input_audio") {
    part.kind = Part::Kind::audio;
    FieldReader audio(in.any(type), in.at(type), in.problem());
    std::string text;
    audio.required_text("data", text);
    audio.required_text("format", text);
  } else if (type == "file" || type == "video_url") {
    part.kind = Part::Kind::file;
    FieldReader file(in.any(type), in.at(type), in.problem());
    for (const char* key : {"file_id", "file_data", "filename", "url"})
      file.check(key, JsonType::string);
  } else {
    in.problem().add(in.at("type"), fmt::format("{} is no part of a message; known are text, "
                                                "refusal, image_url, input_audio and file",
                                                excerpt(type)));
  }
}

void read_part(const Json& value, const std::string& path, Problem& problem, Part& part) {
  FieldReader in(value, path, problem);
  if (problem) return;
  std::string type;
  in.required_text("type", type);
  if (type == "text") {
    read_text_part(in, Part::Kind::text, "text", part);
  } else if (type == "refusal") {
    read_text_part(in, Part::Kind::refusal, "refusal", part);
  } else if (!problem) {
    read_media_part(in, value, type, part);
  }
}

void read_content(FieldReader& in, ChatMessage& message) {
  const Json& content = in.any("content");
  if (const std::string* const text = content.to_string()) {
    if (!text->empty()) message.content.push_back({Part::Kind::text, *text});
  } else if (content.is_array()) {
    for (std::size_t i = 0; i < content.size(); ++i)
      read_part(content[i], element(in.at("content"), i), in.problem(),
                message.content.emplace_back());
  } else if (!content.is_null()) {
    in.problem().add(in.at("content"), fmt::format("must be a string or an array of parts, got {}",
                                                   content.type_name()));
  } else if (message.role != "assistant") {
    in.problem().add(in.at("content"), "is missing; it must be a string or an array of parts");
  }
}

void read_call(const Json& value, const std::string& path, Problem& problem, Call& call) {
  FieldReader in(value, path, problem);
  if (problem) return;
  std::string type = "function";
  in.text("type", type);
  if (type != "function")
    return problem.add_unsupported(
        in.at("type"),
        fmt::format("calls of the type {} are not served; use function", excerpt(type)));
  in.required_text("id", call.id);
  FieldReader function(in.any("function"), in.at("function"), problem);
  function.required_text("name", call.name);
  const Json& arguments = function.any("arguments");
  if (arguments.is_object()) {
    call.arguments = json_text(arguments);
  } else {
    function.required_text("arguments", call.arguments);
  }
  call.extra = in.rest();
}

void read_assistant(FieldReader& in, ChatMessage& message) {
  std::string text;
  if (in.text("refusal", text)) message.content.push_back({Part::Kind::refusal, text});
  // Two names for one thing; some servers write both.
  for (const char* key : {"reasoning", "reasoning_content"})
    if (in.text(key, text)) message.reasoning = text;
  if (const Json* const calls = in.list("tool_calls"))
    for (std::size_t i = 0; i < calls->size(); ++i)
      read_call((*calls)[i], element(in.at("tool_calls"), i), in.problem(),
                message.calls.emplace_back());
  if (!in.any("function_call").is_null())
    in.problem().add_unsupported(in.at("function_call"),
                                 "is the older form of a tool call; use tool_calls");
}

void read_message(const Json& value, const std::string& path, Problem& problem,
                  ChatMessage& message) {
  FieldReader in(value, path, problem);
  if (problem) return;
  in.required_text("role", message.role);
  const std::string& role = message.role;
  if (role == "function")
    return problem.add_unsupported(
        in.at("role"), "function is the older form of a tool's answer; use the role tool");
  if (!problem && role != "system" && role != "developer" && role != "user" &&
      role != "assistant" && role != "tool")
    return problem.add(in.at("role"), fmt::format("must be system, developer, user, assistant or "
                                                  "tool, got {}",
                                                  excerpt(role)));
  read_content(in, message);
  if (role == "assistant") read_assistant(in, message);
  if (role == "tool") in.required_text("tool_call_id", message.call_id);
  in.check("name", JsonType::string);
  message.extra = in.rest();
}

void read_tool(const Json& value, const std::string& path, Problem& problem, Tool& tool) {
  FieldReader in(value, path, problem);
  if (problem) return;
  std::string type;
  in.required_text("type", type);
  if (!problem && type != "function")
    return problem.add_unsupported(
        in.at("type"),
        fmt::format("tools of the type {} are not served; use function", excerpt(type)));
  FieldReader function(in.any("function"), in.at("function"), problem);
  if (problem) return;
  function.required_text("name", tool.name);
  function.text("description", tool.description);
  if (const Json* const parameters = function.object("parameters")) tool.parameters = *parameters;
  function.flag("strict", tool.strict);
  tool.extra = in.rest();
  if (const Json rest = function.rest(); !rest.is_null()) tool.extra["function"] = rest;
}

void read_tool_choice(FieldReader& in, ToolChoice& choice) {
  using Kind = ToolChoice::Kind;
  const Json& value = in.any("tool_choice");
  if (value.is_null()) return;
  if (const std::string* const word = value.to_string()) {
    choice.kind = *word == "auto"       ? Kind::automatic
                  : *word == "none"     ? Kind::none
                  : *word == "required" ? Kind::required
                                        : Kind::unset;
    if (choice.kind == Kind::unset)
      in.problem().add(
          in.at("tool_choice"),
          fmt::format("must be auto, none, required or a function, got {}", excerpt(*word)));
    return;
  }
  FieldReader named(value, in.at("tool_choice"), in.problem());
  std::string type;
  named.required_text("type", type);
  if (in.problem()) return;
  if (type != "function")
    return in.problem().add_unsupported(
        named.at("type"), fmt::format("{} is not served; use function", excerpt(type)));
  FieldReader function(named.any("function"), named.at("function"), in.problem());
  function.required_text("name", choice.name);
  choice.kind = Kind::named;
}

void read_format(FieldReader& in, OutputFormat& format) {
  const Json* const value = in.object("response_format");
  if (value == nullptr) return;
  FieldReader reader(*value, in.at("response_format"), in.problem());
  std::string type;
  reader.required_text("type", type);
  if (type == "json_object") {
    format.kind = OutputFormat::Kind::json_object;
  } else if (type == "json_schema") {
    format.kind = OutputFormat::Kind::json_schema;
    FieldReader schema(reader.any("json_schema"), reader.at("json_schema"), in.problem());
    schema.required_text("name", format.name);
    schema.text("description", format.description);
    if (const Json* const given = schema.object("schema")) format.schema = *given;
    schema.flag("strict", format.strict);
  } else if (type != "text") {
    in.problem().add(reader.at("type"), fmt::format("must be text, json_object or json_schema, "
                                                    "got {}",
                                                    excerpt(type)));
  }
}

void read_max_tokens(FieldReader& in, Sampling& sampling) {
  std::optional<std::int64_t> older;
  in.integer("max_tokens", older, 0);
  in.integer("max_completion_tokens", sampling.max_tokens, 0);
  // The same value under both names says one thing, and test suites of clients send it.
  if (older && sampling.max_tokens && *older != *sampling.max_tokens)
    in.problem().add(in.at("max_tokens"),
                     "differs from max_completion_tokens, its newer name; give one of them");
  if (older) sampling.max_tokens = older;
}

void read_sampling(FieldReader& in, Sampling& sampling) {
  in.number("temperature", sampling.temperature, 0, 2);
  in.number("top_p", sampling.top_p, 0, 1);
  in.number("frequency_penalty", sampling.frequency_penalty, -2, 2);
  in.number("presence_penalty", sampling.presence_penalty, -2, 2);
  read_max_tokens(in, sampling);
  in.integer("top_k", sampling.top_k, -1);
  in.integer("seed", sampling.seed, INT64_MIN);
  in.texts("stop", sampling.stop);
  in.text("reasoning_effort", sampling.reasoning_effort);
  in.flag("parallel_tool_calls", sampling.parallel_tool_calls);
  in.flag("logprobs", sampling.logprobs);
  in.integer("top_logprobs", sampling.top_logprobs, 0, 20);
}

/// Fields that are passed on as they are, but not with a value that no server takes.
void check_passed_on(FieldReader& in) {
  for (const char* key : {"user", "service_tier", "prompt_cache_key", "safety_identifier",
                          "verbosity", "prompt_cache_retention"})
    in.check(key, JsonType::string);
  for (const char* key : {"metadata", "logit_bias", "audio", "prediction", "web_search_options"})
    in.check(key, JsonType::object);
  in.check("modalities", JsonType::array);
  in.check("store", JsonType::boolean);
}

}  // namespace

Result<ChatRequest> read_request(std::string_view body) {
  TRINITY_TRY(const Json document, read_object(body));
  Problem problem;
  FieldReader in(document, "", problem);
  ChatRequest request;
  in.required_text("model", request.model);
  if (const Json* const messages = in.list("messages")) {
    if (messages->empty()) problem.add("messages", "must hold at least one message");
    for (std::size_t i = 0; i < messages->size() && !problem; ++i)
      read_message((*messages)[i], element("messages", i), problem,
                   request.messages.emplace_back());
  } else {
    problem.add("messages", "is missing; it must be an array of messages");
  }
  if (const Json* const tools = in.list("tools"))
    for (std::size_t i = 0; i < tools->size() && !problem; ++i)
      read_tool((*tools)[i], element("tools", i), problem, request.tools.emplace_back());
  read_tool_choice(in, request.tool_choice);
  read_format(in, request.format);
  read_sampling(in, request.sampling);
  std::optional<std::int64_t> n;
  in.integer("n", n, 1, 128);
  request.n = n.value_or(1);
  in.flag("stream", request.stream);
  Json stream_rest;
  if (const Json* const options = in.object("stream_options")) {
    FieldReader stream(*options, "stream_options", problem);
    stream.flag("include_usage", request.include_usage);
    stream_rest = stream.rest();
  }
  check_passed_on(in);
  request.extra = in.rest();
  if (!stream_rest.is_null()) request.extra["stream_options"] = stream_rest;
  if (problem) return problem.failure();
  return request;
}

}  // namespace trinity::chat::openai
