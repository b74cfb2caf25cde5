// trinity env-check: whether the surroundings are what a script expects, before it starts its work.
#include <fmt/format.h>

#include <cstdlib>

#include "base/json.h"
#include "base/printable.h"
#include "base/try.h"
#include "checkout/environment_check.h"
#include "cli/commands.h"
#include "terminal/output.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct EnvCheckFlags {
  std::string target, require, artifact_dir;
  bool json = false;
};

/// The flag (or TRINITY_TARGET), else the name that other programs of the family read.
std::string target_of(const EnvCheckFlags& flags) {
  if (!flags.target.empty()) return flags.target;
  const char* shared = std::getenv("XLA_TARGET");
  return shared != nullptr ? shared : "";
}

std::string shown(const std::string& value) { return value.empty() ? "(unset)" : printable(value); }

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Status env_check(const EnvCheckFlags& flags) {
  const std::string target = target_of(flags);
  TRINITY_CHECK(checkout::check_target(target, flags.require));
  if (!flags.artifact_dir.empty()) TRINITY_CHECK(checkout::check_artifact_dir(flags.artifact_dir));
  terminal::Output output;
  if (flags.json) {
    const Json record = {{"ok", true},
                         {"xla_target", text_or_null(target)},
                         {"artifact_dir", text_or_null(flags.artifact_dir)}};
    TRINITY_CHECK(output.write(wire::json_line(record)));
  } else {
    TRINITY_CHECK(
        output.write(fmt::format("trinity.env.check: ok\n  xla_target={}\n  artifact_dir={}\n",
                                 shown(target), shown(flags.artifact_dir))));
  }
  return output.flush();
}

void declare(command_line::Command& command, EnvCheckFlags& flags) {
  command
      .value("-t,--target", flags.target,
             fmt::format("device target: {} (without it: XLA_TARGET of the environment)",
                         fmt::join(checkout::known_targets(), ", ")))
      .takes("NAME");
  command.value("-r,--require", flags.require, "the target that it must be").takes("NAME");
  command
      .value("-a,--artifact-dir", flags.artifact_dir,
             "folder that must hold an adapted bundle's manifest.json")
      .takes("DIR");
  command.json(flags.json, "one JSON object");
  command.notes(
      "The target is a name that other programs of this family are built for; this one chooses at\n"
      "run time how to compute (see trinity doctor) and only compares it. cuda12 is the\n"
      "recommended one. Known elsewhere as trinity.env.check.\n\n"
      "Example:\n  trinity env-check --require cpu --target cpu --artifact-dir adapted");
}

}  // namespace

void add_env_check(command_line::Command& commands) {
  add_command(commands, "env-check",
              "Check the device target and a bundle's folder before a script starts", declare,
              env_check);
}

}  // namespace trinity::cli
