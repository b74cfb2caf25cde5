// The commands. Each `add_*` declares one: its flags, its help with an example, and what it does.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

namespace trinity::cli {

/// What the parsed command line asks for; returns the exit status.
using Action = std::function<int()>;

void add_route(CLI::App& app, Action& action);
void add_extract(CLI::App& app, Action& action);
void add_export(CLI::App& app, Action& action);
void add_import(CLI::App& app, Action& action);
void add_verify(CLI::App& app, Action& action);
void add_inspect(CLI::App& app, Action& action);
void add_pull(CLI::App& app, Action& action);
void add_pin(CLI::App& app, Action& action);
void add_tokenize(CLI::App& app, Action& action);
void add_demo(CLI::App& app, Action& action);
void add_eval(CLI::App& app, Action& action);
void add_vector(CLI::App& app, Action& action);
void add_parity(CLI::App& app, Action& action);
void add_lab(CLI::App& app, Action& action);
void add_trace(CLI::App& app, Action& action);
void add_profiles(CLI::App& app, Action& action);
void add_backends(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);
void add_env_check(CLI::App& app, Action& action);
void add_gates(CLI::App& app, Action& action);
void add_synth(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_version(CLI::App& app, Action& action);

/// Declares a command whose flags live in an object of type Flags, made here and kept by the
/// action. `declare` adds the flags, `run` does the work. Flags of other commands are not looked
/// at.
template <typename Flags>
CLI::App& add_command(CLI::App& app, const std::string& name, const std::string& description,
                      Action& action, const std::function<void(CLI::App&, Flags&)>& declare,
                      int (*run)(const Flags&)) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand(name, description);
  declare(*command, *flags);
  command->parse_complete_callback(
      [flags, run, &action] { action = [flags, run] { return run(*flags); }; });
  return *command;
}

/// "trinity 0.1.0".
std::string version_text();

}  // namespace trinity::cli
