// The operations of one backend against those of another, on generated inputs.
//
// This is the backend lab: every lane goes through it against `reference`, and so do backends that
// are wrong on purpose, which must be caught and by the right name. It reports instead of
// asserting, so that "finds the mistake" can itself be tested.
//
// Shapes cover single rows and row counts around every border (vectors, tiles, pages, row buckets),
// odd widths, one head and many, query heads that share key/value heads, positions far from zero,
// caches that grow in several steps, and queries for the last rows only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/lane_tolerances.h"
#include "backend/op_inputs.h"

namespace trinity::testing {

struct Deviation {
  std::string op;      // "linear", "rope", …
  std::string detail;  // shapes and numbers, for people
};

enum class Effort { quick, thorough };

/// Row-major f32 values of any activation. One that the backend keeps in its own format is read
/// through a product with the identity, which is exact in every lane.
std::vector<float> values_of(Backend& backend, const Tensor& tensor);

/// Two backends side by side, and what was found.
class Comparison {
 public:
  Comparison(Backend& candidate_backend, Backend& oracle_backend, const LaneTolerances& limits,
             Effort wanted_effort, uint64_t seed)
      : candidate(candidate_backend),
        oracle(oracle_backend),
        tolerances(limits),
        effort(wanted_effort),
        inputs(seed) {}

  /// Records a deviation when an element or a row lies outside the tolerance, or is no number.
  void check(const std::string& op, const std::string& detail, const std::vector<float>& want,
             const std::vector<float>& got, const std::vector<double>& scale, int64_t cols,
             const Tolerance& tolerance, bool check_rows = true);
  void fail(const std::string& op, const std::string& detail);

  std::vector<int64_t> row_counts() const;

  Backend& candidate;
  Backend& oracle;
  const LaneTolerances& tolerances;
  Effort effort;
  RandomInputs inputs;
  std::vector<Deviation> deviations;  // at most a few for each operation

 private:
  std::map<std::string, int> reported_;
};

void check_row_operations(
    Comparison& comparison);  // embed, linear, rms_norm, add, silu_mul, select_rows
void check_rope(Comparison& comparison);
void check_attention(Comparison& comparison);

/// All of them.
std::vector<Deviation> compare_operations(Backend& candidate, Backend& oracle,
                                          const LaneTolerances& tolerances, Effort effort,
                                          uint64_t seed);

/// Names of the operations that deviate.
std::set<std::string> operations_of(const std::vector<Deviation>& deviations);
/// One line for each deviation.
std::string report_of(const std::vector<Deviation>& deviations);

}  // namespace trinity::testing
