// How the lanes of an evaluation differ from the one they are compared with, for people.
#pragma once

#include <span>
#include <string>

#include "cli/terminal/terminal.h"
#include "lab/eval/baseline.h"

namespace trinity::cli {

/// A row a lane: equal decisions and drift; then every flipped case with its margins. Empty without
/// a baseline.
std::string baseline_text(const EvalBaseline& baseline, std::span<const LaneReport> lanes,
                          Style style);

}  // namespace trinity::cli
