#include "checkout/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "base/descriptor.h"
#include "base/process.h"
#include "base/stopwatch.h"
#include "base/try.h"

namespace trinity::checkout {
namespace {

constexpr int kGraceMs = 5000;  // between the interrupt and the end by force

tl::unexpected<Error> failed(const std::string& program, int error_number) {
  return fail(ErrorKind::failed, "child_failed",
              fmt::format("{} cannot be run: {}", program, std::strerror(error_number)));
}

/// A handler has no other way to its data.
std::atomic<int> signal_pipe = -1;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler reads it");

extern "C" void pass_on(int signal) {
  const int before = errno;
  const auto byte = static_cast<unsigned char>(signal);
  const ssize_t written = ::write(signal_pipe.load(), &byte, 1);
  static_cast<void>(written);  // a full pipe holds interrupts enough
  errno = before;
}

/// Whoever has the handlers; another child waits for its turn.
std::mutex& interrupts_taken() {
  static std::mutex mutex;
  return mutex;
}

/// Turns interrupts into bytes of a pipe. Holding them back would not do: libraries have threads of
/// their own, which would take them. One that was ignored, as nohup does, stays so.
class Interrupts {
 public:
  explicit Interrupts(int pipe_end) : lock_(interrupts_taken()) {
    signal_pipe = pipe_end;
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      struct sigaction action {};
      action.sa_handler = pass_on;
      action.sa_flags = SA_RESTART;
      ::sigemptyset(&action.sa_mask);
      ::sigaction(kSignals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
    }
  }
  ~Interrupts() {
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      ::sigaction(kSignals[i], &before_[i], nullptr);
    signal_pipe = -1;
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
  std::lock_guard<std::mutex> lock_;
  std::array<struct sigaction, 3> before_{};
};

struct PipeEnds {
  PipeEnds(int read_end, int write_end) : read(read_end), write(write_end) {}
  Descriptor read, write;
};

/// Null when there are no descriptors left.
std::unique_ptr<PipeEnds> open_pipe(int flags) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | flags) != 0) return nullptr;
  return std::make_unique<PipeEnds>(ends[0], ends[1]);
}

/// The run of one child: reads what it says, passes interrupts on, and sees it end. Until that is
/// over the child is not reaped, so that its number means nothing else.
class Watch {
 public:
  Watch(const ChildCommand& command, pid_t child, int output, int signals, int end)
      : command_(command), child_(child), output_(output), signals_(signals), end_(end) {}

  ChildOutcome until_the_end() {
    while (!ended_) {
      const int left = outcome_.interrupted
                           ? std::max(0, kGraceMs - static_cast<int>(since_interrupt_.elapsed_ms()))
                           : -1;
      std::array<pollfd, 3> ready = {
          {{end_, POLLIN, 0}, {signals_, POLLIN, 0}, {open_ ? output_ : -1, POLLIN, 0}}};
      const int count = ::poll(ready.data(), ready.size(), left);
      if (left == 0) {
        ::kill(-child_, SIGKILL);  // it had its time
        since_interrupt_.restart();
      }
      if (count <= 0) continue;
      if (ready[2].revents != 0) take_output();
      if (ready[1].revents != 0) take_signal();
      ended_ = ready[0].revents != 0;
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
    unsigned char signal = 0;
    if (::read(signals_, &signal, 1) != 1) return;
    if (!outcome_.interrupted) since_interrupt_.restart();
    outcome_.interrupted = true;
    ::kill(-child_, signal);
  }

  const ChildCommand& command_;
  pid_t child_;
  int output_, signals_, end_;
  bool open_ = true, ended_ = false;
  Stopwatch since_interrupt_;
  ChildOutcome outcome_;
};

}  // namespace

Result<ChildOutcome> run_child(const ChildCommand& command) {
  const Stopwatch watch;
  const auto output = open_pipe(0), signals = open_pipe(O_NONBLOCK), end = open_pipe(0);
  if (!output || !signals || !end) return failed(command.program, errno);
  ::fcntl(output->read.get(), F_SETFL, O_NONBLOCK);
  const Interrupts interrupts(signals->write.get());

  ProcessCommand process;
  process.program = command.program;
  process.words = {command.program};
  process.words.insert(process.words.end(), command.arguments.begin(), command.arguments.end());
  process.folder = command.folder;
  process.output = process.errors = output->write.get();
  process.own_session = true;
  TRINITY_TRY(ChildProcess child, ChildProcess::start(process));
  output->write = Descriptor();
  std::jthread waiter([&] {
    child.await_end();
    end->write = Descriptor();
  });
  ChildOutcome outcome =
      Watch(command, child.id(), output->read.get(), signals->read.get(), end->read.get())
          .until_the_end();
  waiter.join();
  TRINITY_TRY(const ProcessEnd ended, child.reap());
  outcome.exit_status = ended.exit_status;
  outcome.duration_ms = static_cast<std::int64_t>(watch.elapsed_ms());
  return outcome;
}

}  // namespace trinity::checkout
