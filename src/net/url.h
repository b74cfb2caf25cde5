// http and https addresses, read strictly and put into one form.
//
// What is compared here must be where a request goes. So an address that two readers could take for
// two places is refused: control characters, backslashes, escapes or more than letters, digits,
// "-",
// "_" and "." in a host's name, numbers that are no plain IPv4 address, user names. The text that
// is kept is put together anew from the parts, and an HTTP library gets that text.
#pragma once

#include <trinity/error.h>

#include <string>
#include <string_view>

namespace trinity::net {

struct Url {
  std::string text;    // the whole address, without a fragment; ASCII, no "." and ".." in the path
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; an IPv6 address in brackets
  std::string port;    // the scheme's own when none is written

  /// "https://host" or "http://host:8080", fit for messages: without path and query, which may hold
  /// signatures.
  std::string origin() const;
  /// This machine by its name or address ("localhost", 127.x.x.x, [::1]).
  bool is_loopback() const;
};

/// Errors: `invalid_url` (not http or https, no host, or with a user name).
Result<Url> parse_url(std::string_view text);

/// Where a redirect from `base` to `location` (absolute or relative, RFC 3986 5.2) leads; spaces
/// and bytes outside ASCII are percent-encoded. Errors as parse_url.
Result<Url> resolve_location(const Url& base, std::string_view location);

/// Same scheme, host and port: the only place to which a token may go on.
bool same_origin(const Url& a, const Url& b);

/// 0 to 15; -1: no hexadecimal digit.
int hex_value(char c);
/// With its escapes resolved; one that is none stays as it is.
std::string percent_decoded(std::string_view text);

}  // namespace trinity::net
