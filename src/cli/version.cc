// trinity version.
#include <fmt/format.h>
#include <trinity/version.h>

#include "base/json.h"
#include "base/try.h"
#include "cli/commands.h"
#include "terminal/output.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct VersionFlags {
  bool json = false;
};

Status version(const VersionFlags& flags) {
  terminal::Output output;
  const Json record = {{"version", TRINITY_VERSION}, {"compiler", __VERSION__}};
  TRINITY_CHECK(output.write(flags.json ? wire::json_line(record) : version_text() + "\n"));
  return output.flush();
}

void declare(command_line::Command& command, VersionFlags& flags) {
  command.json(flags.json, "a JSON object, with the compiler of this build");
  command.notes("Example:\n  trinity version --json");
}

}  // namespace

std::string version_text() { return "trinity " TRINITY_VERSION; }

void add_version(command_line::Command& commands) {
  add_command(commands, "version", "Print the version", declare, version);
}

}  // namespace trinity::cli
