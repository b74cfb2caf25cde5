// startup: this program run anew, from process start to its first decision, and its peak memory.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stopwatch.h"
#include "base/try.h"
#include "bench/benchmarks.h"
#include "bench/measurement.h"

namespace trinity::bench {
namespace {

struct ProcessRun {
  double milliseconds = 0;
  double peak_megabytes = 0;
};

Result<ProcessRun> run_process(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const Stopwatch watch;
  const pid_t child = fork();
  if (child < 0) return fail(ErrorKind::failed, "cannot_start_process", "fork failed");
  if (child == 0) {
    const int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    execv("/proc/self/exe", argv.data());
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(ErrorKind::failed, "process_failed",
                "the measured `route` process failed; run the same command by hand to see why");
  return ProcessRun{watch.elapsed_ms(), static_cast<double>(usage.ru_maxrss) / 1024};
}

}  // namespace

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
