#include "cli/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "backend/cpu/instruction_sets.h"
#include "cli/commands.h"
#include "cli/terminal/output.h"

namespace trinity::cli {
namespace {

constexpr const char* kOverview =
    "Decides which model of a pool speaks next in a conversation, and in which role.\n\n"
    "Start with:  trinity demo\n"
    "             trinity route \"Prove that there are infinitely many primes.\"\n\n"
    "Without --model every command uses the tiny router inside this program. Every flag has an\n"
    "environment name (--input-mode: TRINITY_INPUT_MODE). Exit status: 0 ok, 1 the run failed,\n"
    "2 wrong usage, 3 a needed thing is missing.";

/// A descriptor that the caller closed would be given to the next file we open, and results would
/// be written into it.
void occupy_standard_descriptors() {
  for (int descriptor = 0; descriptor <= 2; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) != -1) continue;
    const int opened = ::open("/dev/null", O_RDWR);
    if (opened >= 0 && opened != descriptor) ::close(opened);
  }
}

void add_commands(Command commands) {
  add_route(commands);
  add_extract(commands);
  add_export(commands);
  add_import(commands);
  add_verify(commands);
  add_inspect(commands);
  add_pull(commands);
  add_pin(commands);
  add_tokenize(commands);
  add_demo(commands);
  add_eval(commands);
  add_vector(commands);
  add_parity(commands);
  add_lab(commands);
  add_trace(commands);
  add_profiles(commands);
  add_backends(commands);
  add_doctor(commands);
  add_env_check(commands);
  add_gates(commands);
  add_synth(commands);
  add_bench(commands);
  add_version(commands);
}

/// TRINITY_INSTRUCTION_SET narrows the choice of kernels for the whole run.
Status narrow_instruction_set() {
  const char* name = std::getenv("TRINITY_INSTRUCTION_SET");
  return name == nullptr ? Status() : cpu::use_instruction_set(name);
}

int parse_and_run(int argument_count, const char* const* arguments) {
  CommandLine program("trinity", kOverview, version_text());
  add_commands(program.commands());
  const int first = argument_count > 0 ? 1 : 0;
  return program.run({arguments + first, arguments + argument_count}, narrow_instruction_set);
}

}  // namespace

int run_program(int argument_count, const char* const* arguments) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of write, see Output
  occupy_standard_descriptors();
  try {
    return parse_and_run(argument_count, arguments);
  } catch (const std::bad_alloc&) {
    return report({ErrorKind::failed, "out_of_memory",
                   "out_of_memory: the memory does not suffice; use smaller batches or inputs"});
  } catch (const std::exception& error) {
    return report(
        {ErrorKind::failed, "internal_error",
         fmt::format("internal_error: {}; please report how this came about", error.what())});
  } catch (...) {
    return report({ErrorKind::failed, "internal_error",
                   "internal_error: an unknown exception; please report how this came about"});
  }
}

}  // namespace trinity::cli
