// What a checkpoint holds beside the weights that a config asks for.
//
// A config.json that names fewer layers than the weights have, and tensors that Qwen3 does not have
// (biases, scales of a quantised model), are no mistakes that reading could find: everything that
// is asked for is there. But the answers are then those of another model than the weights', so it
// is said, as transformers does.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/config.h"

namespace trinity::model {

/// A sentence for each kind of tensor among the canonical `names` that belongs to the embedding, a
/// layer or the last norm and is not read under this config; none where everything is. Tables of
/// angles (`rotary_emb.inv_freq`), which follow from the config, are passed over.
std::vector<std::string> notes_on_unread_tensors(std::span<const std::string> names,
                                                 const ModelConfig& config);

}  // namespace trinity::model
