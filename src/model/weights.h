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
#include "model/embedding.h"

namespace trinity::model {

struct ModelWeights {
  std::shared_ptr<const EmbeddingRows> embedding;
  backend::Weight final_norm;
  std::vector<backend::LayerWeights> layers;
};

/// Where a tensor comes from: a checkpoint, memory, or a checkpoint with replacements.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  /// Error `missing_tensor`.
  virtual Result<TensorView> tensor(const std::string& name) const = 0;
  /// Computed rows instead of those of the embedding tensor; null = those of the tensor.
  virtual std::shared_ptr<const EmbeddingRows> embedding_rows() const { return nullptr; }
  /// The caller has finished reading this tensor; its pages may be dropped.
  virtual void release(const std::string& /*name*/) const {}
};

/// Checks every shape and dtype against the config, then packs. Errors: `missing_tensor`,
/// `tensor_shape_mismatch`, `unsupported_dtype`, `non_finite_values`, `overflowing_values` (of
/// norms and of what they follow). F64 is rounded to f32 once, for every lane.
Result<ModelWeights> prepare_weights(backend::Backend& backend, const TensorSource& source,
                                     const ModelConfig& config);

/// The same weights with the named tensors prepared again from `source`, stacked ones together with
/// what they are stacked with. Everything else is shared with `weights`, which stay as they are.
/// Errors: those of prepare_weights, `unknown_tensor` (usage: the forward pass reads no such one).
Result<ModelWeights> replace_weights(backend::Backend& backend, const ModelWeights& weights,
                                     std::span<const std::string> names, const TensorSource& source,
                                     const ModelConfig& config);

/// What a whole pass is prepared from.
backend::LayerStack layer_stack(const ModelWeights& weights, const ModelConfig& config);

}  // namespace trinity::model
