#include "cli/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "backend_cpu/instruction_sets.h"
#include "cli/commands.h"
#include "cli/memory_reserve.h"
#include "laboratory/lab_commands.h"
#include "terminal/output.h"

namespace trinity::cli {
namespace {

constexpr const char* kOverview =
    "Decides which model of a pool speaks next in a conversation, and in which role, and lets "
    "them\n"
    "work on a question turn by turn.\n\n"
    "Start with:  trinity demo\n"
    "             trinity ask \"What is 17 * 23?\"\n"
    "             trinity route \"Prove that there are infinitely many primes.\"\n\n"
    "Without --model every command uses the tiny router inside this program, without --pool the\n"
    "demo pool, whose members compute instead of calling a model. Every flag has an\n"
    "environment name (--input-mode: TRINITY_INPUT_MODE), but for those that name or replace an\n"
    "output. Exit status: 0 ok, 1 the run failed, 2 wrong usage, 3 a needed thing is missing.";

/// A descriptor that the caller closed would be given to the next file we open, and results would
/// be written into it.
void occupy_standard_descriptors() {
  for (int descriptor = 0; descriptor <= 2; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) != -1) continue;
    const int opened = ::open("/dev/null", O_RDWR);
    if (opened >= 0 && opened != descriptor) ::close(opened);
  }
}

/// With less stack a deep call of a library ends in a crash without a word.
Status require_stack() {
  constexpr rlim_t kSmallest = rlim_t{128} << 10;
  rlimit limit{};
  if (::getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kSmallest) return {};
  return fail(ErrorKind::failed, "stack_too_small",
              fmt::format("the limit of the stack is {} KB (ulimit -s), but {} KB are needed; "
                          "raise it",
                          limit.rlim_cur >> 10, kSmallest >> 10));
}

void add_commands(command_line::Command commands) {
  commands.heading("Ask a pool of models");
  add_ask(commands);
  add_serve(commands);
  add_pool(commands);
  add_replay(commands);
  commands.heading("Route conversations");
  add_route(commands);
  add_extract(commands);
  add_tokenize(commands);
  add_demo(commands);
  commands.heading("Set up");
  add_doctor(commands);
  add_profiles(commands);
  add_backends(commands);
  add_pull(commands);
  commands.heading("Make, check and publish an adapted model");
  add_export(commands);
  add_verify(commands);
  add_inspect(commands);
  add_vector(commands);
  add_pin(commands);
  commands.heading("Judge decisions, speed and arithmetic");
  add_eval(commands);
  laboratory::add_lab(commands);
  add_bench(commands);
  add_synth(commands);
  commands.heading("Compare with other implementations");
  add_trace(commands);
  laboratory::add_parity(commands);
  add_import(commands);
  commands.heading("For scripts and for work on trinity itself");
  add_env_check(commands);
  add_gates(commands);
  add_version(commands);
}

/// TRINITY_INSTRUCTION_SET narrows the choice of kernels for the whole run.
Status narrow_instruction_set() {
  const char* name = std::getenv("TRINITY_INSTRUCTION_SET");
  return name == nullptr ? Status() : cpu::use_instruction_set(name);
}

int parse_and_run(int argument_count, const char* const* arguments) {
  command_line::CommandLine program("trinity", kOverview, version_text());
  add_commands(program.commands());
  const int first = argument_count > 0 ? 1 : 0;
  return program.run({arguments + first, arguments + argument_count}, narrow_instruction_set);
}

}  // namespace

int run_program(int argument_count, const char* const* arguments) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of write, see Output
  std::signal(SIGXFSZ, SIG_IGN);  // so is a file that the limit of sizes (ulimit -f) ends
  occupy_standard_descriptors();
  hold_memory_for_the_end();
  if (const Status stack = require_stack(); !stack) return terminal::report(stack.error());
  try {
    return parse_and_run(argument_count, arguments);
  } catch (...) {
    return terminal::report(terminal::error_of_exception());
  }
}

}  // namespace trinity::cli
