// Any bytes as an address and as a redirect's location: refused with a tag, or an address in the
// one form that is kept, which reads as itself.
#include "net/url.h"

#include <cstdint>

#include "input.h"

using trinity::fuzz::require;
using trinity::net::Url;

namespace {

void require_one_form(const Url& url) {
  const auto again = trinity::net::parse_url(url.text);
  require(again && again->text == url.text && trinity::net::same_origin(*again, url));
  for (const char c : url.text) require(c > 0x20 && c < 0x7f, "an address is printable ASCII");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto url = trinity::net::parse_url(text)) {
    require_one_form(*url);
  } else {
    trinity::fuzz::require_clear(url.error());
  }
  const Url base = trinity::net::parse_url("https://h.org/a/b?c").value();
  if (const auto url = trinity::net::resolve_location(base, text)) {
    require_one_form(*url);
  } else {
    trinity::fuzz::require_clear(url.error());
  }
  return 0;
}
