// The tensors of a Qwen3 checkpoint, prepared on a backend under the names of the forward pass.
//
// Matrices that share an input are stacked so that a backend can multiply them at once: q, k, v and
// gate, up. The last layer keeps q apart from k, v because only one row of its queries is needed.
// The LM head is never read.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "model/config.h"

namespace trinity {

struct LayerWeights {
  Weight input_norm, post_attention_norm, q_norm, k_norm;
  Weight qkv;    // stacked; empty in the last layer
  Weight q, kv;  // the last layer's
  Weight o, gate_up, down;
};

/// An embedding whose rows are computed when they are asked for, on the thread of the backend.
class EmbeddingRows {
 public:
  virtual ~EmbeddingRows() = default;
  virtual int64_t vocab_size() const = 0;
  /// Rows of the ids as f32 [ids.size(), hidden]. Error `token_out_of_range`.
  virtual Status gather(std::span<const int32_t> ids, std::span<float> out) const = 0;
};

struct ModelWeights {
  Weight embedding;  // [vocab, hidden]; empty when rows are computed
  std::shared_ptr<const EmbeddingRows> embedding_rows;
  Weight final_norm;
  std::vector<LayerWeights> layers;
};

/// Where a tensor comes from: a checkpoint, memory, or a checkpoint with replacements.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  /// Error `missing_tensor`.
  virtual Result<TensorView> tensor(const std::string& name) const = 0;
  /// Computed rows instead of the embedding tensor; null = read the tensor.
  virtual std::shared_ptr<const EmbeddingRows> embedding_rows() const { return nullptr; }
  /// The caller has finished reading this tensor; its pages may be dropped.
  virtual void release(const std::string& /*name*/) const {}
};

/// Checks every shape and dtype against the config, then packs. Errors: `missing_tensor`,
/// `tensor_shape_mismatch`, `unsupported_dtype`, `non_finite_values`, `overflowing_values` (of
/// norms and of what they follow). F64 is rounded to f32 once, for every lane.
Result<ModelWeights> prepare_weights(Backend& backend, const TensorSource& source,
                                     const ModelConfig& config);

}  // namespace trinity
