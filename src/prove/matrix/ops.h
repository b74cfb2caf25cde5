// Operation by operation: every lane against the formulas, and every lane against every other.
//
// Each case gives the same inputs to all lanes and isolates one operation. A lane's error is judged
// by its own stated tolerance; between two lanes the distance is measured and not judged, because
// two lanes that are right lie within the sum of their tolerances.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "prove/matrix/lanes.h"
#include "prove/progress.h"

namespace trinity::prove {

/// How one lane did in one operation.
struct OpVerdict {
  std::string lane, op;
  int64_t cases = 0, elements = 0, failed_cases = 0;
  double worst_error = 0;     // largest error of an element over what it is measured against
  double worst_row = 0;       // largest relative error of a row, where rows are judged
  double worst_of_limit = 0;  // largest share of its limit that an element or row used up
  double element_limit = 0;   // largest tolerance of the cases, for people
  bool given_bits = false;    // some cases promise exact values
  std::vector<std::string> findings;  // the first few failures, with shapes and numbers
  /// Operations that failed too and that this one is made of: it need not be wrong itself.
  std::vector<std::string> follows_from;

  bool passed() const { return failed_cases == 0; }
};

/// Distance of two lanes in one operation.
struct OpDistance {
  std::string lane, other, op;
  double worst_error = 0;  // as in OpVerdict
};

struct OpMatrix {
  uint64_t seed = 0;
  bool thorough = false;
  std::vector<std::string> devices;   // a lane each, for people
  std::vector<OpVerdict> verdicts;    // lane by lane, operations in the order of the contract
  std::vector<OpDistance> distances;  // every pair of lanes once

  bool passed() const;
  /// Names of the operations that a lane fails and that no failing part explains.
  std::vector<std::string> blamed(const std::string& lane) const;
};

/// Errors: those of creating a backend. A call that fails is a finding.
Result<OpMatrix> compare_operations(std::span<const MatrixLane> lanes, uint64_t seed, bool thorough,
                                    const LabProgress& progress = {});

}  // namespace trinity::prove
