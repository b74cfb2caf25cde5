// What config.json says about rotary positions.
//
// It may say so in three places: keys of its own (`rope_theta`), `rope_scaling` of older files and
// `rope_parameters` of newer ones, which may hold one object for each type of layer. Files that
// were saved by several versions of `transformers` have two of them. All places are read as one;
// where two contradict each other the file is refused, since either reading would be a guess.
#pragma once

#include "base/json_value.h"
#include "model/config.h"

namespace trinity::model {

/// Reads `rope`, and the positions that a scaling allows; `max_position_embeddings` has been read.
/// Errors: `unsupported_config`, `invalid_config`.
Status read_rope(const Json& config, ModelConfig& out);

}  // namespace trinity::model
