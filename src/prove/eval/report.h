// An evaluation as one HTML file that opens from the disk: no scripts, no fonts, nothing is loaded.
//
// It shows, for one or several lanes: verdicts, the margins of every case against the floors, the
// decisions side by side with those of an oracle lane or of the snapshot, determinism, and
// everything that was found. Charts are inline SVG (report/charts.h).
#pragma once

#include <span>
#include <string>

#include "prove/eval/lane_report.h"

namespace trinity {

struct EvalReportOptions {
  std::string oracle;    // profile name; empty: the first lane that is an oracle, if any
  std::string producer;  // program and version
  std::string generated_at;
};

/// The document. `lanes` holds at least one, all over the same cases.
std::string eval_report_html(std::span<const LaneReport> lanes, const EvalReportOptions& options);

}  // namespace trinity
