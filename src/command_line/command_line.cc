#include "command_line/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/suggestion.h"
#include "base/try.h"
#include "base/utf8.h"
#include "command_line/command_spec.h"
#include "command_line/flag_reader.h"
#include "command_line/flag_values.h"
#include "command_line/help_text.h"
#include "terminal/output.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::command_line {
namespace {

using Kind = FlagSpec::Kind;
using Values = FlagSpec::Values;

std::vector<std::string> split_names(const std::string& names) {
  std::vector<std::string> split;
  for (std::size_t begin = 0; begin <= names.size();) {
    const std::size_t end = std::min(names.find(',', begin), names.size());
    split.push_back(names.substr(begin, end - begin));
    begin = end + 1;
  }
  return split;
}

FlagSpec& add_flag(CommandSpec& command, Kind kind, const std::string& names,
                   const std::string& help) {
  FlagSpec& flag = *command.flags.emplace_back(std::make_unique<FlagSpec>());
  flag.kind = kind;
  flag.names = split_names(names);
  flag.help = help;
  return flag;
}

template <typename T>
Flag add_value(CommandSpec& command, Kind kind, const std::string& names, T& target,
               const std::string& help) {
  FlagSpec& flag = add_flag(command, kind, names, help);
  flag.default_text = value_text(target);
  flag.store = [&target](const FlagSpec& self, const Values& values) {
    return read_value(self, values.front(), target);
  };
  return Flag(flag);
}

template <typename T>
Flag add_list(CommandSpec& command, Kind kind, const std::string& names, std::vector<T>& target,
              const std::string& help) {
  FlagSpec& flag = add_flag(command, kind, names, help);
  flag.default_text = value_text(target);
  flag.store = [&target](const FlagSpec& self, const Values& values) {
    target.clear();
    for (const std::string& value : values)
      if (std::string wrong = read_value(self, value, target.emplace_back()); !wrong.empty())
        return wrong;
    return std::string();
  };
  return Flag(flag);
}

}  // namespace

Flag& Flag::takes(std::string what) {
  spec_->takes = std::move(what);
  return *this;
}
Flag& Flag::in(std::string heading) {
  spec_->heading = std::move(heading);
  return *this;
}
Flag& Flag::hidden() {
  spec_->hidden = true;
  return *this;
}
Flag& Flag::required() {
  spec_->required = true;
  return *this;
}
Flag& Flag::shows_default() {
  spec_->shows_default = true;
  return *this;
}
Flag& Flag::no_environment() {
  spec_->environment = false;
  return *this;
}
Flag& Flag::range(double lowest, double highest) {
  spec_->lowest = lowest;
  spec_->highest = highest;
  return *this;
}
Flag& Flag::at_least(double lowest) {
  spec_->lowest = lowest;
  return *this;
}
Flag& Flag::above(double bound) {
  spec_->above = bound;
  return *this;
}
Flag& Flag::one_of(std::vector<std::string> words) {
  spec_->choices = std::move(words);
  return *this;
}
Flag& Flag::check(std::function<std::string(const std::string&)> what_is_wrong) {
  spec_->check = std::move(what_is_wrong);
  return *this;
}
Flag& Flag::commas() {
  spec_->commas = true;
  return *this;
}
Flag& Flag::excludes(std::string other) {
  spec_->excluded.push_back(std::move(other));
  return *this;
}
Flag& Flag::used_when(std::function<bool()> condition, std::string otherwise) {
  spec_->used = std::move(condition);
  spec_->unused = std::move(otherwise);
  return *this;
}

Flag Command::value(const std::string& names, std::string& target, const std::string& help) {
  return add_value(*spec_, Kind::value, names, target, help);
}
Flag Command::value(const std::string& names, std::filesystem::path& target,
                    const std::string& help) {
  return add_value(*spec_, Kind::value, names, target, help);
}
Flag Command::value(const std::string& names, int& target, const std::string& help) {
  return add_value(*spec_, Kind::value, names, target, help);
}
Flag Command::value(const std::string& names, std::int64_t& target, const std::string& help) {
  return add_value(*spec_, Kind::value, names, target, help);
}
Flag Command::value(const std::string& names, std::uint64_t& target, const std::string& help) {
  return add_value(*spec_, Kind::value, names, target, help);
}
Flag Command::value(const std::string& names, double& target, const std::string& help) {
  return add_value(*spec_, Kind::value, names, target, help);
}
Flag Command::value(const std::string& names, std::optional<std::int64_t>& target,
                    const std::string& help) {
  return add_value(*spec_, Kind::value, names, target, help);
}
Flag Command::value(const std::string& names, std::optional<double>& target,
                    const std::string& help) {
  return add_value(*spec_, Kind::value, names, target, help);
}
Flag Command::value(const std::string& names, std::vector<std::string>& target,
                    const std::string& help) {
  return add_list(*spec_, Kind::list, names, target, help);
}
Flag Command::value(const std::string& names, std::vector<std::int64_t>& target,
                    const std::string& help) {
  return add_list(*spec_, Kind::list, names, target, help);
}

Flag Command::parsed(const std::string& names, std::function<std::string(const std::string&)> take,
                     const std::string& help) {
  FlagSpec& flag = add_flag(*spec_, Kind::value, names, help);
  flag.store = [take = std::move(take)](const FlagSpec&, const Values& values) {
    return take(values.front());
  };
  return Flag(flag);
}

Flag Command::add_choice(const std::string& names, std::vector<std::string> words,
                         std::string default_text, const std::string& help,
                         std::function<void(std::size_t)> store) {
  FlagSpec& flag = add_flag(*spec_, Kind::value, names, help);
  flag.choices = std::move(words);
  flag.default_text = std::move(default_text);
  flag.store = [store = std::move(store)](const FlagSpec& self, const Values& values) {
    std::string word;
    std::string wrong = read_value(self, values.front(), word);
    if (wrong.empty())
      store(static_cast<std::size_t>(std::find(self.choices.begin(), self.choices.end(), word) -
                                     self.choices.begin()));
    return wrong;
  };
  return Flag(flag);
}

Flag Command::toggle(const std::string& names, bool& target, const std::string& help) {
  FlagSpec& flag = add_flag(*spec_, Kind::toggle, names, help);
  flag.store = [&target](const FlagSpec& self, const Values& values) {
    return read_value(self, values.front(), target);
  };
  return Flag(flag);
}

Flag Command::toggle(const std::string& names, const std::string& off_names, bool& target,
                     const std::string& help) {
  const Flag flag = toggle(names, target, help);
  spec_->flags.back()->off_names = split_names(off_names);
  return flag;
}

Flag Command::switch_off(const std::string& names, bool& target, const std::string& help) {
  FlagSpec& flag = add_flag(*spec_, Kind::toggle, names, help);
  flag.store = [&target](const FlagSpec& self, const Values& values) {
    bool given = false;
    std::string wrong = read_value(self, values.front(), given);
    if (wrong.empty()) target = !given;
    return wrong;
  };
  return Flag(flag);
}

Flag Command::json(bool& target, const std::string& help) {
  spec_->json = &target;
  spec_->json_output = JsonOutput::object;
  return toggle("--json", target, help);
}

Flag Command::json_lines(bool& target, const std::string& help) {
  const Flag flag = json(target, help);
  spec_->json_output = JsonOutput::lines;
  return flag;
}

Flag Command::word(const std::string& name, std::string& target, const std::string& help) {
  return add_value(*spec_, Kind::word, name, target, help);
}
Flag Command::words(const std::string& name, std::vector<std::string>& target,
                    const std::string& help) {
  return add_list(*spec_, Kind::words, name, target, help);
}
Flag Command::sentence(const std::string& name, std::optional<std::string>& target,
                       const std::string& help) {
  return add_value(*spec_, Kind::sentence, name, target, help);
}

void Command::notes(std::string text) { spec_->notes = std::move(text); }

void Command::action(Action action) { spec_->action = std::move(action); }

void Command::add(const std::string& name, const std::string& description,
                  std::function<void(Command&)> declare) {
  CommandSpec& command = *spec_->commands.emplace_back(std::make_unique<CommandSpec>());
  command.name = name;
  command.description = description;
  command.heading = spec_->next_heading;
  command.parent = spec_;
  command.declare = std::move(declare);
}

void Command::heading(std::string text) { spec_->next_heading = std::move(text); }

// ---- running ------------------------------------------------------------------------------------

namespace {

int print(const std::string& text) {
  terminal::Output output;
  Status written = output.write(text);
  if (written) written = output.flush();
  return written ? 0 : terminal::report(written.error());
}

/// One line on standard error, and for programs that read JSON a record on standard output.
int report_failure(const Error& error, bool json) {
  const int status = terminal::report(error);
  if (status == 0 || !json) return status;
  std::string text = "{\"error\":{\"tag\":";
  append_json_string(text, error.tag);
  text += ",\"message\":";
  append_json_string(text, error.message);
  terminal::Output output;
  if (output.write(wire::with_schema_version(text + "}}") + "\n"))
    static_cast<void>(output.flush());  // the failure itself is told already
  return status;
}

Result<int> guarded(const Action& action, const std::function<Status()>& before) {
  try {
    TRINITY_CHECK(before());
    return action();
  } catch (...) {
    return tl::unexpected(terminal::error_of_exception());
  }
}

std::string help_of(const CommandSpec& command, int descriptor) {
  return help_text(command, static_cast<std::size_t>(terminal::terminal_columns(descriptor)));
}

bool is_help(const std::string& word) { return word == "-h" || word == "--help"; }

std::vector<std::string> command_names(const CommandSpec& group) {
  std::vector<std::string> names;
  for (const auto& command : group.commands) names.push_back(command->name);
  return names;
}

/// The command and its flags, declared on demand; null when there is no such command.
CommandSpec* find_command(CommandSpec& group, const std::string& name) {
  for (const auto& command : group.commands) {
    if (command->name != name) continue;
    if (command->declare) {
      Command handle(*command);
      std::exchange(command->declare, nullptr)(handle);
    }
    return command.get();
  }
  return nullptr;
}

Error usage_error(const CommandSpec& command, const std::string& sentence) {
  return {ErrorKind::usage, "usage",
          fmt::format("{}; see {} --help", sentence, command.full_name())};
}

Error no_such_command(const CommandSpec& group, const std::string& word) {
  if (word.starts_with('-'))
    return usage_error(group, fmt::format("{} has no flag {}; flags come behind the command",
                                          group.full_name(), excerpt(word)));
  const std::string full = group.parent ? group.full_name() + " has" : "there is";
  return usage_error(group, fmt::format("{} no command \"{}\"{}", full, excerpt(word),
                                        did_you_mean(word, command_names(group))));
}

Error no_command(const CommandSpec& group) {
  std::string names;
  for (const std::string& name : command_names(group)) names += (names.empty() ? "" : ", ") + name;
  return usage_error(group,
                     fmt::format("{} needs one of its commands: {}", group.full_name(), names));
}

/// The command that the words name, and the words behind it.
struct Found {
  CommandSpec* command = nullptr;
  std::vector<std::string> rest;
  bool help = false;
};

Result<Found> find(CommandSpec& root, const std::vector<std::string>& words) {
  Found found{&root, {}, false};
  for (auto word = words.begin(); word != words.end(); ++word) {
    // A command with flags of its own beside commands below it: a flag is its own.
    const bool own_flag = found.command->action && word->starts_with('-') && !is_help(*word);
    if (found.command->commands.empty() || own_flag) {
      found.rest.assign(word, words.end());
      return found;
    }
    if (is_help(*word) || *word == "help") {
      found.help = true;
      continue;
    }
    CommandSpec* next = find_command(*found.command, *word);
    if (next == nullptr) return tl::unexpected(no_such_command(*found.command, *word));
    found.command = next;
  }
  if (!found.command->commands.empty() && !found.command->action && !found.help)
    return tl::unexpected(no_command(*found.command));
  return found;
}

}  // namespace

CommandLine::CommandLine(const std::string& name, std::string overview, std::string version)
    : root_(std::make_unique<CommandSpec>()), version_(std::move(version)) {
  root_->name = name;
  root_->description = std::move(overview);
  root_->notes =
      fmt::format("Each command has its own help with an example: {} route --help", name);
}

CommandLine::~CommandLine() = default;

Command CommandLine::commands() { return Command(*root_); }

int CommandLine::run(const std::vector<std::string>& words, const std::function<Status()>& before) {
  if (words.empty()) {
    const std::string help = help_of(*root_, STDERR_FILENO);
    return ::write(STDERR_FILENO, help.data(), help.size()) < 0 ? 1 : 2;
  }
  if (words.front() == "-v" || words.front() == "--version") return print(version_ + "\n");
  Result<Found> found = find(*root_, words);
  if (!found) return report_failure(found.error(), asks_for_json(words));
  const CommandSpec& command = *found->command;
  if (found->help) return print(help_of(command, STDOUT_FILENO));
  const Result<bool> help = read_flags(command, found->rest);
  if (!help)
    return report_failure(usage_error(command, help.error().message),
                          command.json != nullptr && asks_for_json(found->rest));
  if (*help) return print(help_of(command, STDOUT_FILENO));
  const Result<int> status = guarded(command.action, before);
  if (status) return *status;
  const bool json = command.json != nullptr && *command.json;
  const bool one_object = command.json_output == JsonOutput::object;
  return report_failure(status.error(), json && !(one_object && terminal::Output::begun()));
}

}  // namespace trinity::command_line
