#include "report/html.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "base/utf8.h"

namespace trinity::report {

std::string html_text(std::string_view text) {
  std::string line(text);
  for (char& c : line)
    if (c == '\n' || c == '\t' || c == '\r') c = ' ';
  std::string out;
  for (const char c : printable(line)) {
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
      default:
        out += c;
    }
  }
  return out;
}

std::string html_excerpt(std::string_view text, std::size_t max_bytes) {
  std::string line(text.substr(0, max_bytes + 8));  // more than is shown, and no more
  for (char& c : line)
    if (c == '\n' || c == '\t' || c == '\r') c = ' ';
  return fmt::format("<bdi>{}</bdi>", html_text(excerpt(line, max_bytes)));
}

}  // namespace trinity::report
