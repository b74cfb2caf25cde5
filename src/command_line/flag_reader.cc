#include "command_line/flag_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "base/suggestion.h"
#include "base/try.h"
#include "base/utf8.h"
#include "command_line/flag_values.h"
#include "command_line/word_parser.h"

namespace trinity::command_line {
namespace {

using Kind = FlagSpec::Kind;
using Values = FlagSpec::Values;

/// What a flag was given, and where: the sentence about a wrong value names it.
struct Given {
  Values values;
  std::string source;  // "--threads" or "TRINITY_THREADS"
  bool on_command_line = false;
};
using AllGiven = std::map<const FlagSpec*, Given>;

tl::unexpected<Error> wrong(std::string sentence) {
  return fail(ErrorKind::usage, "usage", std::move(sentence));
}

/// "the bundle DIR" of a word, "--model DIR" of a flag.
std::string shown(const FlagSpec& flag) {
  return flag.is_word() ? "the word \"" + flag.name() + "\"" : flag.name();
}

std::vector<std::string> flag_names(const CommandSpec& command) {
  std::vector<std::string> names = {"--help"};
  for (const auto& flag : command.flags) {
    if (flag->is_word() || flag->hidden) continue;
    names.insert(names.end(), flag->names.begin(), flag->names.end());
    names.insert(names.end(), flag->off_names.begin(), flag->off_names.end());
  }
  return names;
}

tl::unexpected<Error> unknown_flag(const CommandSpec& command, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  return wrong(fmt::format("{} has no flag {}{}", command.full_name(), excerpt(name),
                           did_you_mean(name, flag_names(command))));
}

/// Which flags the words give. The first option is --help.
struct Options {
  std::vector<OptionNames> names = {{{"-h", "--help"}, false}};
  std::vector<const FlagSpec*> flags = {nullptr};
  std::vector<bool> off = {false};
};

Options options_of(const CommandSpec& command) {
  Options options;
  const auto add = [&](const FlagSpec& flag, const std::vector<std::string>& names, bool off) {
    options.names.push_back({names, flag.kind != Kind::toggle});
    options.flags.push_back(&flag);
    options.off.push_back(off);
  };
  for (const auto& flag : command.flags) {
    if (flag->is_word()) continue;
    add(*flag, flag->names, false);
    if (!flag->off_names.empty()) add(*flag, flag->off_names, true);
  }
  return options;
}

Status take_options(const Options& options, const ParsedWords& parsed, AllGiven& all) {
  for (std::size_t i = 1; i < options.flags.size(); ++i) {
    const FlagSpec& flag = *options.flags[i];
    if (parsed.values[i].empty()) continue;
    if (flag.kind != Kind::list && parsed.values[i].size() > 1)
      return wrong(flag.name() + " is given twice; give it once");
    if (all.contains(&flag))  // by its other side
      return wrong(fmt::format("{} and {} exclude each other", flag.name(), flag.off_names[0]));
    all[&flag] = {options.off[i] ? Values{"false"} : parsed.values[i], flag.name(), true};
  }
  return {};
}

Status take_words(const CommandSpec& command, const ParsedWords& parsed, AllGiven& all) {
  std::size_t next = 0;
  for (const auto& flag : command.flags) {
    if (!flag->is_word() || next == parsed.words.size()) continue;
    Given& given = all[flag.get()];
    given.on_command_line = true;
    given.source = flag->name();
    do {
      given.values.push_back(parsed.words[next++]);
    } while (flag->kind != Kind::word && next < parsed.words.size());
  }
  if (next == parsed.words.size()) return {};
  return wrong(fmt::format("{} does not take the word \"{}\"", command.full_name(),
                           excerpt(parsed.words[next])));
}

bool is_given(const AllGiven& all, const FlagSpec& flag) {
  const auto at = all.find(&flag);
  return at != all.end() && at->second.on_command_line;
}

bool excludes(const FlagSpec& flag, const FlagSpec& other) {
  return std::any_of(other.names.begin(), other.names.end(), [&](const std::string& name) {
    return std::find(flag.excluded.begin(), flag.excluded.end(), name) != flag.excluded.end();
  });
}

Status check_exclusions(const CommandSpec& command, const AllGiven& all) {
  for (const auto& flag : command.flags)
    for (const auto& other : command.flags)
      if (excludes(*flag, *other) && is_given(all, *flag) && is_given(all, *other))
        return wrong(
            fmt::format("{} and {} exclude each other; give one", shown(*flag), shown(*other)));
  return {};
}

/// The variables of flags that are not on the command line and are not excluded by one that is.
void take_environment(const CommandSpec& command, AllGiven& all) {
  const auto excluded_by_given = [&](const FlagSpec& flag) {
    for (const auto& other : command.flags) {
      if (is_given(all, *other) && (excludes(flag, *other) || excludes(*other, flag))) return true;
    }
    return false;
  };
  for (const auto& flag : command.flags) {
    if (flag->is_word() || !flag->environment || is_given(all, *flag) || excluded_by_given(*flag))
      continue;
    for (const std::string& name : flag->names) {
      const std::string variable = environment_name(name);
      const char* value = variable.empty() ? nullptr : std::getenv(variable.c_str());
      if (value == nullptr || *value == '\0') continue;
      all[flag.get()] = {{value}, variable, false};
      break;
    }
  }
}

Values split_at_commas(const Values& values) {
  Values parts;
  for (const std::string& value : values) {
    for (std::size_t begin = 0; begin <= value.size();) {
      const std::size_t end = std::min(value.find(',', begin), value.size());
      if (end > begin) parts.push_back(value.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return parts.empty() ? values : parts;
}

Values sentence_of(const Values& words) {
  std::string text = words.front();
  for (std::size_t i = 1; i < words.size(); ++i) text += " " + words[i];
  return {text};
}

Status store(const CommandSpec& command, const AllGiven& all) {
  for (const auto& flag : command.flags) {
    const auto at = all.find(flag.get());
    if (at == all.end()) continue;
    Values values = at->second.values;
    if (flag->commas) values = split_at_commas(values);
    if (flag->kind == Kind::sentence) values = sentence_of(values);
    if (const std::string what = flag->store(*flag, values); !what.empty())
      return wrong(at->second.source + ": " + what);
  }
  return {};
}

Status check_required(const CommandSpec& command, const AllGiven& all) {
  for (const auto& flag : command.flags)
    if (flag->required && !all.contains(flag.get()))
      return wrong(fmt::format("{} is required: {}", shown(*flag), flag->help));
  return {};
}

Status check_use(const CommandSpec& command, const AllGiven& all) {
  for (const auto& flag : command.flags)
    if (flag->used && is_given(all, *flag) && !flag->used())
      return wrong(flag->name() + " " + flag->unused);
  return {};
}

}  // namespace

Result<bool> read_flags(const CommandSpec& command, const std::vector<std::string>& words) {
  const Options options = options_of(command);
  const ParsedWords parsed = parse_words(options.names, words);
  if (!parsed.values.front().empty()) return true;
  if (!parsed.unknown.empty()) return unknown_flag(command, parsed.unknown.front());
  if (parsed.last_lacks_value) return wrong(excerpt(words.back()) + " needs a value behind it");
  AllGiven all;
  TRINITY_CHECK(take_options(options, parsed, all));
  TRINITY_CHECK(take_words(command, parsed, all));
  TRINITY_CHECK(check_exclusions(command, all));
  take_environment(command, all);
  TRINITY_CHECK(check_required(command, all));
  TRINITY_CHECK(store(command, all));
  TRINITY_CHECK(check_use(command, all));
  return false;
}

std::string environment_name(const std::string& flag) {
  if (!flag.starts_with("--")) return {};
  std::string name = "TRINITY_";
  for (const char c : flag.substr(2))
    name += c == '-' ? '_' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

bool asks_for_json(const std::vector<std::string>& words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  for (auto word = words.begin(); word != end; ++word) {
    bool on = false;
    if (*word == "--json") return true;
    if (word->starts_with("--json=") && read_value(FlagSpec(), word->substr(7), on).empty())
      return on;
  }
  const char* variable = std::getenv("TRINITY_JSON");
  bool on = false;
  return variable != nullptr && read_value(FlagSpec(), variable, on).empty() && on;
}

}  // namespace trinity::command_line
