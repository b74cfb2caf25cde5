// Starting another program: the one way in which this program does it.
//
// The child is made by posix_spawn and not by fork, so that threads and their locks do not matter.
// It gets this process's environment and ignored signals, but for SIGPIPE, which this program
// ignores and a pipeline of the child's relies on. Its standard input is empty.
#pragma once

#include <sys/types.h>
#include <trinity/error.h>

#include <filesystem>
#include <string>
#include <vector>

namespace trinity {

struct ProcessCommand {
  static constexpr int kDiscarded = -1;  // into /dev/null
  static constexpr int kInherited = -2;  // where this process's goes

  std::string program;             // looked up on the PATH when it has no slash
  std::vector<std::string> words;  // its arguments, the name that it sees itself by first
  std::filesystem::path folder;    // to run in; empty: this one
  int output = kDiscarded;         // a descriptor for standard output, or one of the above
  int errors = kInherited;         // the same for standard error
  bool own_session = false;        // signals can then be sent to all of its processes at once
};

struct ProcessEnd {
  int exit_status = 0;  // 128 + signal when a signal ended it
  /// Of resident memory, mapped files included; at least what this process held at its start.
  double peak_megabytes = 0;
};

/// A child that runs, or has ended and was not yet buried. Destruction before `reap` kills it.
class ChildProcess {
 public:
  /// Errors: `missing_program` (there is none of that name), `child_failed`.
  static Result<ChildProcess> start(const ProcessCommand& command);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  pid_t id() const { return id_; }
  /// Returns when it has ended; its number means nobody else until `reap`.
  void await_end() const;
  /// Waits for its end and takes it. Error: `child_failed`.
  Result<ProcessEnd> reap();

 private:
  explicit ChildProcess(pid_t id) : id_(id) {}
  pid_t id_ = -1;
};

/// This program itself, whatever has become of the file that it was started from.
inline constexpr const char* kOwnProgram = "/proc/self/exe";

}  // namespace trinity
