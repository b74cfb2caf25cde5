#include "serve/gate.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity::serve {
namespace {

constexpr std::size_t kMostKeyFileBytes = std::size_t{1} << 20;

constexpr const char* kExposed =
    "x-request-id, request-id, x-should-retry, retry-after, retry-after-ms, x-conversation-id, "
    "x-trinity-agent, x-trinity-role, x-trinity-pinned, x-trinity-margin, x-trinity-runner-up, "
    "x-trinity-member, "
    "x-trinity-turns, x-trinity-verified, x-trinity-form, x-trinity-final-status, "
    "x-trinity-profile, "
    "x-trinity-router-ms, x-trinity-upstream-ms, x-trinity-overhead-ms, x-trinity-cached-tokens, "
    "x-trinity-cost-usd, x-trinity-budget-left, x-trinity-idempotent-replay";

/// The path as endpoints know it.
std::string known_path(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  for (const std::string_view start :
       {"/chat/completions", "/responses", "/messages", "/models", "/trinity"})
    if (path == start || (path.starts_with(start) && path[start.size()] == '/'))
      return "/v1" + std::string(path);  // people leave "/v1" out of the address
  return std::string(path);
}

/// "localhost" of "localhost:8080", "[::1]" of "[::1]:8080".
std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, std::min(host.find(']'), host.size() - 1) + 1);
  return host.substr(0, host.find(':'));
}

/// An address of the loopback network, and not a name that begins like one.
bool is_loopback_address(std::string_view name) {
  return name.starts_with("127.") &&
         name.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// Liveness; and the page, which holds no data: what it shows is asked for with a key.
bool needs_no_key(std::string_view path) {
  return path == "/healthz" || path == "/readyz" || path == "/" || path.starts_with("/page/");
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t n = 0; n < a.size(); ++n)
    difference |= static_cast<unsigned char>(a[n]) ^ static_cast<unsigned char>(b[n]);
  return difference == 0;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

tl::unexpected<Error> bad_keys(const std::string& path, std::size_t line, const std::string& why) {
  return fail(ErrorKind::invalid_input, "invalid_api_keys",
              path + ", line " + std::to_string(line) + ": " + why +
                  "; write a line `name = key` or `name = sha256:HEX` for each");
}

}  // namespace

Result<std::vector<ApiKey>> read_api_keys(const std::string& path) {
  TRINITY_TRY(const std::string text, read_text_file(path, kMostKeyFileBytes));
  std::vector<ApiKey> keys;
  std::set<std::string> names, hashes;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = trimmed(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    ++number;
    if (line.empty() || line.front() == '#') continue;
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return bad_keys(path, number, "there is no \"=\"");
    ApiKey key{std::string(trimmed(line.substr(0, equals))), {}};
    const std::string_view value = trimmed(line.substr(equals + 1));
    if (key.name.empty()) return bad_keys(path, number, "the key has no name");
    if (value.starts_with("sha256:")) {
      key.sha256 = value.substr(7);
      const bool is_hex = std::all_of(key.sha256.begin(), key.sha256.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
      });
      if (key.sha256.size() != 64 || !is_hex)
        return bad_keys(path, number, "a SHA-256 is 64 digits of 0-9 and a-f");
    } else {
      if (value.size() < 16) return bad_keys(path, number, "a key has at least 16 characters");
      key.sha256 = sha256_hex(value);
    }
    if (!names.insert(key.name).second)
      return bad_keys(path, number, "the name " + key.name + " stands there twice");
    if (!hashes.insert(key.sha256).second)
      return bad_keys(path, number, "the key stands there twice");
    keys.push_back(std::move(key));
  }
  if (keys.empty()) return bad_keys(path, number, "there is no key");
  return keys;
}

bool Gate::host_is_ours(std::string_view host) const {
  if (!options_.loopback) return true;  // reached under names that only its owner knows
  const std::string_view name = host_name(host);
  return net::same_without_case(name, "localhost") || name == "[::1]" ||
         is_loopback_address(name) ||
         std::any_of(options_.hosts.begin(), options_.hosts.end(),
                     [&](const std::string& other) { return net::same_without_case(name, other); });
}

bool Gate::origin_is_allowed(std::string_view origin) const {
  return std::any_of(options_.origins.begin(), options_.origins.end(),
                     [&](const std::string& one) { return one == "*" || one == origin; });
}

const ApiKey* Gate::owner(const net::Fields& fields) const {
  std::string_view shown = fields.get("x-api-key");
  if (shown.empty()) {
    const std::string_view authorization = fields.get("authorization");
    constexpr std::string_view kBearer = "bearer ";
    if (authorization.size() > kBearer.size() &&
        net::same_without_case(authorization.substr(0, kBearer.size()), kBearer))
      shown = trimmed(authorization.substr(kBearer.size()));
  }
  if (shown.empty()) return nullptr;
  const std::string hash = sha256_hex(shown);
  const ApiKey* found = nullptr;
  for (const ApiKey& key : options_.keys)
    if (equal_in_constant_time(hash, key.sha256)) found = &key;
  return found;
}

std::shared_ptr<Request> Gate::admit(std::shared_ptr<net::Exchange> exchange) const {
  const net::HttpRequest& http = exchange->request();
  const std::string_view target = http.target;
  const std::size_t query = std::min(target.find('?'), target.size());
  auto request =
      std::make_shared<Request>(exchange, fresh_request_id(), known_path(target.substr(0, query)),
                                std::string(target.substr(std::min(query + 1, target.size()))));
  request->answers = answers_;
  if (request->path().starts_with("/v1/messages")) {
    request->words = Words::anthropic;
    request->fields.set("request-id", request->id());
  }
  request->fields.set("x-request-id", request->id());

  if (!host_is_ours(http.fields.get("host"))) {
    request->fail(api_error(
        Error{ErrorKind::usage, "forbidden_host",
              "this server listens on this machine alone and does not answer to that host name; "
              "use localhost, or start it with --host-name"}));
    return nullptr;
  }
  const std::string_view origin = http.fields.get("origin");
  if (!origin.empty()) {
    request->fields.set("vary", "Origin");
    if (!origin_is_allowed(origin)) {
      // A page that the server itself sent has its own origin.
      const std::size_t scheme = origin.find("://");
      if (scheme == std::string_view::npos ||
          origin.substr(scheme + 3) != http.fields.get("host")) {
        request->fail(api_error(Error{
            ErrorKind::usage, "forbidden_origin",
            "pages of that origin may not ask this server; start it with --origin to allow them"}));
        return nullptr;
      }
    } else {
      request->fields.set("access-control-allow-origin", std::string(origin));
      request->fields.set("access-control-expose-headers", kExposed);
      if (http.method == "OPTIONS" && http.fields.contains("access-control-request-method")) {
        request->fields.set("access-control-allow-methods", "GET, POST, OPTIONS");
        const std::string_view asked = http.fields.get("access-control-request-headers");
        if (!asked.empty()) request->fields.set("access-control-allow-headers", std::string(asked));
        request->fields.set("access-control-max-age", "600");
        request->exchange().respond({204, request->fields, {}});
        return nullptr;
      }
    }
  }
  if (has_keys() && !needs_no_key(request->path())) {
    const ApiKey* const key = owner(http.fields);
    if (key == nullptr) {
      request->fields.set("www-authenticate", "Bearer");
      request->fail(api_error(Error{ErrorKind::usage, "invalid_api_key",
                                    "no key of this server was shown; send it as "
                                    "\"Authorization: Bearer KEY\" or \"x-api-key: KEY\""}));
      return nullptr;
    }
    request->key = key->name;
  }
  return request;
}

}  // namespace trinity::serve
