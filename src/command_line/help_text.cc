#include "command_line/help_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/printable.h"

namespace trinity::command_line {
namespace {

constexpr std::size_t kNameColumns = 30;    // of a list, indent included
constexpr std::size_t kFewestColumns = 40;  // a narrower terminal breaks lines itself
constexpr std::size_t kMostColumns = 100;   // longer lines are hard to read
constexpr const char* kHelpNames = "-h,--help";
constexpr const char* kHelpText = "print this help and exit";

/// The words of a text in lines of at most `columns`; a longer word has a line of its own.
std::vector<std::string> wrapped(const std::string& text, std::size_t columns) {
  std::vector<std::string> lines;
  std::size_t used = 0;
  for (std::size_t at = text.find_first_not_of(' '); at != std::string::npos;) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    const std::size_t width = display_width(word);
    if (lines.empty() || used + 1 + width > columns) {
      lines.push_back(word);
      used = width;
    } else {
      lines.back() += " " + word;
      used += 1 + width;
    }
    at = text.find_first_not_of(' ', end);
  }
  return lines;
}

class HelpText {
 public:
  explicit HelpText(std::size_t columns)
      : columns_(std::clamp(columns, kFewestColumns, kMostColumns)),
        // Beside the names there must be room for words; else the text goes under them.
        text_column_(columns_ >= 2 * kNameColumns ? kNameColumns : 6) {}

  /// "  --model DIR               folder with ..."
  void add_entry(const std::string& name, const std::string& text) {
    out_ += "  " + name;
    std::size_t at = 2 + display_width(name);
    for (const std::string& line : wrapped(text, columns_ - text_column_)) {
      const std::size_t indent = indent_of(line);
      if (at >= indent) {
        out_ += '\n';
        at = 0;
      }
      out_ += std::string(indent - at, ' ') + line;
      at = columns_;
    }
    out_ += '\n';
  }

  void add_heading(const std::string& heading) { out_ += "\n" + heading + ":\n"; }

  /// Lines that do not begin with a space are prose: those that follow each other are one
  /// paragraph. The others are examples: one that is too long goes on behind a backslash.
  void add_prose(const std::string& text) {
    std::string paragraph;
    std::size_t lines_in_paragraph = 0;
    const auto end_paragraph = [&] {
      if (lines_in_paragraph == 1 && display_width(paragraph) <= columns_) {
        out_ += paragraph + "\n";
      } else {
        for (const std::string& line : wrapped(paragraph, columns_)) out_ += line + "\n";
      }
      paragraph.clear();
      lines_in_paragraph = 0;
    };
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      at = end + 1;
      const bool prose = !line.empty() && line.front() != ' ';
      if (!prose) end_paragraph();
      if (prose) {
        paragraph += (paragraph.empty() ? "" : " ") + line;
        ++lines_in_paragraph;
        if (line.back() == ':') end_paragraph();
      } else if (line.empty()) {
        out_ += '\n';
      } else {
        add_example(line);
      }
    }
    end_paragraph();
  }

  void add_line(const std::string& line) { out_ += line + "\n"; }

  std::string take() { return std::move(out_); }

 private:
  /// The column of the text, less what a long word, a path, needs to stay whole.
  std::size_t indent_of(const std::string& line) const {
    return std::min(text_column_, columns_ - std::min(columns_, display_width(line)));
  }

  /// A shell reads a broken line as the whole one.
  void add_example(std::string line) {
    while (display_width(line) > columns_) {
      const std::size_t begin = line.find_first_not_of(' ');
      std::size_t cut = line.rfind(" --", columns_ - 2);
      if (cut == std::string::npos || cut < begin) cut = line.find(" --", begin);
      if (cut == std::string::npos) break;
      out_ += line.substr(0, cut) + " \\\n";
      line = "      " + line.substr(cut + 1);
    }
    out_ += line + "\n";
  }

  std::size_t columns_;
  std::size_t text_column_;
  std::string out_;
};

std::string joined_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

std::string names_of(const FlagSpec& flag) {
  std::string text = joined_names(flag.names);
  if (!flag.off_names.empty()) text += "," + joined_names(flag.off_names);
  return flag.takes.empty() ? text : text + " " + flag.takes;
}

std::string text_of(const FlagSpec& flag) {
  std::string text = flag.help;
  if (flag.shows_default && !flag.default_text.empty())
    text += fmt::format(" (default: {})", flag.default_text);
  if (flag.required) text += " (required)";
  return text;
}

std::string usage_of(const CommandSpec& command) {
  std::string usage = fmt::format("Usage: {} [OPTIONS]", command.full_name());
  if (!command.commands.empty()) usage += command.action ? " [SUBCOMMAND]" : " SUBCOMMAND";
  for (const auto& flag : command.flags) {
    if (!flag->is_word()) continue;
    const std::string name = flag->name() + (flag->kind == FlagSpec::Kind::word ? "" : "...");
    usage += flag->required ? " " + name : " [" + name + "]";
  }
  return usage;
}

/// The headings in the order in which they first come; that of --help is the first.
std::vector<std::string> headings_of(const CommandSpec& command) {
  std::vector<std::string> headings = {FlagSpec().heading};
  for (const auto& flag : command.flags)
    if (!flag->is_word() && !flag->hidden &&
        std::find(headings.begin(), headings.end(), flag->heading) == headings.end())
      headings.push_back(flag->heading);
  return headings;
}

void add_flags(HelpText& help, const CommandSpec& command) {
  bool positionals = false;
  for (const auto& flag : command.flags) {
    if (!flag->is_word()) continue;
    if (!positionals) help.add_heading("Positionals");
    positionals = true;
    help.add_entry(names_of(*flag), text_of(*flag));
  }
  for (const std::string& heading : headings_of(command)) {
    help.add_heading(heading);
    if (heading == FlagSpec().heading) {
      help.add_entry(kHelpNames, kHelpText);
      if (command.parent == nullptr) help.add_entry("-v,--version", "print the version and exit");
    }
    for (const auto& flag : command.flags)
      if (!flag->is_word() && !flag->hidden && flag->heading == heading)
        help.add_entry(names_of(*flag), text_of(*flag));
  }
}

void add_commands(HelpText& help, const CommandSpec& command) {
  const std::string* heading = nullptr;
  for (const auto& child : command.commands) {
    if (heading == nullptr || *heading != child->heading)
      help.add_heading(child->heading.empty() ? "Subcommands" : child->heading);
    heading = &child->heading;
    help.add_entry(child->name, child->description);
  }
}

}  // namespace

std::string help_text(const CommandSpec& command, std::size_t columns) {
  HelpText help(columns);
  help.add_prose(command.description);
  help.add_line("");
  help.add_line(usage_of(command));
  add_flags(help, command);
  add_commands(help, command);
  if (!command.notes.empty()) {
    help.add_line("");
    help.add_prose(command.notes);
  }
  return help.take();
}

}  // namespace trinity::command_line
