// Another program run to its end, with everything that it said.
//
// Its standard output and standard error go into one pipe, so that their order is kept; its
// standard input is empty. It runs in a session of its own: an interrupt (SIGINT, SIGTERM, SIGHUP)
// of this program is passed to all of its processes, and those that are still there after a grace
// period are killed. It has ended when its first process has; a helper that it leaves behind with
// the pipe open is not waited for.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::checkout {

struct ChildCommand {
  std::string program;  // looked up on the PATH when it has no slash
  std::vector<std::string> arguments;
  std::filesystem::path folder;                         // to run in; empty: this one
  std::function<void(std::string_view output)> listen;  // sees the output as it comes; may be empty
};

struct ChildOutcome {
  int exit_status = 0;  // 128 + signal when a signal ended it
  std::string tail;     // the last bytes of its output, at most kOutputTail
  std::int64_t duration_ms = 0;
  bool interrupted = false;  // this program was told to end meanwhile
};

inline constexpr std::size_t kOutputTail = 4096;

/// Errors: `missing_program` (there is none of that name), `child_failed` (no process, no pipe).
Result<ChildOutcome> run_child(const ChildCommand& command);

}  // namespace trinity::checkout
