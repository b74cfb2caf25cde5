#include "chat/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "base/utf8.h"

namespace trinity::chat {
namespace {

constexpr std::size_t kLongestMessage = 960;

const char* openai_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 402:
      return "insufficient_quota";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

const char* anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 402:
      return "billing_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 504:
      return "timeout_error";
    case 503:
    case 529:
      return "overloaded_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

bool is_word(const Json& value) {
  const std::string& text = value.as_string();
  return !text.empty() && text != "None" && text != "null";  // LiteLLM writes Python's None
}

/// A text or a number as a text.
std::string word_of(const Json& value) {
  if (is_word(value)) return value.as_string();
  return value.is_number() ? json_text(value) : std::string();
}

/// The text of FastAPI's and Mistral's list of faults: "body.messages: Field required".
std::string text_of_faults(const Json& faults) {
  std::string text;
  for (const Json& fault : faults) {
    if (!text.empty()) text += "; ";
    std::string place;
    for (const Json& step : fault["loc"]) {
      if (!place.empty()) place += '.';
      place += word_of(step);
    }
    if (!place.empty()) text += place + ": ";
    text += fault.is_string() ? fault.as_string() : word_of(fault["msg"]);
  }
  return text;
}

/// The first of the names under which servers put a text.
std::string message_of(const Json& object) {
  for (const char* key : {"message", "error_message", "detail", "error", "msg", "error_description",
                          "Message", "title"}) {
    const Json& value = object[key];
    if (is_word(value)) return value.as_string();
    if (value.is_array()) {
      std::string text = text_of_faults(value);
      if (!text.empty()) return text;
    }
    if (value.is_object()) {
      std::string text = message_of(value);
      if (!text.empty()) return text;
    }
  }
  return {};
}

std::optional<std::int64_t> positive(const Json& value) {
  const auto number = value.to_int64();
  return number && *number > 0 ? number : std::nullopt;
}

/// "34s", "1.5s" of Google's RetryInfo.
std::optional<std::chrono::milliseconds> delay_of(const Json& value) {
  const std::string& text = value.as_string();
  double seconds = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || std::string_view(stop) != "s" || !(seconds >= 0) || seconds > 1e6)
    return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

void read_error(const Json& error, UpstreamFailure& failure) {
  failure.message = message_of(error);
  for (const char* key : {"type", "status", "__type", "error_type"})
    if (failure.type.empty() && is_word(error[key])) failure.type = error[key].as_string();
  failure.code = word_of(error["code"]);
  failure.param = word_of(error["param"]);
  failure.prompt_tokens = positive(error["n_prompt_tokens"]);
  failure.context_tokens = positive(error["n_ctx"]);
  for (const Json& detail : error["details"])
    if (!failure.retry_after) failure.retry_after = delay_of(detail["retryDelay"]);
  // OpenRouter wraps what its provider said.
  const Json& raw = error["metadata"]["raw"];
  if (is_word(raw)) failure.message += (failure.message.empty() ? "" : ": ") + raw.as_string();
}

void read_body(const Json& body, UpstreamFailure& failure) {
  if (body.is_array() && !body.empty()) return read_body(body[0], failure);  // Gemini's streams
  const Json& error = body["error"];
  if (error.is_object()) {
    read_error(error, failure);
  } else if (body["errors"].is_array() && !body["errors"].empty()) {  // Cloudflare
    read_error(body["errors"][0], failure);
  } else {
    read_error(body, failure);  // the older vLLM, Ollama, FastAPI, ...
    if (failure.type == "error") failure.type.clear();
  }
}

/// A page has no message: its title, if there is one, says more than its tags.
std::string text_of_page(std::string_view body) {
  const std::size_t begin = body.find("<title>");
  const std::size_t end = body.find("</title>", std::min(begin, body.size()));
  if (end == std::string_view::npos) return "an HTML page";
  return fmt::format("an HTML page with the title \"{}\"", body.substr(begin + 7, end - begin - 7));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

}  // namespace

std::string error_param(const Error& error) {
  const std::size_t end = error.message.find(": ");
  if (end == std::string::npos || end == 0) return {};
  const std::string path = error.message.substr(0, end);
  const bool is_path = std::all_of(path.begin(), path.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' ||
           c == '[' || c == ']';
  });
  return is_path ? path : std::string();
}

std::string write_openai_error(const Error& error, int status) {
  const std::string param = error_param(error);
  Json inside = {{"message", error.message}, {"type", openai_type(status)}};
  inside["param"] = param.empty() ? Json() : Json(param);
  inside["code"] = error.tag.empty() ? Json() : Json(error.tag);
  Json body;
  body["error"] = std::move(inside);
  return json_text(body);
}

std::string write_anthropic_error(const Error& error, int status, std::string_view request_id) {
  Json body = {{"type", "error"},
               {"error", {{"type", anthropic_type(status)}, {"message", error.message}}}};
  body["request_id"] = request_id.empty() ? Json() : Json(request_id);
  return json_text(body);
}

UpstreamFailure upstream_failure(int status, std::string_view body) {
  UpstreamFailure failure;
  body = trimmed(body);
  if (const Result<Json> document = parse_json(body)) {
    if (document->is_string()) {
      failure.message = document->as_string();
    } else {
      read_body(*document, failure);
    }
  } else if (body.starts_with('<')) {
    failure.message = text_of_page(body);
  } else {
    failure.message = body;
  }
  if (trimmed(failure.message).empty() && !body.empty() && body != "{}" && body != "null")
    failure.message = body;
  if (trimmed(failure.message).empty())
    failure.message = status == 0 ? "the server gave no reason"
                                  : fmt::format(
                                        "the server answered with status {} and gave no "
                                        "reason",
                                        status);
  failure.message = excerpt(failure.message, kLongestMessage);
  failure.type = excerpt(failure.type);
  failure.code = excerpt(failure.code);
  failure.param = excerpt(failure.param);
  return failure;
}

}  // namespace trinity::chat
