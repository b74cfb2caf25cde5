// trinity bench: measurements by name.
#include "bench/bench.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/try.h"
#include "cli/commands.h"
#include "flags/model_flags.h"
#include "terminal/output.h"
#include "wire/json_writer.h"

namespace trinity::cli {
namespace {

struct BenchFlags {
  std::vector<std::string> names;
  std::vector<std::int64_t> tokens;
  flags::ModelFlags model;
  int runs = 0;
  bool short_mode = false;
  bool list = false;
  bool json = false;
};

Status print_list(const BenchFlags& flags) {
  terminal::Output output;
  for (const auto& [name, description] : bench_list()) {
    const Json record = {{"name", name}, {"description", description}};
    TRINITY_CHECK(output.write(flags.json ? wire::json_line(record)
                                          : fmt::format("  {:16} {}\n", name, description)));
  }
  return output.flush();
}

Status measure(const BenchFlags& flags) {
  BenchOptions options;
  options.names = flags.names;
  options.tokens = flags.tokens;
  options.model = flags.model.model;
  options.profile = flags.model.profile;
  options.threads = flags.model.threads;
  options.runs = flags.runs;
  options.short_mode = flags.short_mode;
  terminal::Output output;
  Status written;  // of the lines; measuring goes on, but the first failure is reported
  const Status measured =
      run_bench(options, [&](const std::string& json_text, const std::string& text_line) {
        if (!written) return;
        written =
            output.write((flags.json ? wire::with_schema_version(json_text) : text_line) + "\n");
        if (written) written = output.flush();
      });
  return measured ? written : measured;
}

bool measures_prefill(const BenchFlags& flags) {
  const auto is_prefill = [](const std::string& name) {
    return name == "prefill" || name == "gemm-floor";
  };
  return flags.names.empty() || std::any_of(flags.names.begin(), flags.names.end(), is_prefill);
}

void declare(command_line::Command& command, BenchFlags& flags) {
  command.words("names", flags.names, "what to measure (without names: everything)").takes("NAME");
  command.toggle("--list", flags.list, "print the names and what they measure");
  command.value("--tokens", flags.tokens, "input lengths, for example 26,256")
      .takes("T,T")
      .commas()
      .range(1, 1 << 20)
      .used_when([&flags] { return measures_prefill(flags); }, "is for prefill and gemm-floor");
  command.value("--runs", flags.runs, "runs of each measurement (0: as many as a second holds)")
      .takes("N")
      .range(0, 100000);
  command.toggle("--short", flags.short_mode, "few and small measurements");
  command.json_lines(flags.json, "a JSON object a measurement");
  flags::add_model_flags(command, flags.model);
  command.notes(
      "Example:\n"
      "  trinity bench prefill gemm-floor --tokens 256 --profile cpu_f32");
}

Status bench(const BenchFlags& flags) { return flags.list ? print_list(flags) : measure(flags); }

}  // namespace

void add_bench(command_line::Command& commands) {
  add_command(commands, "bench", "Measure speed and memory", declare, bench);
}

}  // namespace trinity::cli
