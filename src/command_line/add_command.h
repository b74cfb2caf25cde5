// Declaring a command by three functions: one that adds its flags, one that works, and their type.
#pragma once

#include <trinity/error.h>

#include <memory>
#include <string>

#include "command_line/command_line.h"

namespace trinity::command_line {

/// Declares a command whose flags live in an object of type Flags, made when the command is asked
/// for and kept by its action. `declare` adds the flags; `work` does what they ask for and returns
/// the exit status.
template <typename Flags>
void add_command(Command& commands, const std::string& name, const std::string& description,
                 void (*declare)(Command&, Flags&), Result<int> (*work)(const Flags&)) {
  commands.add(name, description, [declare, work](Command& command) {
    const auto flags = std::make_shared<Flags>();
    declare(command, *flags);
    command.action([flags, work] { return work(*flags); });
  });
}

/// The same for work that either is done or has failed.
template <typename Flags>
void add_command(Command& commands, const std::string& name, const std::string& description,
                 void (*declare)(Command&, Flags&), Status (*work)(const Flags&)) {
  commands.add(name, description, [declare, work](Command& command) {
    const auto flags = std::make_shared<Flags>();
    declare(command, *flags);
    command.action([flags, work]() -> Result<int> { return work(*flags).map([] { return 0; }); });
  });
}

}  // namespace trinity::command_line
