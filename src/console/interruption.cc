#include "console/interruption.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

namespace trinity::console {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM};

std::atomic<int> caught = 0;
std::atomic<int> pipe_end = -1;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler uses it");
std::array<struct sigaction, kSignals.size()> before;

extern "C" void note_signal(int signal) {
  const int error = errno;
  caught.store(signal);
  const char byte = 0;
  if (const int end = pipe_end.load(); end >= 0) {
    const ssize_t written = ::write(end, &byte, 1);
    static_cast<void>(written);  // a full pipe is readable already
  }
  errno = error;
}

}  // namespace

Interruption::Interruption() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
    read_ = Descriptor(ends[0]);
    write_ = Descriptor(ends[1]);
  }
  caught = 0;
  pipe_end = write_.get();
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &before[i]);
    if (before[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

Interruption::~Interruption() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before[i], nullptr);
  pipe_end = -1;
}

int Interruption::signal() const { return caught.load(); }

}  // namespace trinity::console
