// A whole model on every lane: where two lanes first part, and which decisions differ.
//
// Layer by layer, the hidden states of one input are recorded after each half of each layer
// (prove/matrix/recorder.h) and compared row by row. A lane may be away from the oracle by what its
// own tolerances let one half of a layer add, growing with the root of the number of halves, as
// independent roundings do. A lane that has a pass over all layers of its own
// (backend/whole_pass.h) is followed by its operations, and its pass is one more step at the end,
// compared with the oracle and with its own operations. Decision by decision, every case is routed
// by every lane. Times are read after the device has finished; a first pass warms up and is not
// counted.
#pragma once

#include <trinity/decision.h>
#include <trinity/message.h>

#include <optional>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/weights.h"
#include "prove/matrix/lanes.h"
#include "prove/progress.h"
#include "route/head.h"

namespace trinity::prove {

/// What all lanes compute. References must outlive the comparison.
struct MatrixModel {
  const model::ModelConfig& config;
  const model::TensorSource& tensors;
  const route::Head& head;
};

struct MatrixCase {
  std::string id;
  std::vector<int32_t> ids;
};

struct ModelMatrixOptions {
  std::vector<int32_t> layer_input;  // the input that is followed through the layers
  int runs = 3;                      // timed passes over all cases
  LabProgress progress = {};         // a step a lane
};

/// Distances of two lanes after every step.
struct LayerDistance {
  std::string lane, other;
  std::vector<double> worst_row;  // relative, one a step
  std::vector<double> limit;
  std::optional<std::size_t> first_beyond;  // the step at which they part
};

struct CaseDecision {
  int agent = 0, role = 0;
  double agent_margin = 0, role_margin = 0;
};

/// A case that a lane decides otherwise than the oracle.
struct Flip {
  std::string lane, id;
  CaseDecision oracle, here;
  /// The oracle was sure of what is decided otherwise: its margin is not under the lane's floor.
  bool beyond_floor = false;
};

struct LaneTimes {
  std::string lane;
  double load_ms = 0;
  double min_ms = 0, median_ms = 0;  // one pass over all cases
  int passes = 0;           // that were timed; 0: the first pass was so slow that it is the figure
  std::int64_t tokens = 0;  // of all cases
};

struct ModelMatrix {
  std::string oracle;
  std::vector<std::string> steps;     // "embedding", "layer 0 attention", "layer 0 mlp", ...
  std::vector<LayerDistance> layers;  // whole passes, then every pair once, the oracle's first
  std::size_t cases = 0;
  std::vector<Flip> flips;                          // against the oracle
  std::vector<double> logit_distance;               // a lane: largest |Δ logit| to the oracle
  std::vector<LaneTimes> times;                     // a lane each
  std::vector<std::vector<std::size_t>> differing;  // lane by lane: cases decided differently

  bool passed() const;
};

/// What one lane says to every case.
struct LaneAnswers {
  std::vector<std::vector<float>> hidden;  // [hidden_size] each
  std::vector<std::vector<float>> logits;
  std::vector<CaseDecision> decisions;
};
/// Errors: those of creating the lane, preparing weights and of extraction.
Result<LaneAnswers> lane_answers(const MatrixLane& lane, const MatrixModel& model,
                                 std::span<const MatrixCase> cases);

/// Errors: those of creating lanes, preparing weights and of extraction.
Result<ModelMatrix> compare_models(std::span<const MatrixLane> lanes, const MatrixModel& model,
                                   std::span<const MatrixCase> cases,
                                   const ModelMatrixOptions& options);

}  // namespace trinity::prove
