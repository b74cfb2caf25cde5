#include "backend_plugin/plugin_text.h"

#include <cstring>
#include <string_view>

#include "base/utf8.h"

namespace trinity::plugin {
std::string foreign_text(const char* text, std::size_t max_bytes) {
  if (text == nullptr) return {};
  // One byte more than may be shown tells whether there is more; nothing is read beyond it.
  const std::string_view bytes(text, strnlen(text, max_bytes + 1));
  const std::string whole = excerpt(bytes, max_bytes);
  if (bytes.size() <= max_bytes && whole.size() <= max_bytes) return whole;
  std::string cut = excerpt(bytes, max_bytes - 3);
  if (!cut.ends_with("...")) cut += "...";
  return cut;
}

}  // namespace trinity::plugin
