// The built program as a child process: arguments, input and environment in; output and status out.
// What `run` gets as JSON is held against docs/schemas/.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace trinity::testing {

using Words = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

struct Outcome {
  int status = -1;  // exit status, or 128 + signal
  std::string out;
  std::string err;
};

inline void close_pipe_end(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

/// A running `trinity`, with pipes to its three standard descriptors. It sees only the environment
/// given here, so the tests do not depend on the caller's.
class Process {
 public:
  explicit Process(const Words& arguments, const Environment& environment = {})
      : Process(TRINITY_PROGRAM, arguments, environment) {}

  /// `folder` is where the program runs; empty: where the test does.
  Process(const std::string& program, const Words& arguments, const Environment& environment,
          const std::string& folder = {}) {
    std::array<std::array<int, 2>, 3> pipes;
    for (auto& pipe : pipes) {
      if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    }
    Words words = {program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    Words variables;
    for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
    const std::vector<char*> argv = pointers(words);
    const std::vector<char*> envp = pointers(variables);
    child_ = ::fork();
    if (child_ < 0) throw std::runtime_error("no process");
    if (child_ == 0) {
      ::dup2(pipes[0][0], STDIN_FILENO);
      ::dup2(pipes[1][1], STDOUT_FILENO);
      ::dup2(pipes[2][1], STDERR_FILENO);
      if (!folder.empty() && ::chdir(folder.c_str()) != 0) ::_exit(126);
      ::execve(program.c_str(), argv.data(), envp.data());
      ::_exit(127);
    }
    in = pipes[0][1];
    out = pipes[1][0];
    err = pipes[2][0];
    ::close(pipes[0][0]);
    ::close(pipes[1][1]);
    ::close(pipes[2][1]);
  }

  ~Process() {
    close_pipe_end(in);
    close_pipe_end(out);
    close_pipe_end(err);
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(const std::string& text) const {
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t count = ::write(in, text.data() + sent, text.size() - sent);
      if (count < 0) throw std::runtime_error("the program does not read");
      sent += static_cast<std::size_t>(count);
    }
  }

  /// One line of standard output without its line feed; empty at the end. Waits for it.
  std::string read_line() const {
    std::string line;
    for (char c = 0; ::read(out, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }

  /// Sends `input`, reads both outputs to their end and waits for the program.
  Outcome finish(const std::string& input) {
    Outcome outcome;
    std::size_t sent = 0;
    if (input.empty()) close_pipe_end(in);
    if (in >= 0) ::fcntl(in, F_SETFL, O_NONBLOCK);
    while (in >= 0 || out >= 0 || err >= 0) {
      std::array<pollfd, 3> ready = {{{in, POLLOUT, 0}, {out, POLLIN, 0}, {err, POLLIN, 0}}};
      if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) break;
      if (ready[0].revents != 0) {
        const ssize_t count = ::write(in, input.data() + sent, input.size() - sent);
        if (count > 0) sent += static_cast<std::size_t>(count);
        if ((count < 0 && errno != EAGAIN) || sent == input.size()) close_pipe_end(in);
      }
      if (ready[1].revents != 0) take(out, outcome.out);
      if (ready[2].revents != 0) take(err, outcome.err);
    }
    outcome.status = wait();
    return outcome;
  }

  /// Ends the program at once; `finish` gives what it had written.
  void kill() const {
    if (child_ > 0) ::kill(child_, SIGKILL);
  }

  void signal(int number) const {
    if (child_ > 0) ::kill(child_, number);
  }

  int wait() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  int in = -1;
  int out = -1;
  int err = -1;

 private:
  static std::vector<char*> pointers(Words& words) {
    std::vector<char*> result;
    for (std::string& word : words) result.push_back(word.data());
    result.push_back(nullptr);
    return result;
  }

  static void take(int& descriptor, std::string& text) {
    std::array<char, 1 << 16> buffer;
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(count));
    } else {
      close_pipe_end(descriptor);
    }
  }

  pid_t child_ = -1;
};

/// Fails the test when JSON that the program printed, or wrote into files that the arguments name,
/// is not what docs/schemas/ says (record_check.cc).
void check_records(const Words& arguments, const Environment& environment, const Outcome& outcome,
                   const std::string& folder);

inline Outcome run(const Words& arguments, const std::string& input = {},
                   const Environment& environment = {}, const std::string& folder = {}) {
  // A program that ends without reading its input must not end the test with it.
  std::signal(SIGPIPE, SIG_IGN);
  const Outcome outcome = Process(TRINITY_PROGRAM, arguments, environment, folder).finish(input);
  check_records(arguments, environment, outcome, folder);
  return outcome;
}

/// The same through a shell: `command` finds the program in $0 and the arguments in "$@".
inline Outcome run_in_shell(const std::string& command, const Words& arguments) {
  Words words = {"-c", command, TRINITY_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return Process("/bin/sh", words, {}).finish({});
}

inline Words lines_of(const std::string& text) {
  Words lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace trinity::testing
