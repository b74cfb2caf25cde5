// One lane of an evaluation: loads the router, routes the cases, judges and repeats them.
#pragma once

#include <memory>
#include <string>

#include "cli/eval/eval_flags.h"
#include "prove/eval/lane_report.h"

namespace trinity::cli {

/// Errors: those of load_router, of the snapshot's reader and of the determinism rungs.
Result<prove::LaneReport> evaluate_lane(const EvalFlags& flags, const std::string& profile,
                                        std::shared_ptr<const prove::EvalCaseSet> set);

/// The internal side of the restart rung: the route hashes of the profile as a JSON list, on
/// standard output.
Status print_route_prints(const EvalFlags& flags, const std::string& profile);

/// Writes --snapshot-out for a lane.
Status write_lane_snapshot(const EvalFlags& flags, const prove::LaneReport& lane);

}  // namespace trinity::cli
