// Reading: scheme, "://", authority up to "/", "?" or "#", path, query; the fragment is dropped.
// Each part is checked for itself and the text is written anew. Relative locations are resolved on
// the parts, as RFC 3986 says. Tested by tests/net/url_test.cc.
#include "net/url.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

#include "base/try.h"
#include "base/utf8.h"

namespace trinity::net {
namespace {

constexpr std::size_t kMaxUrlBytes = 16 * 1024;
constexpr const char* kNoAddress =
    "it is no http or https address; write it as https://host or https://host/path";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// Says what is wrong with an address that is shown as `shown`.
struct Invalid {
  std::string shown;
  tl::unexpected<Error> operator()(const char* why) const {
    return fail(ErrorKind::invalid_input, "invalid_url",
                "the address " + shown + " cannot be used: " + why);
  }
};

/// Length of "name:" at the beginning, without the colon; 0 = the text is relative.
std::size_t scheme_length(std::string_view text) {
  if (text.empty() || !is_letter(text.front())) return 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == ':') return i;
    if (!is_letter(text[i]) && !is_digit(text[i]) && text[i] != '+' && text[i] != '-' &&
        text[i] != '.')
      return 0;
  }
  return 0;
}

/// Four numbers below 256 without leading zeros.
bool is_ipv4(std::string_view host) {
  std::array<unsigned char, 4> address;
  return ::inet_pton(AF_INET, std::string(host).c_str(), address.data()) == 1;
}

/// Whether a resolver would take the last part for a number, as in 127.1 or 0x7f.1.
bool ends_in_number(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::size_t dot = host.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? host : host.substr(dot + 1);
  return !last.empty() &&
         (std::all_of(last.begin(), last.end(), is_digit) || last.starts_with("0x"));
}

Result<std::string> parse_host(std::string_view text, const Invalid& invalid) {
  if (text.empty()) return invalid(kNoAddress);
  if (text.starts_with('[')) {
    std::array<unsigned char, 16> address;
    std::array<char, INET6_ADDRSTRLEN> shown;
    if (!text.ends_with(']') ||
        ::inet_pton(AF_INET6, std::string(text.substr(1, text.size() - 2)).c_str(),
                    address.data()) != 1 ||
        ::inet_ntop(AF_INET6, address.data(), shown.data(), shown.size()) == nullptr)
      return invalid("what stands in brackets is no IPv6 address");
    return fmt::format("[{}]", shown.data());
  }
  if (!std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
      }))
    return invalid(
        "its host holds characters that no name has; write an international name as xn--…");
  std::string host = lower(text);
  if (host.starts_with('.') || host.find("..") != std::string::npos ||
      (ends_in_number(host) && !is_ipv4(host)))
    return invalid("its host is neither a name nor an address");
  return host;
}

/// The path without "." and ".." parts, RFC 3986 5.2.4; escaped dots count as dots.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> parts;
  bool is_folder = true;
  while (!path.empty()) {
    path.remove_prefix(1);  // "/"
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    std::string plain = lower(part);
    for (std::size_t at = plain.find("%2e"); at != std::string::npos; at = plain.find("%2e"))
      plain.replace(at, 3, ".");
    is_folder = plain == "." || plain == "..";
    if (plain == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (plain != ".") {
      parts.push_back(part);
    }
  }
  std::string out;
  for (const std::string_view part : parts) out.append("/").append(part);
  return is_folder ? out + "/" : out;
}

/// `text` is absolute and holds printable ASCII only.
Result<Url> read(std::string_view text, const Invalid& invalid) {
  const std::size_t length = scheme_length(text);
  Url url;
  url.scheme = lower(text.substr(0, length));
  if (url.scheme != "http" && url.scheme != "https") return invalid(kNoAddress);
  text.remove_prefix(length + 1);
  if (!text.starts_with("//")) return invalid(kNoAddress);
  text.remove_prefix(2);
  std::string_view authority = text.substr(0, text.find_first_of("/?#"));
  text.remove_prefix(authority.size());
  if (authority.find('@') != std::string_view::npos)
    return invalid("it holds a user name or a password");
  const std::string usual_port = url.scheme == "https" ? "443" : "80";
  url.port = usual_port;
  const std::size_t colon =
      authority.find(':', std::min(authority.size(), authority.rfind(']') + 1));
  if (colon != std::string_view::npos) {
    const std::string_view digits = authority.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (!digits.empty() &&
        (error != std::errc() || stop != digits.data() + digits.size() || port == 0))
      return invalid("its port is no number from 1 to 65535");
    if (!digits.empty()) url.port = fmt::format("{}", port);
    authority = authority.substr(0, colon);
  }
  TRINITY_TRY(url.host, parse_host(authority, invalid));
  text = text.substr(0, text.find('#'));
  const std::string_view path = text.substr(0, text.find('?'));
  url.text = fmt::format("{}://{}", url.scheme, url.host);
  if (url.port != usual_port) url.text += ":" + url.port;
  url.text += path.empty() ? "/" : without_dots(path);
  url.text += text.substr(path.size());
  return url;
}

Status require_plain(std::string_view text, const Invalid& invalid) {
  if (text.size() > kMaxUrlBytes) return invalid("it is too long");
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return invalid("it holds control characters");
  return {};
}

/// Spaces and what is not ASCII as %XX.
std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

}  // namespace

std::string Url::origin() const {
  const bool usual = port == (scheme == "https" ? "443" : "80");
  return excerpt(usual ? fmt::format("{}://{}", scheme, host)
                       : fmt::format("{}://{}:{}", scheme, host, port));
}

bool Url::is_loopback() const {
  return host == "localhost" || host == "[::1]" || (is_ipv4(host) && host.starts_with("127."));
}

Result<Url> parse_url(std::string_view text) {
  // A user name may be a secret, so only what follows it is shown.
  const std::size_t at = text.rfind('@');
  const Invalid invalid{
      fmt::format("\"{}\"", excerpt(at == std::string_view::npos ? text : text.substr(at + 1)))};
  TRINITY_CHECK(require_plain(text, invalid));
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return c == ' ' || static_cast<unsigned char>(c) > 0x7f; }))
    return invalid("it holds spaces or letters that must be written as %XX");
  return read(text, invalid);
}

Result<Url> resolve_location(const Url& base, std::string_view location) {
  const Invalid invalid{"to which " + base.origin() + " redirects"};
  TRINITY_CHECK(require_plain(location, invalid));
  if (location.empty()) return invalid("none is given");
  if (scheme_length(location) > 0) return read(encoded(location), invalid);
  if (location.starts_with("//")) return read(base.scheme + ":" + encoded(location), invalid);
  if (location.front() == '#') return read(base.text, invalid);
  const std::size_t host = base.scheme.size() + 3;  // behind "://"
  const std::string before = base.text.substr(0, base.text.find('/', host));
  std::string path = base.text.substr(before.size(), base.text.find('?') - before.size());
  if (path.empty()) path = "/";
  std::string_view kept;  // of the base's path
  if (location.front() == '?') {
    kept = path;
  } else if (location.front() != '/') {
    kept = std::string_view(path).substr(0, path.rfind('/') + 1);
  }
  return read(fmt::format("{}{}{}", before, kept, encoded(location)), invalid);
}

bool same_origin(const Url& a, const Url& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t n = 0; n < text.size(); ++n) {
    const bool is_escape = text[n] == '%' && n + 2 < text.size() && hex_value(text[n + 1]) >= 0 &&
                           hex_value(text[n + 2]) >= 0;
    out += is_escape ? static_cast<char>(hex_value(text[n + 1]) * 16 + hex_value(text[n + 2]))
                     : text[n];
    if (is_escape) n += 2;
  }
  return out;
}

}  // namespace trinity::net
