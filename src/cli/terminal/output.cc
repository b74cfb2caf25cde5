#include "cli/terminal/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/utf8.h"
#include "cli/terminal/terminal.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kWriteAt = std::size_t{1} << 20;

void write_to_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;  // nowhere left to complain
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

/// Messages quote arguments and file contents, which must not steer the terminal.
std::string safe(std::string_view text) { return excerpt(text, 4096); }

int exit_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return 2;
    case ErrorKind::missing:
      return 3;
    case ErrorKind::invalid_input:
    case ErrorKind::unsupported:
    case ErrorKind::failed:
      return 1;
  }
  return 1;
}

}  // namespace

Status Output::write(std::string_view text) {
  buffer_ += text;
  return write_if_full();
}

Status Output::write_if_full() { return buffer_.size() >= kWriteAt ? flush() : Status(); }

Status Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      const int error_number = errno;
      buffer_.clear();
      if (error_number == EPIPE)
        return fail(ErrorKind::failed, "output_closed", "the reader of the output went away");
      return fail(ErrorKind::failed, "write_failed",
                  fmt::format("the output cannot be written ({}); free space or redirect it",
                              std::strerror(error_number)));
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  buffer_.clear();
  return {};
}

void note(std::string_view text) { write_to_stderr(fmt::format("trinity: {}\n", safe(text))); }

void warn(std::string_view text) {
  write_to_stderr(
      fmt::format("trinity: {}\n", Style::for_output(STDERR_FILENO).yellow(safe(text))));
}

int report(const Error& error) {
  if (error.tag == "output_closed") return 0;
  write_to_stderr(
      fmt::format("trinity: {}\n", Style::for_output(STDERR_FILENO).red(safe(error.message))));
  return exit_status(error.kind);
}

}  // namespace trinity::cli
