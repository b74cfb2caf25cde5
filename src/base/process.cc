#include "base/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/try.h"

namespace trinity {
namespace {

tl::unexpected<Error> failed(const std::string& program, int error_number) {
  return fail(ErrorKind::failed, "child_failed",
              program + " cannot be run: " + std::strerror(error_number));
}

/// What the child does before it becomes the program.
class Preparation {
 public:
  explicit Preparation(const ProcessCommand& command) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    direct(STDOUT_FILENO, command.output);
    direct(STDERR_FILENO, command.errors);
    if (!command.folder.empty())
      ::posix_spawn_file_actions_addchdir_np(&actions_, command.folder.c_str());
    sigset_t defaults;
    ::sigemptyset(&defaults);
    ::sigaddset(&defaults, SIGPIPE);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
    const int session = command.own_session ? POSIX_SPAWN_SETSID : 0;
    ::posix_spawnattr_setflags(&attributes_, static_cast<short>(session | POSIX_SPAWN_SETSIGDEF));
  }
  ~Preparation() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  void direct(int standard, int descriptor) {
    if (descriptor == ProcessCommand::kInherited) return;
    if (descriptor == ProcessCommand::kDiscarded)
      ::posix_spawn_file_actions_addopen(&actions_, standard, "/dev/null", O_WRONLY, 0);
    else
      ::posix_spawn_file_actions_adddup2(&actions_, descriptor, standard);
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

Result<ChildProcess> ChildProcess::start(const ProcessCommand& command) {
  // A missing folder would look like a missing program.
  std::error_code ignored;
  if (!command.folder.empty() && !std::filesystem::is_directory(command.folder, ignored))
    return failed(command.program + " in " + command.folder.string(), ENOTDIR);
  std::vector<std::string> words = command.words;
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const Preparation preparation(command);
  pid_t child = -1;
  const int error = ::posix_spawnp(&child, command.program.c_str(), preparation.actions(),
                                   preparation.attributes(), argv.data(), environ);
  if (error == ENOENT)
    return fail(ErrorKind::missing, "missing_program", "there is no program " + command.program);
  if (error != 0) return failed(command.program, error);
  return ChildProcess(child);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept : id_(std::exchange(other.id_, -1)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(id_, other.id_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (id_ < 0) return;
  ::kill(id_, SIGKILL);
  static_cast<void>(reap());
}

void ChildProcess::await_end() const {
  siginfo_t info;
  while (::waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
}

Result<ProcessEnd> ChildProcess::reap() {
  int status = 0;
  rusage usage{};
  pid_t reaped = -1;
  do {
    reaped = ::wait4(id_, &status, 0, &usage);
  } while (reaped < 0 && errno == EINTR);
  id_ = -1;
  if (reaped < 0) return failed("a process that was started", errno);  // SIGCHLD is ignored
  return ProcessEnd{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                    static_cast<double>(usage.ru_maxrss) / 1024};
}

}  // namespace trinity
