// One lane of an evaluation for a terminal: its cases as they were decided, and what they come to.
#pragma once

#include "prove/eval/lane_report.h"
#include "report/document.h"

namespace trinity::prove {

struct LaneSectionOptions {
  bool verbose = false;        // prompts in full, hashes, read position
  bool show_logits = false;    // all logits of every case
  bool record_floors = false;  // the floors that a snapshot would get
};

/// Model, cases, floors and snapshot; one row a case and what was found under it; then passed,
/// failed, what was selected, low margins, snapshot, determinism.
report::Section lane_section(const LaneReport& lane, const LaneSectionOptions& options);

/// One row a case: id, expected decision, messages, tags, prompt.
report::Section case_list_section(const EvalCaseSet& set);

/// "3 science", "1 Worker": an agent with a role.
std::string decision_text(int agent, int role);

/// "5 of 6 equal in all bits, 6 in their decision", and whether that is what the lane promises.
report::Text rung_figure(const DeterminismReport& report, const Rung& rung);

}  // namespace trinity::prove
