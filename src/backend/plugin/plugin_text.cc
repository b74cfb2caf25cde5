#include "backend/plugin/plugin_text.h"

#include <cstring>
#include <string_view>

#include "base/utf8.h"

namespace trinity::plugin {
namespace {

/// C1 controls are U+0080 to U+009F, in UTF-8 the bytes C2 80 to C2 9F.
std::string without_c1(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool control = text[at] == '\xC2' && at + 1 < text.size() &&
                         static_cast<unsigned char>(text[at + 1]) >= 0x80 &&
                         static_cast<unsigned char>(text[at + 1]) <= 0x9F;
    out += control ? '?' : text[at];
    if (control) ++at;
  }
  return out;
}

}  // namespace

std::string foreign_text(const char* text, std::size_t max_bytes) {
  if (text == nullptr) return {};
  // One byte more than may be shown tells whether there is more; nothing is read beyond it.
  const std::string_view bytes(text, strnlen(text, max_bytes + 1));
  const std::string masked = without_c1(bytes);
  if (bytes.size() <= max_bytes) return excerpt(masked, max_bytes);
  std::string cut = excerpt(masked, max_bytes - 3);
  if (!cut.ends_with("...")) cut += "...";
  return cut;
}

}  // namespace trinity::plugin
