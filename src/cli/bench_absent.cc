// Stands in for bench.cc in a build without the benchmarks: the command does not exist then.
#include "cli/commands.h"

namespace trinity::cli {

void add_bench(command_line::Command&) {}

}  // namespace trinity::cli
