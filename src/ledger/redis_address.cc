#include "ledger/redis_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/try.h"

namespace trinity::ledger {
namespace {

constexpr std::string_view kScheme = "redis://";

tl::unexpected<Error> bad(const std::string& what) {
  return fail(ErrorKind::usage, "invalid_redis_address",
              "the address of the Redis " + what +
                  "; write redis://host, redis://host:6379/0 or redis://user:password@host");
}

std::optional<int> number_of(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > most)
    return std::nullopt;
  return value;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t n = 0; n < text.size(); ++n) {
    if (text[n] != '%') {
      out += text[n];
      continue;
    }
    unsigned value = 0;
    const std::string_view digits = text.substr(n + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2) return std::nullopt;
    out += static_cast<char>(value);
    n += 2;
  }
  return out;
}

Status read_user(std::string_view text, RedisServer& server) {
  // A password without a user is written ":password".
  const std::size_t colon = text.find(':');
  const auto user = unescaped(text.substr(0, std::min(colon, text.size())));
  const auto password =
      unescaped(colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1));
  if (!user || !password)
    return bad("has a \"%\" in its user or password that is no escape of two hexadecimal digits");
  if (password->empty()) return bad("has a user and no password");
  server.user = *user;
  server.password = *password;
  return {};
}

Status read_place(std::string_view text, RedisServer& server) {
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return bad("has a \"[\" without its \"]\"");
    host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':')
      return bad("has something else than a port behind \"]\"");
    if (!rest.empty()) port = rest.substr(1);
    if (!rest.empty() && port.empty()) return bad("has no number behind the \":\"");
  } else if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return bad("has no number behind the \":\"");
  }
  const bool is_name = !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_' || c == ':';
  });
  if (!is_name) return bad("names no host");
  server.host = host;
  if (port.empty()) return {};
  const auto number = number_of(port, 65535);
  if (!number || *number == 0) return bad("has a port that is no number from 1 to 65535");
  server.port = std::to_string(*number);
  return {};
}

}  // namespace

bool is_redis_address(std::string_view text) {
  return text.starts_with(kScheme) || text.starts_with("rediss://");
}

Result<RedisServer> parse_redis_address(std::string_view text) {
  if (text.starts_with("rediss://"))
    return bad(
        "asks for TLS, which this program does not speak to a Redis: put both into one "
        "private network, or a tunnel between them");
  if (!text.starts_with(kScheme)) return bad("does not begin with redis://");
  text.remove_prefix(kScheme.size());
  RedisServer server;
  const std::size_t place = text.find('@') == std::string_view::npos ? 0 : text.rfind('@');
  if (const std::size_t slash = text.find('/', place); slash != std::string_view::npos) {
    const std::string_view number = text.substr(slash + 1);
    if (!number.empty()) {
      const auto database = number_of(number, 65535);
      if (!database) return bad("has something else than the number of a database behind \"/\"");
      server.database = *database;
    }
    text = text.substr(0, slash);
  }
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    TRINITY_CHECK(read_user(text.substr(0, at), server));
    text.remove_prefix(at + 1);
  }
  TRINITY_CHECK(read_place(text, server));
  return server;
}

std::string redis_address(const RedisServer& server) {
  const bool is_v6 = server.host.find(':') != std::string::npos;
  return fmt::format("redis://{}{}{}:{}/{}", is_v6 ? "[" : "", server.host, is_v6 ? "]" : "",
                     server.port, server.database);
}

}  // namespace trinity::ledger
