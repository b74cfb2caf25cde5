// This program run anew with its own command line and more: a process that shares nothing with this
// one.
#pragma once

#include <trinity/error.h>

#include <string>
#include <vector>

namespace trinity::cli {

/// Standard output of a new process of this program, started with this process's arguments and the
/// further ones, in the same folder and environment. Errors: `restart_failed` (could not start, or
/// ended with another status than 0; quotes what it said).
Result<std::string> run_own_program(const std::vector<std::string>& further_arguments);

}  // namespace trinity::cli
