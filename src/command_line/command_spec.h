// What a declared command consists of. Only command_line.cc and the files beside this one see it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command_line/command_line.h"

namespace trinity::command_line {

struct FlagSpec {
  enum class Kind {
    value,     // takes one value
    list,      // takes one value each time it is given
    toggle,    // is there or not
    word,      // a word without dashes
    words,     // all of them
    sentence,  // all of them, as one text
  };
  using Values = std::vector<std::string>;

  Kind kind = Kind::value;
  std::vector<std::string> names;      // "-t", "--target"; of a word its name in the help
  std::vector<std::string> off_names;  // of a toggle: what switches it off
  std::string help, takes, heading = "Options";
  std::string default_text;  // what the target held when the flag was declared
  bool shows_default = false, required = false, hidden = false, environment = true;
  bool commas = false;
  std::optional<double> lowest, highest, above;
  std::vector<std::string> choices;
  std::function<std::string(const std::string&)> check;
  std::vector<std::string> excluded;  // names of flags and words
  std::function<bool()> used;
  std::string unused;

  /// Checks the values and writes the target; says what is wrong with them, or nothing.
  std::function<std::string(const FlagSpec&, const Values&)> store;

  bool is_word() const {
    return kind == Kind::word || kind == Kind::words || kind == Kind::sentence;
  }
  /// The name that sentences use: the last long one.
  const std::string& name() const { return names.back(); }
};

enum class JsonOutput { none, object, lines };

struct CommandSpec {
  std::string name, description, notes;
  std::string heading;       // of this command among its neighbours
  std::string next_heading;  // of those that will be added to this one
  CommandSpec* parent = nullptr;
  std::vector<std::unique_ptr<CommandSpec>> commands;
  std::function<void(Command&)> declare;
  std::vector<std::unique_ptr<FlagSpec>> flags;
  JsonOutput json_output = JsonOutput::none;
  const bool* json = nullptr;  // the target of --json
  Action action;

  /// "trinity lab matrix".
  std::string full_name() const { return parent ? parent->full_name() + " " + name : name; }
};

}  // namespace trinity::command_line
