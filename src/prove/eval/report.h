// An evaluation as a report: verdicts, the margins of every case against the floors, the decisions
// side by side with those of an oracle lane or of the snapshot, determinism, and everything that
// was found.
#pragma once

#include <span>
#include <string>

#include "prove/eval/baseline.h"
#include "prove/eval/lane_report.h"
#include "prove/eval/lane_section.h"
#include "report/document.h"

namespace trinity::prove {

struct EvalReportOptions {
  std::string oracle;    // profile name; empty: the first lane that is an oracle, if any
  std::string producer;  // program and version
  std::string generated_at;
  LaneSectionOptions lanes = {};  // of the text
};

/// The whole evaluation. `lanes` holds at least one, all over the same cases. On a terminal it is
/// the section of each lane (lane_section.h), then the comparison; lanes may be printed one by one.
report::Document eval_document(std::span<const LaneReport> lanes, const EvalReportOptions& options);

/// How the lanes differ from the one they are compared with: equal decisions and drift, then every
/// flipped case with its margins. For nobody without a baseline.
report::Section comparison_section(const EvalBaseline& baseline, std::span<const LaneReport> lanes);

}  // namespace trinity::prove
