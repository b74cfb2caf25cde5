#include "terminal/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <exception>
#include <new>
#include <system_error>

#include "base/thread_failure.h"
#include "base/utf8.h"
#include "report/prose.h"
#include "terminal/terminal.h"

namespace trinity::terminal {
namespace {

constexpr std::size_t kWriteAt = std::size_t{1} << 20;

/// A process has one standard output, whoever writes to it.
std::atomic<bool> output_begun = false;

void write_to_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;  // nowhere left to complain
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

/// A message, which may quote arguments and file contents, on a line of its own.
void say(std::string_view text, report::Look look) {
  constexpr std::size_t most_bytes = 4096;
  write_to_stderr(paragraph_after("trinity: ", 9, {{excerpt(text, most_bytes), look}},
                                  style_for(STDERR_FILENO), 2));
}

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
    output_begun = true;
  }
  buffer_.clear();
  return {};
}

bool Output::begun() { return output_begun; }

Status print(std::string_view text) {
  Output output;
  if (Status written = output.write(text); !written) return written;
  return output.flush();
}

Error error_of_exception() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return {ErrorKind::failed, "out_of_memory",
            "out_of_memory: the memory does not suffice; use smaller batches or inputs"};
  } catch (const std::system_error&) {
    return caught_failure("do this", "use smaller batches or inputs").value();
  } catch (const std::exception& error) {
    return {ErrorKind::failed, "internal_error",
            fmt::format("internal_error: {}; please report how this came about", error.what())};
  } catch (...) {
    return {ErrorKind::failed, "internal_error",
            "internal_error: an unknown exception; please report how this came about"};
  }
}

void note(std::string_view text) { say(text, report::Look::plain); }

void warn(std::string_view text) { say(text, report::Look::warn); }

int report(const Error& error) {
  if (error.tag == "output_closed") return 0;
  say(error.message, report::Look::bad);
  return exit_status(error.kind);
}

int conclude(int verdict, std::initializer_list<Status> deliveries) {
  for (const Status& delivered : deliveries) {
    if (delivered) continue;
    const int status = report(delivered.error());
    if (verdict == 0) verdict = status;
  }
  return verdict;
}

Result<int> conclude(const Status& verdict, std::initializer_list<Status> deliveries) {
  const int status = conclude(0, deliveries);
  if (!verdict) return tl::unexpected(verdict.error());
  return status;
}

}  // namespace trinity::terminal
