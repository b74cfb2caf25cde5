#include "terminal/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace trinity::terminal {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

std::size_t terminal_columns(int descriptor) {
  constexpr std::size_t fallback = 80, least = 20, most = 10'000;
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return std::max<std::size_t>(size.ws_col, least);
  const std::string_view named = environment("COLUMNS");
  std::size_t columns = 0;
  const auto read = std::from_chars(named.data(), named.data() + named.size(), columns);
  if (read.ec != std::errc() || read.ptr != named.data() + named.size() || columns == 0)
    return fallback;
  return std::clamp(columns, least, most);
}

report::Style style_for(int descriptor) {
  return report::Style(
      is_terminal(descriptor) && environment("NO_COLOR").empty() && environment("TERM") != "dumb",
      terminal_columns(descriptor), is_terminal(descriptor) || !environment("COLUMNS").empty());
}

}  // namespace trinity::terminal
