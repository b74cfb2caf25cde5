// Which offsets the embedding gets, when embedding and LM head are one tensor in the base model but
// the router vector holds a block of offsets for each.
#pragma once

#include <trinity/error.h>

#include <string>
#include <string_view>
#include <vector>

#include "adapt/selection.h"

namespace trinity {

enum class TieMode {
  embed_offsets,    // embedding and LM head each their own offsets: untied afterwards (the default)
  last_write,       // a tied tensor ends up with the LM head's offsets, which are written last
  lm_head_offsets,  // the embedding gets the LM head's offsets, tied or not
  compound,         // first the embedding's offsets, then the LM head's on the result
};

const char* tie_mode_name(TieMode mode);
/// Error `invalid_tie_mode` (lists the names).
Result<TieMode> parse_tie_mode(std::string_view name);

/// The blocks of offsets (places in Selection::tensors) that apply to tensor `place`, one after the
/// other.
std::vector<size_t> offset_blocks(const Selection& selection, size_t place, TieMode mode);

}  // namespace trinity
