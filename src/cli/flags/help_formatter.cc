#include "cli/flags/help_formatter.h"

#include <fmt/format.h>

#include <sstream>

namespace trinity::cli {
namespace {

constexpr std::size_t kNameColumns = 30;
constexpr std::size_t kTextColumns = 66;

std::string wrapped(const std::string& text) {
  std::istringstream words(text);
  std::string out;
  std::size_t used = 0;
  for (std::string word; words >> word;) {
    if (used > 0 && used + 1 + word.size() > kTextColumns) {
      out += '\n';
      used = 0;
    } else if (used > 0) {
      out += ' ';
      ++used;
    }
    out += word;
    used += word.size();
  }
  return out;
}

}  // namespace

HelpFormatter::HelpFormatter() { column_width(kNameColumns); }

std::string HelpFormatter::make_usage(const CLI::App* app, std::string name) const {
  if (app->get_parent() != nullptr) name = app->get_parent()->get_name() + " " + app->get_name();
  return "\n" + CLI::Formatter::make_usage(app, name);
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode mode) const {
  return CLI::detail::find_and_replace(CLI::Formatter::make_help(app, std::move(name), mode),
                                       "\n\n\n", "\n\n");
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  if (option->get_type_size() == 0) return {};
  // The library appends the checks to the name: "N:INT in [1 - 4096]".
  const std::string type = option->get_type_name();
  return " " + type.substr(0, type.find(':'));
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  std::string text = option->get_description();
  if (!option->get_default_str().empty())
    text += fmt::format(" (default: {})", option->get_default_str());
  if (option->get_required()) text += " (required)";
  return wrapped(text);
}

}  // namespace trinity::cli
