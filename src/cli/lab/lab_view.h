// What `trinity lab` prints for people.
#pragma once

#include <string>

#include "prove/matrix/report.h"
#include "terminal/terminal.h"

namespace trinity::cli {

/// Three tables: operations, layers, decisions; then what was found.
std::string matrix_text(const MatrixReport& report, Style style);

}  // namespace trinity::cli
