// Optional: all layers of a model in one call.
//
// The operations of backend.h are the contract, and every lane has them. A lane that gains by
// seeing the layers together (one graph of a device instead of hundreds of calls) may offer this
// beside them. It is handed the stack of layers once, packs from it what it likes, and is then
// asked for whole passes; for any of them it may answer that it does not want it, and the caller
// computes by the operations. `trinity lab matrix` compares the two.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backend/attention_shape.h"
#include "backend/kv_cache.h"
#include "backend/rope.h"
#include "backend/tensor_handle.h"

namespace trinity::backend {

/// One decoder layer's prepared weights. Matrices that share an input are stacked.
struct LayerWeights {
  Weight input_norm, post_attention_norm, q_norm, k_norm;
  Weight qkv;    // stacked; empty in the last layer
  Weight q, kv;  // the last layer's
  Weight o, gate_up, down;
};

/// Everything between the embedded rows and the hidden states that are read. Copies share handles.
struct LayerStack {
  std::vector<LayerWeights> layers;
  Weight final_norm;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  AttentionShape shape;
  float rms_norm_eps = 0;
  Rope rope;
};

struct PassInput {
  std::span<const float> rows;  // embedded, [all rows, hidden_size], one sequence after another
  /// The rows of each sequence. With caches, `position_begin` tokens are in them in every layer and
  /// the new ones must be afterwards; without (all are null), sequences begin at position 0 and no
  /// keys and values need stay.
  std::span<const SequenceSlice> sequences;
  bool last_rows = true;  // only each sequence's last row is read, else all rows
};

/// The rows that are read, in order, before and after the final norm. The first are downloaded
/// only to tell overflow from zeros.
struct PassRows {
  Tensor hidden, normed;
};

/// One model, made ready. Dies before the backend.
class PreparedPass {
 public:
  virtual ~PreparedPass() = default;
  /// Nothing = not this input (then no cache has changed). A row's values must be within the lane's
  /// tolerances of what the operations give, and have the bits of the lane's promise.
  virtual Result<std::optional<PassRows>> run(const PassInput& input) = 0;
};

class WholePass {
 public:
  virtual ~WholePass() = default;
  /// Null = not a model for it.
  virtual Result<std::unique_ptr<PreparedPass>> prepare(const LayerStack& stack) = 0;
};

}  // namespace trinity::backend
