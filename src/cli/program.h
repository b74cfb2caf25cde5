// The command line from its arguments to its exit status.
#pragma once

namespace trinity::cli {

/// 0 ok, 1 the run failed, 2 wrong usage, 3 a needed thing is missing. Lets nothing escape.
int run_program(int argument_count, const char* const* arguments);

}  // namespace trinity::cli
