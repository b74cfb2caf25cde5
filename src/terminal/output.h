// Standard output and standard error.
//
// Results go to standard output through one buffer that is written when it is full and when a batch
// ends. A reader that goes away (`| head`) is no failure: writing then returns `output_closed`,
// which is told to nobody and leaves the verdict as it is. Everything that is not a result goes to
// standard error.
#pragma once

#include <trinity/error.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace trinity::terminal {

class Output {
 public:
  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// Text to append to; call `write_if_full` now and then while appending much.
  std::string& buffer() { return buffer_; }
  /// Appends and, from 1 MiB on, writes. Errors: those of flush.
  Status write(std::string_view text);
  Status write_if_full();
  /// Writes everything. Errors: `output_closed` (the reader went away), `write_failed`.
  Status flush();
  /// Whether this process has written to standard output.
  static bool begun();

 private:
  std::string buffer_;
};

/// All of a command's result at once. Errors: those of Output::flush.
Status print(std::string_view text);

/// One line on standard error: "trinity: <text>".
void note(std::string_view text);

/// The same for something that deserves attention, coloured on a terminal.
void warn(std::string_view text);

/// What an exception means; to be called where one is caught.
Error error_of_exception();

/// Says what went wrong in one line on standard error and returns the exit status: 2 for a wrong
/// call, 3 for a missing thing, else 1. `output_closed` is silent and 0.
int report(const Error& error);

/// The end of a command whose verdict stood before anything was delivered. What of the results or
/// files could not be delivered is said, and a verdict of success then fails; a reader that left
/// (`output_closed`) changes nothing.
int conclude(int verdict, std::initializer_list<Status> deliveries);
/// The same; a verdict that is an error is returned, for the caller of the command to say.
Result<int> conclude(const Status& verdict, std::initializer_list<Status> deliveries);

}  // namespace trinity::terminal
