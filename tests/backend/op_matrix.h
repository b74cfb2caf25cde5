// The operation lab (prove/matrix) over one backend, for tests.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>

#include "backend/op_inputs.h"
#include "backend_registry/registry.h"
#include "prove/matrix/ops.h"

namespace trinity::testing {

/// A backend held to these limits.
inline prove::MatrixLane lane_with(const std::string& name, const backend::LaneTolerances& limits,
                                   const std::function<std::unique_ptr<backend::Backend>()>& make) {
  prove::MatrixLane lane;
  lane.name = name;
  lane.limits = limits;
  lane.create = [make]() -> Result<std::unique_ptr<backend::Backend>> { return make(); };
  return lane;
}

/// A lane of the registry or of a plugin, with one thread, held to what is stated of it.
inline prove::MatrixLane lane_of(const std::string& id) {
  return lane_with(id, *backend::lane_tolerances(id),
                   [id] { return take(backend::create_backend(id, {1})); });
}

inline prove::OpMatrix matrix_of(const prove::MatrixLane& lane, uint64_t seed,
                                 bool thorough = false) {
  return take(prove::compare_operations({&lane, 1}, seed, thorough));
}

/// One line for each finding.
inline std::string report_of(const prove::OpMatrix& matrix) {
  std::string text;
  for (const prove::OpVerdict& verdict : matrix.verdicts)
    for (const std::string& finding : verdict.findings)
      text += fmt::format("{} {}: {}\n", verdict.lane, verdict.op, finding);
  return text;
}

}  // namespace trinity::testing
