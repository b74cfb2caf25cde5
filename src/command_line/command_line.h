// Declaring commands with their flags, and running the one that a command line names.
//
//   void declare(Command& command, SynthFlags& flags) {
//     command.value("--config", flags.config, "config.json of the shape").takes("FILE").required();
//     command.value("--seed", flags.seed, "equal seeds give equal
//     bytes").takes("N").shows_default(); command.json(flags.json, "one JSON object");
//     command.notes("Example:\n  trinity synth --config config.json --out random");
//   }
//
// The type of a target says what a value must be, and a target is written only when its flag is
// there. Every flag has an environment name, `--input-mode` TRINITY_INPUT_MODE, unless
// `no_environment` takes it away; the command line wins, and the name is read only for the command
// that runs, so a value meant for one command cannot break another. Nobody may give a flag twice,
// but for those that fill a list. What is wrong is one sentence that names the flag or the
// variable.
//
// How the words of a command line are taken apart is the business of command_line/word_parser.cc,
// the only file that knows the library for it.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace trinity::command_line {

struct FlagSpec;
struct CommandSpec;

/// What a command does; its value is the exit status.
using Action = std::function<Result<int>()>;

/// One flag, or one word without dashes, while it is declared.
class Flag {
 public:
  explicit Flag(FlagSpec& spec) : spec_(&spec) {}

  /// What the help shows in place of the value: "FILE".
  Flag& takes(std::string what);
  /// The heading under which the help lists it; "Options" without one.
  Flag& in(std::string heading);
  /// Not in the help.
  Flag& hidden();
  Flag& required();
  /// The help tells what the target holds now.
  Flag& shows_default();
  /// For what names or replaces an output: a variable that was set for one command must not make
  /// another one write.
  Flag& no_environment();
  /// Numbers: both bounds, the lower one, or what a number must be greater than.
  Flag& range(double lowest, double highest);
  Flag& at_least(double lowest);
  Flag& above(double bound);
  Flag& one_of(std::vector<std::string> words);
  /// Refuses a text: `what_is_wrong` says why, or nothing.
  Flag& check(std::function<std::string(const std::string&)> what_is_wrong);
  /// A list's values may also stand in one word, with commas between them.
  Flag& commas();
  /// Not together with the flag or word of that name on one command line. A variable gives way.
  Flag& excludes(std::string other);
  /// Refuses the flag on the command line where it would have no effect. `otherwise` ends the
  /// sentence "--seed ": "draws agent and role; it needs ...". Asked after all values are known.
  Flag& used_when(std::function<bool()> condition, std::string otherwise);

 private:
  FlagSpec* spec_;
};

/// One command, or a group of commands, while it is declared.
class Command {
 public:
  explicit Command(CommandSpec& spec) : spec_(&spec) {}

  /// A flag with a value. `names`: "--model", "-t,--target" or "--vector,--source-vector".
  Flag value(const std::string& names, std::string& target, const std::string& help);
  Flag value(const std::string& names, std::filesystem::path& target, const std::string& help);
  Flag value(const std::string& names, int& target, const std::string& help);
  Flag value(const std::string& names, std::int64_t& target, const std::string& help);
  Flag value(const std::string& names, std::uint64_t& target, const std::string& help);
  Flag value(const std::string& names, double& target, const std::string& help);
  Flag value(const std::string& names, std::optional<std::int64_t>& target,
             const std::string& help);
  Flag value(const std::string& names, std::optional<double>& target, const std::string& help);
  /// A flag that may be given several times.
  Flag value(const std::string& names, std::vector<std::string>& target, const std::string& help);
  Flag value(const std::string& names, std::vector<std::int64_t>& target, const std::string& help);

  /// A flag with a text that `take` reads: it says what is wrong with it, or nothing.
  Flag parsed(const std::string& names, std::function<std::string(const std::string&)> take,
              const std::string& help);
  /// A flag with one of the words that name_of gives the values of an enumeration.
  template <typename Enum, typename NameOf>
  Flag choice(const std::string& names, Enum& target, std::initializer_list<Enum> values,
              NameOf name_of, const std::string& help) {
    return choice_of(names, values, name_of, name_of(target), target, help);
  }
  template <typename Enum, typename NameOf>
  Flag choice(const std::string& names, std::optional<Enum>& target,
              std::initializer_list<Enum> values, NameOf name_of, const std::string& help) {
    return choice_of(names, values, name_of, target ? name_of(*target) : "", target, help);
  }

  /// A flag that is there or not.
  Flag toggle(const std::string& names, bool& target, const std::string& help);
  /// The same with names that switch it off.
  Flag toggle(const std::string& names, const std::string& off_names, bool& target,
              const std::string& help);
  /// A flag that switches its target off.
  Flag switch_off(const std::string& names, bool& target, const std::string& help);
  /// --json. A run that fails as a whole then says so in JSON, too: where the output is one object
  /// only if nothing was printed before, where it is an object a line in any case.
  Flag json(bool& target, const std::string& help);
  Flag json_lines(bool& target, const std::string& help);

  /// A word without dashes.
  Flag word(const std::string& name, std::string& target, const std::string& help);
  /// All such words.
  Flag words(const std::string& name, std::vector<std::string>& target, const std::string& help);
  /// All such words as one text, a space between two: a prompt needs no quotes.
  Flag sentence(const std::string& name, std::optional<std::string>& target,
                const std::string& help);

  /// The end of the help, with examples. Lines that begin with a space stay as they are.
  void notes(std::string text);
  void action(Action action);

  /// A command below this one. `declare` is called only when the command is asked for.
  void add(const std::string& name, const std::string& description,
           std::function<void(Command&)> declare);
  /// The commands that follow stand under this heading in the help.
  void heading(std::string text);

 private:
  template <typename Enum, typename NameOf, typename Target>
  Flag choice_of(const std::string& names, std::initializer_list<Enum> values, NameOf name_of,
                 const std::string& default_text, Target& target, const std::string& help) {
    std::vector<std::string> words;
    for (const Enum value : values) words.emplace_back(name_of(value));
    return add_choice(
        names, std::move(words), default_text, help,
        [&target, known = std::vector<Enum>(values)](std::size_t place) { target = known[place]; });
  }
  Flag add_choice(const std::string& names, std::vector<std::string> words,
                  std::string default_text, const std::string& help,
                  std::function<void(std::size_t)> store);

  CommandSpec* spec_;
};

/// The whole program: its commands, its help and the run of what a command line asks for.
class CommandLine {
 public:
  /// `name` and what is said of it above its commands; `version` answers --version.
  CommandLine(const std::string& name, std::string overview, std::string version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// To add the commands to.
  Command commands();

  /// Finds the command, reads its flags and runs it after `before`; returns the exit status.
  int run(const std::vector<std::string>& words, const std::function<Status()>& before);

 private:
  std::unique_ptr<CommandSpec> root_;
  std::string version_;
};

}  // namespace trinity::command_line
