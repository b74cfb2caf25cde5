// Tie modes (trinity/options.h) as places of offsets: what applies to a tensor under each of them.
#pragma once

#include <trinity/options.h>

#include <string_view>
#include <vector>

#include "adapt/selection.h"

namespace trinity::adapt {

/// The blocks of offsets (places in Selection::tensors) that apply to tensor `place`, one after the
/// other.
std::vector<size_t> offset_blocks(const Selection& selection, size_t place, TieMode mode);

}  // namespace trinity::adapt
