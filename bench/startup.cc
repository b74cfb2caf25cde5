// startup: this program run anew, from process start to its first decision, and its peak memory.
#include "base/try.h"
#include "bench/benchmarks.h"
#include "bench/measurement.h"
#include "bench/process.h"

namespace trinity::bench {
Status run_startup(const BenchOptions& options, const BenchSink& sink) {
  std::vector<std::string> arguments = {"trinity", "route", "Prove that 2 is even.", "--json"};
  if (!options.model.empty())
    arguments.insert(arguments.end(), {"--model", options.model.string()});
  if (!options.profile.empty()) arguments.insert(arguments.end(), {"--profile", options.profile});
  if (options.threads > 0)
    arguments.insert(arguments.end(), {"--threads", std::to_string(options.threads)});
  Samples wall, memory;
  const int runs = options.runs > 0 ? options.runs : options.short_mode ? 2 : 5;
  for (int run = 0; run <= runs; ++run) {
    TRINITY_TRY(const ProcessRun process, run_process(arguments));
    if (run == 0) continue;  // brings the files into the page cache
    wall.add(process.milliseconds);
    memory.add(process.peak_megabytes);
  }
  const Params params = {
      {"model",
       json_string(options.model.empty() ? "tiny router" : options.model.filename().string())},
      {"profile", json_string(options.profile.empty() ? "default" : options.profile)}};
  report(sink, "startup", params, "ms", wall);
  report(sink, "startup-peak-memory", params, "MiB", memory);
  return {};
}

}  // namespace trinity::bench
