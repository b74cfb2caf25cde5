// Errors that callers can act on.
//
// Every operation that reads input, files or devices returns Result<T>. An Error carries a stable
// tag for programs ("input_too_long"), one sentence for people that says what happened and what to
// do, and a kind that the command line turns into its exit status. Exceptions are kept for bugs.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace trinity {

enum class ErrorKind {
  invalid_input,  // the data given is wrong: fix the input (exit 1)
  usage,          // the call itself is wrong: fix the command or the arguments (exit 2)
  missing,        // a needed model, file, device or library is absent (exit 3)
  unsupported,    // well-formed, but this program does not implement it (exit 1)
  failed,         // the environment failed: disk full, read error (exit 1)
};

struct Error {
  ErrorKind kind = ErrorKind::failed;
  std::string tag;      // stable, machine-readable, for example "unsupported_config"
  std::string message;  // one sentence: what happened and what to do
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

/// Builds the failure value of any Result: `return fail(ErrorKind::missing, "missing_file",
/// "...")`.
inline tl::unexpected<Error> fail(ErrorKind kind, std::string tag, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(tag), std::move(message)});
}

/// Passes another Result's error on with a prefix that says where it happened, tag and kind kept.
inline tl::unexpected<Error> fail_in(const std::string& where, Error error) {
  error.message = where + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace trinity
