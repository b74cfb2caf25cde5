// trinity version.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/flags/flags.h"
#include "cli/terminal/output.h"

namespace trinity::cli {
namespace {

struct VersionFlags {
  bool json = false;
};

int run(const VersionFlags& flags) {
  Output output;
  const nlohmann::ordered_json record = {{"version", TRINITY_VERSION}, {"compiler", __VERSION__}};
  Status written = output.write((flags.json ? record.dump() : version_text()) + "\n");
  if (written) written = output.flush();
  return written ? 0 : report(written.error());
}

void declare(CLI::App& command, VersionFlags& flags) {
  add_switch(command, "--json", flags.json, "a JSON object, with the compiler of this build");
  command.footer("Example:\n  trinity version --json");
}

}  // namespace

std::string version_text() { return "trinity " TRINITY_VERSION; }

void add_version(CLI::App& app, Action& action) {
  add_command<VersionFlags>(app, "version", "Print the version", action, declare, run);
}

}  // namespace trinity::cli
