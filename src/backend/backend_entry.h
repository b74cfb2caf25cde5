// What a lane tells of itself before it is made: its name, its claim, how far it may be from right,
// whether it can run here.
//
// Every folder that holds lanes hands out its entries; backend_registry/ lists them all.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/lane_tolerances.h"

namespace trinity::backend {

struct BackendOptions {
  int threads = 0;  // worker threads; 0 = all processors this process may use
};

/// The smallest margins that a lane tolerates in the prompt evaluation.
struct MarginFloors {
  double agent = 0.24;
  double role = 1.06;
};

/// All that is stated of a lane, by the room that has it.
struct BackendEntry {
  std::string id;
  std::string description;                           // one line for people
  std::string label;                                 // as in BackendInfo
  Exactness exactness = Exactness::decision_stable;  // what the lane claims
  LaneTolerances tolerances;                         // how far its operations may lie from right
  MarginFloors floors;
  std::vector<std::string> notes;  // for people who choose it
  /// Why it cannot run on this machine; nothing when it can.
  std::optional<std::string> (*unavailable_reason)() = nullptr;
  Result<std::unique_ptr<Backend>> (*create)(const BackendOptions& options) = nullptr;
  /// A probe of milliseconds: one sentence that says which promise this machine does not keep,
  /// nothing when the claim holds here. Null: the claim needs no probe. It is asked through
  /// promise_of (backend_registry/lane_promise.h), and makes the backends that it needs itself, not
  /// through create_backend, which asks it.
  std::optional<std::string> (*broken_promise)() = nullptr;
};

}  // namespace trinity::backend
