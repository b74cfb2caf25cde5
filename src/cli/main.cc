#include <cstdio>
#include <cstdlib>

#include "cli/program.h"

int main(int argument_count, char** arguments) {
  const int status = trinity::cli::run_program(argument_count, arguments);
  std::fflush(nullptr);
  // Without the destructors of libraries: OpenBLAS joins its threads there, and one that the system
  // refused its work memory asks for it for ever. All of our own work is done and closed.
  std::_Exit(status);
}
