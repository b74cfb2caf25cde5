// Reads a request of OpenAI's Responses.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "chat/field_reader.h"
#include "chat/openai_responses.h"

namespace trinity::chat::responses {
namespace {

void read_image(FieldReader& in, Part& part) {
  part.kind = Part::Kind::image;
  std::string url, detail;
  if (!in.text("image_url", url))
    in.problem().add_unsupported(in.path(),
                                 "an image must have the string image_url; uploaded "
                                 "files are not served");
  part.media = {{"type", "image_url"}, {"image_url", {{"url", url}}}};
  if (in.text("detail", detail)) part.media["image_url"]["detail"] = detail;
}

void read_file(FieldReader& in, Part& part) {
  part.kind = Part::Kind::file;
  part.media = {{"type", "file"}, {"file", Json::object()}};
  std::string value;
  for (const char* key : {"file_id", "file_data", "file_url", "filename"})
    if (in.text(key, value)) part.media["file"][key] = value;
}

void read_part(const Json& value, const std::string& path, Problem& problem, Part& part) {
  FieldReader in(value, path, problem);
  std::string type;
  in.required_text("type", type);
  if (problem) return;
  if (type == "input_text" || type == "output_text" || type == "text") {
    in.required_text("text", part.text);
  } else if (type == "refusal") {
    part.kind = Part::Kind::refusal;
    in.required_text("refusal", part.text);
  } else if (type == "input_image") {
    read_image(in, part);
  } else if (type == "input_file") {
    read_file(in, part);
  } else if (type == "input_audio") {
    part.kind = Part::Kind::audio;
    FieldReader audio(in.any("input_audio"), in.at("input_audio"), problem);
    std::string text;
    audio.required_text("data", text);
    audio.required_text("format", text);
    part.media = value;
  } else {
    problem.add_unsupported(in.at("type"), fmt::format("{} is not served", excerpt(type)));
  }
}

void read_content(FieldReader& in, std::string_view key, std::vector<Part>& parts) {
  const Json& content = in.any(key);
  if (const std::string* const text = content.to_string()) {
    if (!text->empty()) parts.push_back({Part::Kind::text, *text});
  } else if (content.is_array()) {
    for (std::size_t i = 0; i < content.size() && !in.problem(); ++i)
      read_part(content[i], element(in.at(key), i), in.problem(), parts.emplace_back());
  } else if (content.is_null()) {
    in.problem().add(in.at(key), "is missing; it must be a string or an array of parts");
  } else {
    in.problem().add(in.at(key), fmt::format("must be a string or an array of parts, got {}",
                                             content.type_name()));
  }
}

/// Puts items together to messages.
class InputReader {
 public:
  explicit InputReader(std::vector<ChatMessage>& messages) : messages_(messages) {}

  void read(const Json& value, const std::string& path, Problem& problem) {
    FieldReader in(value, path, problem);
    if (problem) return;
    std::string type = "message";
    if (!in.text("type", type) && !value.contains("role") && value.contains("id"))
      type = "item_reference";
    if (type == "message") {
      read_message(in);
    } else if (type == "function_call") {
      read_call(in);
    } else if (type == "function_call_output") {
      flush();
      ChatMessage& message = messages_.emplace_back(ChatMessage{"tool"});
      in.required_text("call_id", message.call_id);
      read_content(in, "output", message.content);
    } else if (type == "reasoning") {
      read_reasoning(in, value);
    } else {
      problem.add_unsupported(in.at("type"),
                              fmt::format("items of the type {} are not served; send messages, "
                                          "function calls, their outputs and reasoning",
                                          excerpt(type)));
    }
  }

  /// The assistant's turn is over.
  void flush() {
    if (assistant_) messages_.push_back(std::move(*assistant_));
    assistant_.reset();
  }

 private:
  ChatMessage& assistant() {
    if (!assistant_) assistant_ = ChatMessage{"assistant"};
    return *assistant_;
  }

  void read_message(FieldReader& in) {
    std::string role;
    in.required_text("role", role);
    if (!in.problem() && role != "user" && role != "assistant" && role != "system" &&
        role != "developer")
      return in.problem().add(in.at("role"), fmt::format("must be user, assistant, system or "
                                                         "developer, got {}",
                                                         excerpt(role)));
    if (role != "assistant" ||
        (assistant_ && !assistant_->content.empty() && assistant_->calls.empty()))
      flush();
    if (role == "assistant") {
      read_content(in, "content", assistant().content);
      return;
    }
    ChatMessage message{role};
    read_content(in, "content", message.content);
    messages_.push_back(std::move(message));
  }

  void read_call(FieldReader& in) {
    Call& call = assistant().calls.emplace_back();
    in.required_text("call_id", call.id);
    in.required_text("name", call.name);
    in.required_text("arguments", call.arguments);
  }

  void read_reasoning(FieldReader& in, const Json& value) {
    if (assistant_ && !assistant_->content.empty() && assistant_->calls.empty()) flush();
    ChatMessage& message = assistant();
    // What was thought, or what is shown of it.
    std::string text;
    for (const char* key : {"content", "summary"}) {
      const Json* const parts = in.list(key);
      if (parts == nullptr || !text.empty()) continue;
      for (const Json& part : *parts) text += (text.empty() ? "" : "\n") + part["text"].as_string();
    }
    if (!text.empty())
      message.reasoning = message.reasoning ? *message.reasoning + "\n" + text : text;
    message.extra["reasoning_items"].push_back(value);
  }

  std::vector<ChatMessage>& messages_;
  std::optional<ChatMessage> assistant_;
};

void read_input(FieldReader& in, ChatRequest& call) {
  const Json& input = in.any("input");
  if (const std::string* const text = input.to_string()) {
    call.messages.push_back({"user", {{Part::Kind::text, *text}}});
  } else if (input.is_array()) {
    InputReader reader(call.messages);
    for (std::size_t i = 0; i < input.size() && !in.problem(); ++i)
      reader.read(input[i], element("input", i), in.problem());
    reader.flush();
  } else if (!input.is_null()) {
    in.problem().add(
        "input", fmt::format("must be a string or an array of items, got {}", input.type_name()));
  }
}

void read_tools(FieldReader& in, std::vector<Tool>& tools, Json& settings) {
  settings["tools"] = Json::array();
  const Json* const list = in.list("tools");
  for (std::size_t i = 0; list != nullptr && i < list->size() && !in.problem(); ++i) {
    FieldReader reader((*list)[i], element("tools", i), in.problem());
    std::string type;
    reader.required_text("type", type);
    if (in.problem()) return;
    if (type != "function")
      return in.problem().add_unsupported(
          reader.at("type"),
          fmt::format("tools of the type {} are not served; use function", excerpt(type)));
    Tool& tool = tools.emplace_back();
    reader.required_text("name", tool.name);
    const bool is_described = reader.text("description", tool.description);
    if (const Json* const schema = reader.object("parameters")) tool.parameters = *schema;
    reader.flag("strict", tool.strict);
    tool.extra = reader.rest();
    Json shown = {{"type", "function"}, {"name", tool.name}};
    shown["description"] = is_described ? Json(tool.description) : Json();
    shown["parameters"] = tool.parameters;
    shown["strict"] = tool.strict;
    settings["tools"].push_back(std::move(shown));
  }
}

void read_tool_choice(FieldReader& in, ToolChoice& choice, Json& settings) {
  using Kind = ToolChoice::Kind;
  const Json& value = in.any("tool_choice");
  settings["tool_choice"] = "auto";
  if (value.is_null()) return;
  settings["tool_choice"] = value;
  if (const std::string* const word = value.to_string()) {
    choice.kind = *word == "auto"       ? Kind::automatic
                  : *word == "none"     ? Kind::none
                  : *word == "required" ? Kind::required
                                        : Kind::unset;
    if (choice.kind == Kind::unset)
      in.problem().add("tool_choice", fmt::format("must be auto, none, required or a function, "
                                                  "got {}",
                                                  excerpt(*word)));
    return;
  }
  FieldReader reader(value, "tool_choice", in.problem());
  std::string type;
  reader.required_text("type", type);
  if (!in.problem() && type != "function")
    return in.problem().add_unsupported(
        reader.at("type"), fmt::format("{} is not served; use function", excerpt(type)));
  reader.required_text("name", choice.name);
  choice.kind = Kind::named;
}

/// `text`: the form of the answer, and how long it should be.
void read_text_settings(FieldReader& in, ChatRequest& call, Json& settings) {
  Json& shown = settings["text"];
  shown["format"]["type"] = "text";
  const Json* const value = in.object("text");
  if (value == nullptr) return;
  FieldReader reader(*value, "text", in.problem());
  std::string verbosity;
  if (reader.text("verbosity", verbosity)) {
    shown["verbosity"] = verbosity;
    call.extra["verbosity"] = verbosity;
  }
  const Json* const given = reader.object("format");
  if (given == nullptr) return;
  FieldReader form(*given, "text.format", in.problem());
  std::string type;
  form.required_text("type", type);
  OutputFormat& format = call.format;
  if (type == "json_object") {
    format.kind = OutputFormat::Kind::json_object;
    shown["format"]["type"] = type;
  } else if (type == "json_schema") {
    format.kind = OutputFormat::Kind::json_schema;
    form.required_text("name", format.name);
    const bool is_described = form.text("description", format.description);
    if (const Json* const schema = form.object("schema")) format.schema = *schema;
    form.flag("strict", format.strict);
    shown["format"] = {{"type", type}, {"name", format.name}};
    shown["format"]["description"] = is_described ? Json(format.description) : Json();
    shown["format"]["schema"] = format.schema;
    shown["format"]["strict"] = format.strict.value_or(false);
  } else if (type != "text") {
    in.problem().add(form.at("type"), fmt::format("must be text, json_object or json_schema, got "
                                                  "{}",
                                                  excerpt(type)));
  }
}

void read_reasoning_settings(FieldReader& in, Sampling& sampling, Json& settings) {
  settings["reasoning"] = {{"effort", nullptr}, {"summary", nullptr}};
  const Json* const value = in.object("reasoning");
  if (value == nullptr) return;
  FieldReader reader(*value, "reasoning", in.problem());
  std::string summary;
  if (reader.text("effort", sampling.reasoning_effort))
    settings["reasoning"]["effort"] = sampling.reasoning_effort;
  if (reader.text("summary", summary)) settings["reasoning"]["summary"] = summary;
}

void read_sampling(FieldReader& in, Sampling& sampling, Json& settings) {
  in.number("temperature", sampling.temperature, 0, 2);
  in.number("top_p", sampling.top_p, 0, 1);
  in.number("presence_penalty", sampling.presence_penalty, -2, 2);
  in.number("frequency_penalty", sampling.frequency_penalty, -2, 2);
  in.integer("max_output_tokens", sampling.max_tokens, 0);
  in.flag("parallel_tool_calls", sampling.parallel_tool_calls);
  std::optional<std::int64_t> top_logprobs;
  in.integer("top_logprobs", top_logprobs, 0, 20);
  std::vector<std::string> include;
  in.texts("include", include);
  sampling.logprobs =
      top_logprobs.value_or(0) > 0 ||
      std::find(include.begin(), include.end(), "message.output_text.logprobs") != include.end();
  if (sampling.logprobs) sampling.top_logprobs = top_logprobs;
  settings["temperature"] = sampling.temperature.value_or(1.0);
  settings["top_p"] = sampling.top_p.value_or(1.0);
  settings["presence_penalty"] = sampling.presence_penalty.value_or(0.0);
  settings["frequency_penalty"] = sampling.frequency_penalty.value_or(0.0);
  settings["top_logprobs"] = top_logprobs.value_or(0);
  settings["max_output_tokens"] = sampling.max_tokens;
  settings["parallel_tool_calls"] = sampling.parallel_tool_calls.value_or(true);
}

/// Fields that are passed on, or said back, and nothing else.
void read_others(FieldReader& in, const Json& document, Json& settings) {
  for (const char* key : {"service_tier", "safety_identifier", "prompt_cache_key", "user"})
    in.check(key, JsonType::string);
  in.check("metadata", JsonType::object);
  in.check("store", JsonType::boolean);
  in.check("background", JsonType::boolean);
  const std::string& tier = document["service_tier"].as_string();
  settings["service_tier"] = tier.empty() ? "default" : tier;
  settings["safety_identifier"] = document["safety_identifier"];
  settings["prompt_cache_key"] = document["prompt_cache_key"];
  settings["metadata"] = document["metadata"].is_object() ? document["metadata"] : Json::object();
  std::optional<std::int64_t> max_tool_calls;
  in.integer("max_tool_calls", max_tool_calls, 0);
  settings["max_tool_calls"] = max_tool_calls;
  std::string truncation = "disabled";
  in.text("truncation", truncation);
  settings["truncation"] = truncation;
  // Nothing is stored, and nothing is worked on once the connection is gone.
  settings["store"] = false;
  settings["background"] = false;
}

}  // namespace

Result<Request> read_request(std::string_view body) {
  TRINITY_TRY(const Json document, read_object(body));
  Problem problem;
  FieldReader in(document, "", problem);
  Request request;
  ChatRequest& call = request.call;
  Json& settings = request.settings;
  call.dialect = Dialect::openai_responses;
  call.include_usage = true;
  in.text("model", call.model);
  in.text("previous_response_id", request.previous_response_id);
  settings["previous_response_id"] =
      request.previous_response_id.empty() ? Json() : Json(request.previous_response_id);
  std::string instructions;
  settings["instructions"] = Json();
  if (in.text("instructions", instructions)) {
    settings["instructions"] = instructions;
    call.messages.push_back({"system", {{Part::Kind::text, instructions}}});
  }
  read_input(in, call);
  read_tools(in, call.tools, settings);
  read_tool_choice(in, call.tool_choice, settings);
  read_text_settings(in, call, settings);
  read_reasoning_settings(in, call.sampling, settings);
  read_sampling(in, call.sampling, settings);
  in.flag("stream", call.stream);
  read_others(in, document, settings);
  if (const Json rest = in.rest(); rest.is_object()) call.extra.update(rest);
  if (problem) return problem.failure();
  return request;
}

}  // namespace trinity::chat::responses
