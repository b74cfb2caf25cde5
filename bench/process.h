// This program run anew as a process, measured from its start to its end.
#pragma once

#include <trinity/error.h>

#include <string>
#include <vector>

namespace trinity::bench {

struct ProcessRun {
  double milliseconds = 0;
  double peak_megabytes = 0;  // resident, mapped files included
};

/// `arguments` with the program's name first. Error `process_failed` unless it ends with status 0.
Result<ProcessRun> run_process(const std::vector<std::string>& arguments);

}  // namespace trinity::bench
