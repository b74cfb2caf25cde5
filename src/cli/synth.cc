// trinity synth: a random-weight model folder of any Qwen3 shape.
#include "model/synth.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/try.h"
#include "cli/commands.h"
#include "terminal/output.h"
#include "terminal/output_file.h"
#include "terminal/progress.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;

struct SynthFlags {
  std::string config;
  std::string out;
  std::uint64_t seed = 0;
  bool json = false;
};

Status print_report(const SynthFlags& flags, const model::SynthReport& report) {
  terminal::Output output;
  if (flags.json) {
    const Json record = {{"folder", flags.out},
                         {"seed", flags.seed},
                         {"tensors", report.tensors},
                         {"parameters", report.parameters},
                         {"bytes", report.bytes}};
    TRINITY_CHECK(output.write(wire::json_line(record)));
  } else {
    TRINITY_CHECK(output.write(
        fmt::format("{}: {} tensors, {} parameters, {:.1f} MB of random weights, seed {}\n",
                    printable(flags.out), report.tensors, report.parameters,
                    static_cast<double>(report.bytes) / 1e6, flags.seed)));
  }
  return output.flush();
}

Status synth(const SynthFlags& flags) {
  TRINITY_CHECK(terminal::check_output_folder({"--out", flags.out}, {{"--config", flags.config}},
                                              model::is_synthetic_file));
  TRINITY_TRY(const std::string config, read_text_file(flags.config, kMaxConfigBytes));
  model::SynthReport report;
  {
    terminal::ProgressBar bar("writing weights");
    TRINITY_TRY(report, model::synthesize_model(config, flags.seed, flags.out,
                                                [&](std::uint64_t done, std::uint64_t total) {
                                                  bar.update(done, total);
                                                }));
  }
  return print_report(flags, report);
}

void declare(command_line::Command& command, SynthFlags& flags) {
  command.value("--config", flags.config, "config.json of the shape to make")
      .takes("FILE")
      .required();
  command
      .value("--out", flags.out,
             "folder to write: new, empty, or of an earlier run, whose files are replaced")
      .takes("DIR")
      .required()
      .no_environment();
  command.value("--seed", flags.seed, "equal seeds give equal bytes")
      .takes("N")
      .at_least(0)
      .shows_default();
  command.json(flags.json, "one JSON object");
  command.notes(
      "The weights are random: such a model serves benchmarks and tests, its decisions mean "
      "nothing.\n"
      "A tokenizer.json is not written; copy one into the folder to read text with it. A folder\n"
      "that holds files is written to only when synth wrote them: synth.sha256 beside them says "
      "so.\n\n"
      "Example:\n  trinity synth --config Qwen3-0.6B/config.json --seed 7 --out random-0.6b");
}

}  // namespace

void add_synth(command_line::Command& commands) {
  add_command(commands, "synth",
              "Write a model folder of any Qwen3 shape with random weights, to measure with",
              declare, synth);
}

}  // namespace trinity::cli
