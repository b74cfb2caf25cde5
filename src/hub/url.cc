#include "hub/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "base/try.h"
#include "base/utf8.h"
#include "hub/curl_library.h"

namespace trinity {
namespace {

constexpr std::size_t kMaxUrlBytes = 16 * 1024;

tl::unexpected<Error> invalid(const std::string& shown, const char* why) {
  return fail(ErrorKind::invalid_input, "invalid_url",
              "the address " + shown + " cannot be used: " + why);
}

/// Reads `first` and then, when given, `second` relative to it.
Result<Url> read(std::string_view first, const std::string* second, const std::string& shown) {
  if (first.size() > kMaxUrlBytes || (second != nullptr && second->size() > kMaxUrlBytes))
    return invalid(shown, "it is too long");
  TRINITY_TRY(const CurlLibrary* curl, CurlLibrary::load());
  const std::unique_ptr<CURLU, decltype(curl->url_cleanup)> handle(curl->url(), curl->url_cleanup);
  if (curl->url_set(handle.get(), CURLUPART_URL, std::string(first).c_str(), 0) != CURLUE_OK ||
      (second != nullptr &&
       curl->url_set(handle.get(), CURLUPART_URL, second->c_str(), CURLU_URLENCODE) != CURLUE_OK))
    return invalid(shown, "it is no http or https address");
  const auto part = [&](CURLUPart which, unsigned flags) {
    char* text = nullptr;
    std::string out;
    if (curl->url_get(handle.get(), which, &text, flags) == CURLUE_OK && text != nullptr) {
      out = text;
      curl->free(text);
    }
    return out;
  };
  const auto lower = [](std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  };
  Url url;
  url.scheme = lower(part(CURLUPART_SCHEME, 0));
  url.host = lower(part(CURLUPART_HOST, 0));
  url.port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if ((url.scheme != "http" && url.scheme != "https") || url.host.empty())
    return invalid(shown, "it is no http or https address");
  if (!part(CURLUPART_USER, 0).empty() || !part(CURLUPART_PASSWORD, 0).empty())
    return invalid(shown, "it holds a user name or a password");
  if (curl->url_set(handle.get(), CURLUPART_FRAGMENT, nullptr, 0) != CURLUE_OK)
    return invalid(shown, "it cannot be read");
  url.text = part(CURLUPART_URL, 0);
  return url;
}

}  // namespace

std::string Url::origin() const {
  const bool usual = port == (scheme == "https" ? "443" : "80");
  return excerpt(usual ? fmt::format("{}://{}", scheme, host)
                       : fmt::format("{}://{}:{}", scheme, host, port));
}

bool Url::is_loopback() const {
  const bool is_address = host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "[::1]" || (is_address && host.starts_with("127."));
}

Result<Url> parse_url(std::string_view text) {
  // A user name may be a secret, so only what follows it is shown.
  const std::size_t at = text.rfind('@');
  const std::string shown =
      fmt::format("\"{}\"", excerpt(at == std::string_view::npos ? text : text.substr(at + 1)));
  return read(text, nullptr, shown);
}

Result<Url> resolve_location(const Url& base, std::string_view location) {
  const std::string text(location);
  return read(base.text, &text, "to which " + base.origin() + " redirects");
}

bool same_origin(const Url& a, const Url& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

}  // namespace trinity
