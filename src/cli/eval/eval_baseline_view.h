// How the lanes of an evaluation differ from the one they are compared with, for people.
#pragma once

#include <span>
#include <string>

#include "prove/eval/baseline.h"
#include "terminal/terminal.h"

namespace trinity::cli {

/// A row a lane: equal decisions and drift; then every flipped case with its margins. Empty without
/// a baseline.
std::string baseline_text(const EvalBaseline& baseline, std::span<const LaneReport> lanes,
                          Style style);

}  // namespace trinity::cli
