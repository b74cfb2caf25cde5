// Where a pin's files may come from, in the order in which it is tried. Private to this room.
#pragma once

#include "hub/pull.h"

namespace trinity::hub {

/// The endpoints of the options, the first (or the token's home) with the token, and then the pin's
/// mirrors. Offline: none. Errors: those of make_endpoint; `insecure_mirror` for a mirror without
/// encryption.
Result<std::vector<Endpoint>> pull_endpoints(const Pin& pin, const PullOptions& options);

}  // namespace trinity::hub
