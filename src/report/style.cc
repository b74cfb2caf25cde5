#include "report/style.h"

namespace trinity::report {
namespace {

const char* code_of(Look look) {
  switch (look) {
    case Look::plain:
    case Look::label:
      return "";
    case Look::strong:
      return "1";
    case Look::faint:
      return "2";
    case Look::bad:
      return "31";
    case Look::good:
      return "32";
    case Look::warn:
      return "33";
    case Look::second:
      return "35";
    case Look::accent:
      return "36";
  }
  return "";
}

}  // namespace

std::string Style::paint(Look look, std::string_view text) const {
  const std::string_view code = code_of(look);
  if (!coloured_ || text.empty() || code.empty()) return std::string(text);
  std::string out = "\x1b[";
  out.append(code).append("m").append(text).append("\x1b[0m");
  return out;
}

}  // namespace trinity::report
