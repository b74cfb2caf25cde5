#include "cli/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "base/stopwatch.h"

extern char** environ;

namespace trinity::cli {
namespace {

constexpr int kGraceMs = 5000;  // between the interrupt and the end by force

tl::unexpected<Error> failed(const std::string& program, int error_number) {
  return fail(ErrorKind::failed, "child_failed",
              fmt::format("{} cannot be run: {}", program, std::strerror(error_number)));
}

/// Closes what it was given at the end of a scope.
class Closing {
 public:
  explicit Closing(int descriptor) : descriptor_(descriptor) {}
  ~Closing() { close(); }
  Closing(const Closing&) = delete;
  Closing& operator=(const Closing&) = delete;
  int get() const { return descriptor_; }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_;
};

/// Holds back the signals that a child's run is about, so that they arrive through a descriptor
/// and none is lost between two looks.
class HeldSignals {
 public:
  HeldSignals() {
    ::sigemptyset(&held_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaddset(&held_, signal);
    ::pthread_sigmask(SIG_BLOCK, &held_, &before_);
  }
  ~HeldSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  const sigset_t& held() const { return held_; }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t held_{}, before_{};
};

/// Starts the program; 0, or what errno says.
int start(const ChildCommand& command, int output, const HeldSignals& signals, pid_t& child) {
  std::vector<std::string> words = {command.program};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  if (!command.folder.empty())
    ::posix_spawn_file_actions_addchdir_np(&actions, command.folder.c_str());
  // This program ignores SIGPIPE; a pipeline of the child's relies on it.
  sigset_t defaults = signals.held();
  ::sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigmask(&attributes, &signals.before());
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error =
      ::posix_spawnp(&child, command.program.c_str(), &actions, &attributes, argv.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

/// The run of one child: reads what it says, passes interrupts on, and sees it end.
class Watch {
 public:
  Watch(const ChildCommand& command, pid_t child, int output, int signals)
      : command_(command), child_(child), output_(output), signals_(signals) {}

  ChildOutcome until_the_end() {
    while (!ended_) {
      const int left = outcome_.interrupted
                           ? std::max(0, kGraceMs - static_cast<int>(since_interrupt_.elapsed_ms()))
                           : -1;
      std::array<pollfd, 2> ready = {{{signals_, POLLIN, 0}, {open_ ? output_ : -1, POLLIN, 0}}};
      const int count = ::poll(ready.data(), ready.size(), left);
      if (left == 0) {
        ::kill(-child_, SIGKILL);  // it had its time
        since_interrupt_.restart();
      }
      if (count <= 0) continue;
      if (ready[1].revents != 0) take_output();
      if (ready[0].revents != 0) take_signal();
    }
    while (open_) take_output();  // what it said last
    // Processes that it started must not go on after an interrupt.
    if (outcome_.interrupted) ::kill(-child_, SIGKILL);
    return std::move(outcome_);
  }

 private:
  /// Reads once; without anything left `open_` becomes false.
  void take_output() {
    std::array<char, 1 << 16> buffer;
    const ssize_t count = ::read(output_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) return;
    if (count < 0 && errno == EAGAIN && !ended_) return;
    if (count <= 0) {
      open_ = false;
      return;
    }
    const std::string_view text(buffer.data(), static_cast<std::size_t>(count));
    outcome_.tail += text;
    if (outcome_.tail.size() > kOutputTail) cut();
    if (command_.listen) command_.listen(text);
  }

  /// Keeps the end of the output, from the begin of a character on.
  void cut() {
    std::string& tail = outcome_.tail;
    std::size_t begin = tail.size() - kOutputTail;
    for (int i = 0; i < 3 && (static_cast<unsigned char>(tail[begin]) & 0xC0U) == 0x80U; ++i)
      ++begin;
    tail.erase(0, begin);
  }

  void take_signal() {
    signalfd_siginfo what{};
    if (::read(signals_, &what, sizeof what) != sizeof what) return;
    if (what.ssi_signo != SIGCHLD) {
      if (!outcome_.interrupted) since_interrupt_.restart();
      outcome_.interrupted = true;
      ::kill(-child_, static_cast<int>(what.ssi_signo));
      return;
    }
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) != child_) return;
    ended_ = true;
    outcome_.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  const ChildCommand& command_;
  pid_t child_;
  int output_, signals_;
  bool open_ = true, ended_ = false;
  Stopwatch since_interrupt_;
  ChildOutcome outcome_;
};

}  // namespace

Result<ChildOutcome> run_child(const ChildCommand& command) {
  const Stopwatch watch;
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return failed(command.program, errno);
  const Closing output(pipe[0]);
  Closing end_of_child(pipe[1]);
  ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
  const HeldSignals signals;
  const Closing signal_reader(::signalfd(-1, &signals.held(), SFD_CLOEXEC | SFD_NONBLOCK));
  if (signal_reader.get() < 0) return failed(command.program, errno);

  // A missing folder would look like a missing program.
  std::error_code ignored;
  if (!command.folder.empty() && !std::filesystem::is_directory(command.folder, ignored))
    return failed(command.program + " in " + command.folder.string(), ENOTDIR);
  pid_t child = -1;
  if (const int error = start(command, end_of_child.get(), signals, child); error == ENOENT) {
    return fail(ErrorKind::missing, "missing_program",
                fmt::format("there is no program {}", command.program));
  } else if (error != 0) {
    return failed(command.program, error);
  }
  end_of_child.close();
  ChildOutcome outcome = Watch(command, child, output.get(), signal_reader.get()).until_the_end();
  outcome.duration_ms = static_cast<std::int64_t>(watch.elapsed_ms());
  return outcome;
}

}  // namespace trinity::cli
