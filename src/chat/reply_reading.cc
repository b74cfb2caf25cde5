#include "chat/reply_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/utf8.h"
#include "chat/errors.h"

namespace trinity::chat {

Result<Json> read_response(std::string_view body) {
  Result<Json> document = parse_json(body);
  if (!document)
    return invalid_response(fmt::format("the answer is no JSON ({})", document.error().message),
                            body);
  if (!document->is_object())
    return invalid_response(
        fmt::format("the answer is {} instead of an object", document->type_name()), body);
  return document;
}

tl::unexpected<Error> invalid_response(std::string_view what, std::string_view body) {
  return fail(
      ErrorKind::failed, "invalid_response",
      fmt::format("{}; it begins with {}", what, body.empty() ? "nothing" : excerpt(body, 160)));
}

tl::unexpected<Error> upstream_error(std::string_view body) {
  const UpstreamFailure failure = upstream_failure(0, body);
  return fail(ErrorKind::failed, "upstream_error",
              failure.type.empty() ? failure.message
                                   : fmt::format("{}: {}", failure.type, failure.message));
}

std::int64_t token_count(const Json& value) {
  if (const auto whole = value.to_int64()) return std::clamp<std::int64_t>(*whole, 0, 1LL << 50);
  const auto real = value.to_double();
  return real && *real >= 0 && *real < 1e15 ? static_cast<std::int64_t>(std::llround(*real)) : 0;
}

bool split_data_url(std::string_view url, std::string& media_type, std::string& data) {
  if (!url.starts_with("data:")) return false;
  const std::size_t comma = url.find(',');
  if (comma == std::string_view::npos) return false;
  std::string_view type = url.substr(5, comma - 5);
  if (!type.ends_with(";base64")) return false;
  type.remove_suffix(7);
  media_type = type.substr(0, type.find(';'));
  data = url.substr(comma + 1);
  return true;
}

std::string data_url(std::string_view media_type, std::string_view data) {
  return fmt::format("data:{};base64,{}", media_type, data);
}

}  // namespace trinity::chat
