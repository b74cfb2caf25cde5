// The commands. Each `add_*` declares one: its flags, its help with an example, and what it does.
#pragma once

#include <memory>
#include <string>

#include "command_line/add_command.h"

namespace trinity::cli {

void add_ask(command_line::Command& commands);
void add_serve(command_line::Command& commands);
void add_pool(command_line::Command& commands);
void add_replay(command_line::Command& commands);
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
void add_trace(command_line::Command& commands);
/// Below `trinity trace`.
void add_trace_show(command_line::Command& trace);
void add_profiles(command_line::Command& commands);
void add_backends(command_line::Command& commands);
void add_doctor(command_line::Command& commands);
void add_env_check(command_line::Command& commands);
void add_gates(command_line::Command& commands);
void add_synth(command_line::Command& commands);
void add_bench(command_line::Command& commands);
void add_version(command_line::Command& commands);

/// "trinity 0.1.0".
std::string version_text();

}  // namespace trinity::cli
