// An exception as an Error, where threads and callers meet.
//
// Errors are values in this program; what may still be thrown comes from the machine: no memory, no
// more threads. Code that runs on a thread of its own, or that promises never to throw, catches
// everything and hands on what this makes of it.
#pragma once

#include <trinity/error.h>

#include <exception>
#include <new>
#include <string>
#include <system_error>

namespace trinity {

/// Inside a catch block: what was caught. `doing` completes "there is not enough memory to …", and
/// `advice` says what to do about it. Tags: `out_of_memory`, `out_of_threads`, `system_failure`,
/// `internal_error`.
inline tl::unexpected<Error> caught_failure(const std::string& doing, const std::string& advice) {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return fail(ErrorKind::failed, "out_of_memory",
                "there is not enough memory to " + doing + "; " + advice);
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::resource_unavailable_try_again)
      return fail(ErrorKind::failed, "out_of_threads",
                  "the system refuses another thread to " + doing +
                      "; raise the limits of processes and memory (ulimit -u and -v, or those of "
                      "the container), or compute with fewer --threads");
    return fail(ErrorKind::failed, "system_failure",
                "the system failed to " + doing + " (" + error.what() + ")");
  } catch (const std::exception& error) {
    return fail(ErrorKind::failed, "internal_error",
                "the program failed to " + doing + " (" + error.what() +
                    "); please report how this came about");
  } catch (...) {
    return fail(ErrorKind::failed, "internal_error",
                "the program failed to " + doing + "; please report how this came about");
  }
}

}  // namespace trinity
