// Does the head fit the bundle it came with? Checked once, at load.
#pragma once

#include <trinity/error.h>

#include <array>
#include <cstddef>

#include "base/json_value.h"

namespace trinity::route {

/// [outputs, hidden] from a bundle manifest: `router_head_shape`, else
/// `python_semantic_manifest.routing.head_shape`. Error `malformed_manifest`.
Result<std::array<std::size_t, 2>> manifest_head_shape(const Json& manifest);

/// num_agents + num_roles must be the manifest's output count and hidden_size its width. Errors:
/// `invalid_head_shape`, `hidden_size_mismatch`, `malformed_manifest`.
Status check_head_invariant(std::size_t num_agents, std::size_t num_roles, std::size_t hidden_size,
                            const Json& manifest);

}  // namespace trinity::route
