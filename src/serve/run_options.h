// How the loop of a request runs: as the server says, but for what the request's model, its limits
// and the form of its answer change.
#pragma once

#include "coordinate/loop.h"
#include "serve/served_run.h"

namespace trinity::serve {

coordinate::LoopOptions loop_options(coordinate::LoopOptions options, const RunRequest& run);

}  // namespace trinity::serve
