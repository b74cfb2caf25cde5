// The commands. Each `add_*` declares one: its flags, its help with an example, and what it does.
#pragma once

#include <memory>
#include <string>

#include "command_line/command_line.h"

namespace trinity::cli {

void add_route(command_line::Command& commands);
void add_extract(command_line::Command& commands);
void add_export(command_line::Command& commands);
void add_import(command_line::Command& commands);
void add_verify(command_line::Command& commands);
void add_inspect(command_line::Command& commands);
void add_pull(command_line::Command& commands);
void add_pin(command_line::Command& commands);
void add_tokenize(command_line::Command& commands);
void add_demo(command_line::Command& commands);
void add_eval(command_line::Command& commands);
void add_vector(command_line::Command& commands);
void add_parity(command_line::Command& commands);
void add_lab(command_line::Command& commands);
void add_trace(command_line::Command& commands);
void add_profiles(command_line::Command& commands);
void add_backends(command_line::Command& commands);
void add_doctor(command_line::Command& commands);
void add_env_check(command_line::Command& commands);
void add_gates(command_line::Command& commands);
void add_synth(command_line::Command& commands);
void add_bench(command_line::Command& commands);
void add_version(command_line::Command& commands);

/// Declares a command whose flags live in an object of type Flags, made when the command is asked
/// for and kept by its action. `declare` adds the flags; `work` does what they ask for and returns
/// the exit status.
template <typename Flags>
void add_command(command_line::Command& commands, const std::string& name,
                 const std::string& description, void (*declare)(command_line::Command&, Flags&),
                 Result<int> (*work)(const Flags&)) {
  commands.add(name, description, [declare, work](command_line::Command& command) {
    const auto flags = std::make_shared<Flags>();
    declare(command, *flags);
    command.action([flags, work] { return work(*flags); });
  });
}

/// The same for work that either is done or has failed.
template <typename Flags>
void add_command(command_line::Command& commands, const std::string& name,
                 const std::string& description, void (*declare)(command_line::Command&, Flags&),
                 Status (*work)(const Flags&)) {
  commands.add(name, description, [declare, work](command_line::Command& command) {
    const auto flags = std::make_shared<Flags>();
    declare(command, *flags);
    command.action([flags, work]() -> Result<int> { return work(*flags).map([] { return 0; }); });
  });
}

/// "trinity 0.1.0".
std::string version_text();

}  // namespace trinity::cli
