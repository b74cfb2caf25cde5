// The Qwen3 forward pass, written once in the operations of backend/backend.h. A lane that offers a
// pass of its own (backend/whole_pass.h) is asked first.
//
// Rows of several sequences are concatenated and computed together, cut into chunks of bounded
// size; each layer walks over the chunks in order, so working memory does not grow with the input
// beyond one residual row a token. Attention is causal inside a sequence and never crosses
// sequences.
//
// What is skipped unless `full` is set (exact, because attention is causal and only one row is
// read): queries, output projection and MLP of the last layer for all rows but each sequence's
// last, and the final norm of all rows but that one.
#pragma once

#include <span>
#include <vector>

#include "backend/backend.h"
#include "model/config.h"
#include "model/weights.h"

namespace trinity::model {

/// Tokens to compute for one sequence. `kv` holds the `cached` tokens before them in every layer
/// and gets the new ones; without it, keys and values live only as long as their layer is computed.
struct SequenceInput {
  std::span<const int32_t> new_ids;
  int64_t cached = 0;
  backend::KvCache* kv = nullptr;
};

struct ForwardOptions {
  bool full = false;           // no skipping
  bool all_positions = false;  // return every row instead of the last
  int64_t chunk_rows = 1024;   // rows computed at once
  /// The lane's own pass over all layers, asked first unless `full`; null = operations only.
  backend::PreparedPass* whole = nullptr;
};

/// Final hidden states after the last norm: for each sequence [rows · hidden] f32 with rows = 1, or
/// the number of new tokens with `all_positions`. Errors: those of the backend,
/// `token_out_of_range`, `overflowing_hidden` (values too large for f32 were normed to zero).
Result<std::vector<std::vector<float>>> forward(backend::Backend& backend,
                                                const ModelConfig& config,
                                                const ModelWeights& weights,
                                                std::span<const SequenceInput> sequences,
                                                const ForwardOptions& options);

}  // namespace trinity::model
