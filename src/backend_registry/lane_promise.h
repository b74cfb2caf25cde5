// What this machine keeps of a lane's claim.
//
// A claim is written down with the lane; whether it holds can depend on the machine, because a
// library picks its kernels by the processor. Where it can, the lane's entry brings a probe
// (BackendEntry::broken_promise), and a lane whose probe finds something may only promise
// decisions here. A probe runs when it is first asked for, at most once a process: starting the
// program probes nothing.
#pragma once

#include "backend/backend_entry.h"

namespace trinity::backend {

/// The lane's claim, or decision_stable and the sentence of its probe. A lane that cannot run here
/// breaks nothing. May be called from any thread.
LanePromise promise_of(const BackendEntry& entry);

/// What comparisons hold a lane to: what this machine keeps. For an exact lane and an oracle
/// nothing is relaxed: their bits do not depend on the machine, so one that differs is a defect to
/// be shown and not a property to be granted.
Exactness held_to(Exactness claim, const LanePromise& promise);

}  // namespace trinity::backend
