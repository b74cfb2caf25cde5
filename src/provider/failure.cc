#include "provider/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "chat/errors.h"

namespace trinity::provider {
namespace {

using std::chrono::milliseconds;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool holds(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

/// What the words of type, code and message say, if anything.
std::optional<FailureClass> of_words(const std::string& type, const std::string& code,
                                     const std::string& message) {
  const std::string names = type + " " + code;
  if (holds(names, {"exceed_context_size", "context_length_exceeded", "context_window",
                    "string_above_max_length"}) ||
      holds(message,
            {"maximum context length", "context length exceeded", "context window",
             "prompt is too long", "exceeds the available context size", "input token count",
             "exceeds the maximum number of tokens", "exceed context limit",
             "input length and `max_tokens` exceed", "longer than the model's context length",
             "reduce the length of the messages"}))
    return FailureClass::context_length;
  if (holds(names, {"insufficient_quota", "billing", "payment_required", "insufficient_credits",
                    "budget_exceeded"}) ||
      holds(message, {"credit balance is too low", "insufficient credits", "insufficient balance",
                      "exceeded your current quota, please check your plan and billing"}))
    // Gemini's limits a minute are told in the same words, with a type of their own.
    return type == "resource_exhausted" ? FailureClass::rate_limit : FailureClass::quota;
  if (holds(names, {"content_filter", "content_policy", "moderation", "safety"}) ||
      holds(message, {"content management policy", "content_policy", "flagged by our",
                      "blocked by our safety"}))
    return FailureClass::content_filter;
  if (holds(names, {"unsupported_modality", "unsupported_value", "unsupported_parameter",
                    "not_supported_error"}) ||
      holds(message, {"image input is not supported", "audio input is not supported",
                      "does not support image", "does not support tools", "does not support audio",
                      "not a multimodal model", "no image support", "requires --jinja",
                      "tool choice requires", "does not support function calling",
                      "unsupported parameter", "multimodal is not supported"}))
    return FailureClass::unsupported;
  if (holds(names, {"invalid_api_key", "authentication_error", "permission_error",
                    "unauthenticated", "permission_denied", "api_key_invalid"}) ||
      holds(message, {"api key not valid", "invalid api key", "incorrect api key"}))
    return FailureClass::credential;
  if (holds(names, {"overloaded", "unavailable", "server_busy", "slow_down"}) ||
      holds(message, {"is overloaded", "model is overloaded", "loading model", "model is loading",
                      "at capacity"}))
    return FailureClass::overloaded;
  if (holds(names, {"rate_limit", "resource_exhausted", "too_many_requests", "throttl"}) ||
      holds(message, {"rate limit"}))
    return FailureClass::rate_limit;
  if (holds(names, {"timeout", "deadline_exceeded"})) return FailureClass::timeout;
  return std::nullopt;
}

const char* what_happened(FailureClass failure) {
  switch (failure) {
    case FailureClass::credential:
      return "refused the key";
    case FailureClass::timeout:
      return "ran out of time";
    case FailureClass::rate_limit:
      return "is asked too often";
    case FailureClass::overloaded:
      return "is overloaded";
    case FailureClass::context_length:
      return "cannot hold a conversation of this length";
    case FailureClass::content_filter:
      return "refused the content";
    case FailureClass::unsupported:
      return "cannot do what was asked";
    case FailureClass::quota:
      return "has no credit left";
    case FailureClass::rejected:
      return "refused the request";
    case FailureClass::invalid_response:
      return "sent an answer that cannot be read";
    default:
      return "failed";
  }
}

std::string name_of(const Upstream& upstream) {
  return upstream.origin.empty() ? fmt::format("member {}", upstream.member)
                                 : fmt::format("member {} at {}", upstream.member, upstream.origin);
}

}  // namespace

FailureClass classified(int status, std::string_view type, std::string_view code,
                        std::string_view message) {
  const std::string low_code = lower(code);
  if (const auto said = of_words(lower(type), low_code, lower(message))) return *said;
  // An error in a 200 carries its status as its code, if at all.
  if (status < 400) {
    int own = 0;
    const auto [stop, error] =
        std::from_chars(low_code.data(), low_code.data() + low_code.size(), own);
    if (error == std::errc() && stop == low_code.data() + low_code.size() && own >= 400 &&
        own < 600)
      status = own;
  }
  switch (status) {
    case 401:
    case 403:
      return FailureClass::credential;
    case 402:
      return FailureClass::quota;
    case 408:
    case 504:
      return FailureClass::timeout;
    case 429:
      return FailureClass::rate_limit;
    case 502:
      return FailureClass::http;
    case 503:
    case 529:
      return FailureClass::overloaded;
    default:
      break;
  }
  if (status >= 500) return FailureClass::http;
  if (status >= 300) return FailureClass::rejected;
  return FailureClass::http;  // an error object that says nothing
}

std::optional<milliseconds> retry_after_of(const net::Fields& fields) {
  const auto number = [&](std::string_view name) -> std::optional<double> {
    const std::string* text = fields.find(name);
    if (!text) return std::nullopt;
    double value = 0;
    const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || stop != text->data() + text->size() || !std::isfinite(value) ||
        value < 0 || value > 1e9)
      return std::nullopt;
    return value;
  };
  if (const auto ms = number("retry-after-ms"))
    return milliseconds(static_cast<milliseconds::rep>(std::ceil(*ms)));
  if (const auto seconds = number("retry-after"))
    return milliseconds(static_cast<milliseconds::rep>(std::ceil(*seconds * 1e3)));
  return std::nullopt;
}

Failure http_failure(const Upstream& upstream, int status, const net::Fields& fields,
                     std::string_view body) {
  const chat::UpstreamFailure said = chat::upstream_failure(status, body);
  Failure failure;
  failure.failure = classified(status, said.type, said.code, said.message);
  failure.status = status;
  failure.sent = true;
  failure.retry_after = retry_after_of(fields);
  if (!failure.retry_after) failure.retry_after = said.retry_after;
  std::string advice;
  if (failure.failure == FailureClass::credential) advice = "; check `key` in the pool file";
  if (status == 404)
    advice = fmt::format("; check url and model ({}) in the pool file", upstream.model);
  if (status >= 300 && status < 400)
    advice = "; it is somewhere else: write that address as url into the pool file";
  if (failure.failure == FailureClass::context_length && said.context_tokens)
    advice = fmt::format(
        "; it holds {} tokens{}", *said.context_tokens,
        said.prompt_tokens ? fmt::format(" and was given {}", *said.prompt_tokens) : std::string());
  failure.error.kind =
      failure.failure == FailureClass::rejected ? ErrorKind::invalid_input : ErrorKind::failed;
  failure.error.tag = status == 200 ? "upstream_error" : "http_error";
  const std::string kind =
      status == 200 ? std::string("an error in its answer") : fmt::format("status {}", status);
  failure.error.message =
      fmt::format("{} {} ({}): {}{}", name_of(upstream), what_happened(failure.failure), kind,
                  fit_to_show(said.message, upstream.secrets), advice);
  return failure;
}

Failure transport_failure(const Upstream& upstream, Error error, bool sent) {
  Failure failure;
  failure.sent = sent;
  if (error.tag == "timeout") {
    failure.failure = FailureClass::timeout;
  } else if (error.tag == "invalid_response" || error.tag == "response_too_large") {
    failure.failure = FailureClass::invalid_response;
  } else if (error.tag == "invalid_request") {
    failure.failure = FailureClass::adapter;
  } else if (error.tag == "cancelled") {
    failure.failure = FailureClass::cancelled;
  } else {
    failure.failure = FailureClass::http;
  }
  failure.error = {
      error.kind, error.tag,
      fmt::format("{}: {}", name_of(upstream), fit_to_show(error.message, upstream.secrets))};
  return failure;
}

Failure invalid_failure(const Upstream& upstream, std::string_view what) {
  Failure failure;
  failure.failure = FailureClass::invalid_response;
  failure.sent = true;
  failure.error = {ErrorKind::failed, "invalid_provider_response",
                   fmt::format("{} sent an answer that cannot be used: {}", name_of(upstream),
                               fit_to_show(what, upstream.secrets))};
  return failure;
}

}  // namespace trinity::provider
