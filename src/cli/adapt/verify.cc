// trinity verify: whether a bundle is what it claims to be.
#include "bundle/verify.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/json.h"
#include "base/try.h"
#include "cli/commands.h"
#include "terminal/output.h"
#include "terminal/paragraph.h"
#include "terminal/terminal.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct VerifyFlags {
  std::string bundle;
  std::string model;
  bool json = false;
};

Status print_json(const VerifyFlags& flags, const VerifyReport& report, Output& output) {
  Json findings = Json::array();
  for (const Finding& finding : report.findings)
    findings.push_back(
        {{"subject", finding.subject}, {"ok", finding.ok}, {"message", finding.message}});
  const Json record = {{"bundle", flags.bundle},    {"ok", report.failed() == 0},
                       {"status", report.status},   {"checks", report.findings.size()},
                       {"failed", report.failed()}, {"findings", findings}};
  return output.write(wire::json_line(record));
}

Status print_text(const VerifyFlags& flags, const VerifyReport& report, Output& output) {
  const Style style = Style::for_output(STDOUT_FILENO);
  for (const Finding& finding : report.findings)
    TRINITY_CHECK(output.write(
        paragraph_after(finding.ok ? style.green("ok    ") : style.red("FAILED"), 6,
                        {{"  " + finding.subject}, {"  " + finding.message}}, style, 8)));
  const auto failed = report.failed();
  return output.write(failed == 0
                          ? fmt::format("{}: all {} checks passed\n", printable(flags.bundle),
                                        report.findings.size())
                          : fmt::format("{}: {} of {} checks failed\n", printable(flags.bundle),
                                        failed, report.findings.size()));
}

Result<int> verify(const VerifyFlags& flags) {
  TRINITY_TRY(const VerifyReport report, verify_bundle(flags.bundle, {flags.model}));
  const int verdict = report.failed() == 0 ? 0 : 1;
  Output output;
  Status printed =
      flags.json ? print_json(flags, report, output) : print_text(flags, report, output);
  if (printed) printed = output.flush();
  return conclude(verdict, {printed});
}

void declare(Command& command, VerifyFlags& flags) {
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

void add_verify(Command& commands) {
  add_command(commands, "verify",
              "Check that a bundle is complete and undamaged: every file, hash and shape", declare,
              verify);
}

}  // namespace trinity::cli
