// The lanes that a comparison of all with all consists of.
#pragma once

#include <trinity/error.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/lane_tolerances.h"
#include "router/profile.h"

namespace trinity::prove {

/// A lane by name, what it is held to, and how a backend of it is made. Two lanes never share a
/// backend.
struct MatrixLane {
  std::string name;
  std::string backend;  // id in the backend registry
  backend::LaneTolerances limits;
  backend::MarginFloors floors;
  backend::Exactness exactness = backend::Exactness::decision_stable;  // what it claims
  backend::LanePromise promise;  // what this machine keeps of that
  std::function<Result<std::unique_ptr<backend::Backend>>()> create;
};

/// A lane that is not compared, and why.
struct MissingLane {
  std::string name;
  std::string reason;
};

struct MatrixLanes {
  std::vector<MatrixLane> lanes;
  std::vector<MissingLane> missing;
};

/// The named profiles (also `plugin:PATH` and `custom:BACKEND`), in the order given. Errors: those
/// of resolve_profile, `lane_without_tolerances`.
Result<MatrixLanes> named_lanes(std::span<const std::string> profiles, int threads);

/// Every profile that can run here, the reference first; the others are listed as missing.
Result<MatrixLanes> available_lanes(int threads);

/// The lane that the others are compared with where no formula gives the answer: the first that is
/// named "reference", else the first one.
std::size_t oracle_lane(std::span<const MatrixLane> lanes);

}  // namespace trinity::prove
