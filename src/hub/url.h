// Addresses of a hub, read by the same parser that will connect to them: what is compared here is
// where a request goes.
#pragma once

#include <trinity/error.h>

#include <string>
#include <string_view>

namespace trinity {

struct Url {
  std::string text;    // the whole address
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case
  std::string port;    // the scheme's own when none is written

  /// "https://host" or "http://host:8080", fit for messages: without path and query, which may hold
  /// signatures.
  std::string origin() const;
  bool is_loopback() const;
};

/// Errors: `invalid_url` (not http or https, no host, or with a user name), `missing_library`.
Result<Url> parse_url(std::string_view text);

/// Where a redirect from `base` to `location` (absolute or relative) leads. Errors as parse_url.
Result<Url> resolve_location(const Url& base, std::string_view location);

/// Same scheme, host and port: the only place to which a token may go on.
bool same_origin(const Url& a, const Url& b);

}  // namespace trinity
