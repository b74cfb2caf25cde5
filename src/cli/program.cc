#include "cli/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "backend/cpu/instruction_sets.h"
#include "cli/commands.h"
#include "cli/flags/help_formatter.h"
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

void add_commands(CLI::App& app, Action& action) {
  add_route(app, action);
  add_extract(app, action);
  add_export(app, action);
  add_import(app, action);
  add_verify(app, action);
  add_inspect(app, action);
  add_pull(app, action);
  add_pin(app, action);
  add_tokenize(app, action);
  add_demo(app, action);
  add_eval(app, action);
  add_vector(app, action);
  add_parity(app, action);
  add_lab(app, action);
  add_trace(app, action);
  add_profiles(app, action);
  add_backends(app, action);
  add_doctor(app, action);
  add_env_check(app, action);
  add_gates(app, action);
  add_synth(app, action);
  add_bench(app, action);
  add_version(app, action);
}

/// Help and version go to standard output; everything else is one sentence and status 2.
int answer_parse_error(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  if (error.get_exit_code() == 0) {
    Output output;
    const bool version = error.get_name() == "CallForVersion";
    Status written = output.write(version ? version_text() + "\n" : command.help());
    if (written) written = output.flush();
    return written ? 0 : report(written.error());
  }
  std::string name = "trinity";
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    name += " " + at->get_name();
  }
  std::string what = error.what();
  while (!what.empty() && (what.back() == '\n' || what.back() == '.')) what.pop_back();
  return report({ErrorKind::usage, "usage", fmt::format("{}; see {} --help", what, name)});
}

/// The word in the place of the command, when there is no such command.
std::string unknown_command(const CLI::App& app, int argument_count, const char* const* arguments) {
  if (argument_count < 2 || arguments[1][0] == '-') return {};
  std::string word = arguments[1];
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == word) return {};
  }
  return word;
}

/// TRINITY_INSTRUCTION_SET narrows the choice of kernels for the whole run.
Status narrow_instruction_set() {
  const char* name = std::getenv("TRINITY_INSTRUCTION_SET");
  return name == nullptr ? Status() : cpu::use_instruction_set(name);
}

int parse_and_run(int argument_count, const char* const* arguments) {
  CLI::App app(kOverview, "trinity");
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "print this help and exit");
  app.set_version_flag("--version", version_text(), "print the version and exit");
  app.require_subcommand(1);
  app.footer("Each command has its own help with an example: trinity route --help");
  Action action;
  add_commands(app, action);
  if (argument_count < 2) {
    const std::string help = app.help();
    return ::write(STDERR_FILENO, help.data(), help.size()) < 0 ? 1 : 2;
  }
  if (const std::string word = unknown_command(app, argument_count, arguments); !word.empty())
    return report({ErrorKind::usage, "usage",
                   fmt::format("there is no command \"{}\"; see trinity --help", word)});
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::ParseError& error) {
    return answer_parse_error(app, error);
  }
  if (const Status narrowed = narrow_instruction_set(); !narrowed) return report(narrowed.error());
  return action();
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
