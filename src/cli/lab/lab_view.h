// What `trinity lab` prints for people.
#pragma once

#include <string>

#include "cli/terminal/terminal.h"
#include "lab/matrix/report.h"

namespace trinity::cli {

/// Three tables: operations, layers, decisions; then what was found.
std::string matrix_text(const MatrixReport& report, Style style);

}  // namespace trinity::cli
