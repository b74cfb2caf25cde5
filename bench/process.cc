#include "bench/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stopwatch.h"

namespace trinity::bench {

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
                "the measured process `trinity " + arguments.at(1) +
                    "` failed; run the same command by hand to see why");
  return ProcessRun{watch.elapsed_ms(), static_cast<double>(usage.ru_maxrss) / 1024};
}

}  // namespace trinity::bench
