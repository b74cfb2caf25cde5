#include "serve/api_error.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace trinity::serve {
namespace {

struct TagStatus {
  std::string_view tag;
  int status;
};

// Tags whose status their kind does not tell.
constexpr std::array kStatusOfTag = {
    TagStatus{"invalid_api_key", 401},
    TagStatus{"budget_exceeded", 402},
    TagStatus{"forbidden_host", 403},
    TagStatus{"forbidden_origin", 403},
    TagStatus{"unknown_path", 404},
    TagStatus{"model_not_found", 404},
    TagStatus{"unknown_run", 404},
    TagStatus{"too_many_listeners", 503},
    TagStatus{"method_not_allowed", 405},
    TagStatus{"queue_full", 429},
    TagStatus{"idempotency_key_in_use", 409},
    TagStatus{"idempotency_key_reused", 422},
    TagStatus{"cancelled", 499},
    TagStatus{"deadline_exceeded", 504},
    TagStatus{"answer_not_in_form", 502},
};

int status_of(const Error& error) {
  for (const auto& [tag, status] : kStatusOfTag)
    if (error.tag == tag) return status;
  switch (error.kind) {
    case ErrorKind::invalid_input:
    case ErrorKind::usage:
    case ErrorKind::unsupported:
      return 400;
    case ErrorKind::missing:
    case ErrorKind::failed:
      break;
  }
  return 500;
}

/// Errors end in the logs of clients, so a piece of a conversation does not stand in one; the place
/// of the fault does.
Error without_quotation(Error error) {
  if (error.tag != "invalid_json") return error;
  const std::size_t begin = error.message.find(" (near '"), end = error.message.rfind("')");
  if (begin != std::string::npos && end != std::string::npos && begin < end)
    error.message.erase(begin, end + 2 - begin);
  return error;
}

struct ClassStatus {
  int status;
  const char* tag;
};

/// Of the answer to the client; an upstream's own status is none of its business.
ClassStatus answer_to(provider::FailureClass failure) {
  using provider::FailureClass;
  switch (failure) {
    case FailureClass::credential:
      return {502, "upstream_credential"};  // the client's own key is good
    case FailureClass::timeout:
      return {504, "upstream_timeout"};
    case FailureClass::rate_limit:
      return {429, "upstream_rate_limit"};
    case FailureClass::overloaded:
      return {503, "upstream_overloaded"};
    case FailureClass::rejected:
      return {400, "upstream_rejected"};
    case FailureClass::context_length:
      return {400, "context_length_exceeded"};
    case FailureClass::content_filter:
      return {400, "content_filter"};
    case FailureClass::unsupported:
      return {400, "unsupported_value"};
    case FailureClass::quota:
      return {502, "upstream_quota"};
    case FailureClass::cancelled:
      return {499, "cancelled"};
    case FailureClass::http:
    case FailureClass::invalid_response:
    case FailureClass::adapter:
      break;
  }
  return {502, "upstream_error"};
}

}  // namespace

ApiError api_error(const Error& error, bool spent) {
  ApiError out{status_of(error), without_quotation(error), {}, {}};
  if (spent) {
    out.should_retry = false;
  } else if (out.status == 429 || out.status == 503) {
    out.should_retry = true;
    out.retry_after = std::chrono::seconds(1);
  } else if (out.status >= 500) {
    out.should_retry = false;  // this program's own fault stays one
  }
  return out;
}

ApiError api_error(const provider::Failure& failure, bool spent) {
  const ClassStatus answer = answer_to(failure.failure);
  ApiError out{answer.status, failure.error, {}, failure.retry_after};
  out.error.tag = answer.tag;
  const bool may_help = provider::may_help_to_retry(failure.failure);
  out.should_retry = may_help && !spent && !failure.sent;
  if (*out.should_retry && !out.retry_after) out.retry_after = std::chrono::seconds(1);
  return out;
}

}  // namespace trinity::serve
