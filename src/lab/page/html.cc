#include "lab/page/html.h"

#include <fmt/format.h>

#include <cmath>

#include "base/utf8.h"

namespace trinity {

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\n':
      case '\t':
        out += ' ';
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          out += "\xef\xbf\xbd";
        else
          out += c;
    }
  }
  return out;
}

std::string html_excerpt(std::string_view text, std::size_t max_bytes) {
  std::string plain(text.substr(0, 4 * max_bytes));
  for (char& c : plain)
    if (c == '\n' || c == '\t' || c == '\r') c = ' ';
  return fmt::format("<bdi>{}</bdi>", html_text(excerpt(plain, max_bytes)));
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return "–";
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size < 0.0005) return fmt::format("{:.0e}", value);
  if (size < 1) return fmt::format("{:.3f}", value);
  if (size < 100) return fmt::format("{:.2f}", value);
  return fmt::format("{:.0f}", value);
}

}  // namespace trinity
