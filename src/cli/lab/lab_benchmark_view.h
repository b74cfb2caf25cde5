// What `trinity lab benchmark` prints for people.
#pragma once

#include <string>

#include "benchmark/report.h"
#include "terminal/terminal.h"

namespace trinity::cli {

/// What was measured with what, then a block a suite.
std::string benchmark_text(const BenchmarkContext& context, const BenchmarkResults& results,
                           Style style);

}  // namespace trinity::cli
