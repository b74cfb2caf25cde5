#include "net/redact.h"

namespace trinity::net {

std::string redacted(std::string text, std::string_view secret) {
  constexpr std::string_view mark = "[token]";
  if (secret.empty()) return text;
  for (std::size_t at = text.find(secret); at != std::string::npos;
       at = text.find(secret, at + mark.size()))
    text.replace(at, secret.size(), mark);
  return text;
}

Error redacted(Error error, std::string_view secret) {
  error.message = redacted(std::move(error.message), secret);
  return error;
}

}  // namespace trinity::net
