// Calls of single operations: generated inputs, the right answer, and how far a lane may be from
// it.
//
// Every case runs one operation alone on a backend and reads the result back. The right answer
// comes from prove/matrix/op_cases_formulas.h and the limits from the lane's stated tolerances
// (backend/lane_tolerances.h, which also says what an error is measured against). Shapes cover one
// token, two, odd widths, more queries than one but fewer than keys, query heads that share
// key/value heads, positions far from zero, and numbers that are large, tiny, denormal or zero.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "backend/lane_tolerances.h"

namespace trinity::prove {

/// The right answer for a lane and the limits around it.
struct OpTruth {
  std::vector<double> values;
  std::vector<double> scale;  // an element may err by tolerance.element · scale
  backend::Tolerance tolerance;
  int64_t cols = 0;         // width of a row; 0 = rows are not judged as a whole
  bool given_bits = false;  // the lane promises exactly these values
};

struct OpCase {
  std::string op;      // name in the op contract: "rms_norm"
  std::string detail;  // shapes, for people
  std::function<Result<std::vector<float>>(backend::Backend&)> run;
  std::function<OpTruth(const backend::LaneTolerances&)> truth;
};

using OpCaseVisitor = std::function<void(const OpCase&)>;

/// All cases that follow from `seed`, one after another. `thorough` has more shapes.
void visit_op_cases(uint64_t seed, bool thorough, const OpCaseVisitor& visit);

/// The operations in the order of the contract.
const std::vector<std::string>& op_names();
/// The operations that a fused one is made of; empty for a plain one.
std::vector<std::string> op_parts(std::string_view op);

/// Row-major f32 values of an activation. One that a backend keeps in a format of its own is read
/// through a product with the identity, which is exact in every lane.
Result<std::vector<float>> activation_values(backend::Backend& backend,
                                             const backend::Tensor& tensor);

}  // namespace trinity::prove
