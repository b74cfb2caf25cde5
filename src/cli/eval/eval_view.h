// An evaluation for people: a table of cases and a summary.
#pragma once

#include <string>

#include "prove/eval/lane_report.h"
#include "terminal/terminal.h"

namespace trinity::cli {

struct EvalViewOptions {
  bool verbose = false;      // prompts in full, hashes, read position
  bool show_logits = false;  // all logits of every case
};

/// The heading of a lane: model, cases, floors, snapshot.
std::string eval_heading(const LaneReport& lane, Style style);
/// One row a case, and what was found under it.
std::string eval_table(const LaneReport& lane, const EvalViewOptions& options, Style style);
/// Passed, failed, what was selected, low margins, determinism, snapshot, floors.
std::string eval_summary(const LaneReport& lane, bool record_floors, Style style);

/// One line a case: id, tags, expected decision, prompt.
std::string case_list(const EvalCaseSet& set, Style style);

}  // namespace trinity::cli
