// trinity verify: whether a bundle is what it claims to be.
#include "bundle/verify.h"

#include <unistd.h>

#include "base/try.h"
#include "bundle/inspect_document.h"
#include "cli/commands.h"
#include "report/render_text.h"
#include "terminal/output.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct VerifyFlags {
  std::string bundle;
  std::string model;
  bool json = false;
};

Result<int> verify(const VerifyFlags& flags) {
  TRINITY_TRY(const bundle::VerifyReport report,
              bundle::verify_bundle(flags.bundle, {flags.model}));
  const int verdict = report.failed() == 0 ? 0 : 1;
  const Status printed =
      terminal::print(flags.json ? wire::json_line(bundle::verify_record(report, flags.bundle))
                                 : render_text(bundle::verify_document(report, flags.bundle),
                                               terminal::style_for(STDOUT_FILENO)));
  return terminal::conclude(verdict, {printed});
}

void declare(command_line::Command& command, VerifyFlags& flags) {
  command.word("bundle", flags.bundle, "bundle folder").takes("DIR").required();
  command.value("--model", flags.model, "base model: also check that the bundle was made from it")
      .takes("DIR");
  command.json(flags.json, "one JSON object");
  command.notes(
      "Every file's hash, every tensor's name, shape, type and values, every span and count is\n"
      "checked; what is wrong is named with what to do. Exit status 1 when anything is off.\n\n"
      "Example:\n  trinity verify adapted --model Qwen3-0.6B");
}

}  // namespace

void add_verify(command_line::Command& commands) {
  add_command(commands, "verify",
              "Check that a bundle is complete and undamaged: every file, hash and shape", declare,
              verify);
}

}  // namespace trinity::cli
