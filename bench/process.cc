#include "bench/process.h"

#include <fstream>

#include "base/process.h"
#include "base/stopwatch.h"
#include "base/try.h"

namespace trinity::bench {
namespace {

/// A child counts the memory of the process that it starts out from, up to its highest mark, among
/// its own; the mark goes back to what this process holds now. Without the file it stays.
void forget_own_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace

Result<ProcessRun> run_process(const std::vector<std::string>& arguments) {
  ProcessCommand command;
  command.program = kOwnProgram;
  command.words = arguments;
  forget_own_peak();
  const Stopwatch watch;
  TRINITY_TRY(ChildProcess child, ChildProcess::start(command));
  TRINITY_TRY(const ProcessEnd end, child.reap());
  const double milliseconds = watch.elapsed_ms();
  if (end.exit_status != 0)
    return fail(ErrorKind::failed, "process_failed",
                "the measured process `trinity " + arguments.at(1) +
                    "` failed; run the same command by hand to see why");
  return ProcessRun{milliseconds, end.peak_megabytes};
}

}  // namespace trinity::bench
