// The commands. Each `add_*` declares one: its flags, its help with an example, and what it does.
#pragma once

#include <memory>
#include <string>

#include "command_line/command_line.h"

namespace trinity::cli {

void add_route(Command& commands);
void add_extract(Command& commands);
void add_export(Command& commands);
void add_import(Command& commands);
void add_verify(Command& commands);
void add_inspect(Command& commands);
void add_pull(Command& commands);
void add_pin(Command& commands);
void add_tokenize(Command& commands);
void add_demo(Command& commands);
void add_eval(Command& commands);
void add_vector(Command& commands);
void add_parity(Command& commands);
void add_lab(Command& commands);
void add_trace(Command& commands);
void add_profiles(Command& commands);
void add_backends(Command& commands);
void add_doctor(Command& commands);
void add_env_check(Command& commands);
void add_gates(Command& commands);
void add_synth(Command& commands);
void add_bench(Command& commands);
void add_version(Command& commands);

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

/// "trinity 0.1.0".
std::string version_text();

}  // namespace trinity::cli
