// A comparison of lanes as JSON and as a report.
#pragma once

#include <optional>
#include <string>

#include "base/json_value.h"
#include "prove/golden/exact_bits.h"
#include "prove/matrix/model.h"
#include "prove/matrix/ops.h"
#include "report/document.h"

namespace trinity::prove {

/// Everything that `trinity lab matrix` found.
struct MatrixReport {
  MatrixLanes lanes;
  OpMatrix ops;
  std::optional<ModelMatrix> model;
  std::string model_name;              // for people
  std::vector<ExactComparison> exact;  // the exact lanes with the published bits

  bool passed() const;
};

/// {passed, seed, lanes, missing_lanes, exact_bits, ops, op_distances, layers, decisions, times}. A
/// number that is not finite becomes null.
Json matrix_record(const MatrixReport& report);

/// Who made a report and when, for people.
struct PageOrigin {
  std::string producer;
  std::string generated_at;
};
/// For a terminal and for a page: operations, layers, decisions, and what was found.
report::Document matrix_document(const MatrixReport& report, const PageOrigin& origin);

/// What went wrong in a lane by name, for people: "wrong: attention"; empty when nothing did.
std::string blame_text(const MatrixReport& report);

}  // namespace trinity::prove
