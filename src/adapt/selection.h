// Which matrices of a model are adapted, in which order, and which offsets belong to each.
//
// A matrix takes part when both dimensions are above one and its layer is listed; matrices outside
// the layers (embedding, LM head) always do. Offsets are consumed in canonical order, min(shape)
// for each. A tied model has one tensor for embedding and LM head; it appears twice, with two
// spans.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "adapt/tensor_naming.h"
#include "model/config.h"
#include "tensor/checkpoint.h"
#include "tensor/dtype.h"

namespace trinity::adapt {

struct SelectedTensor {
  int64_t index = 0;        // 1-based place in canonical order
  std::string path;         // bundle path
  std::string source_name;  // PyTorch name
  std::string stored_name;  // the checkpoint tensor that holds it: the embedding for a tied LM head
  MatrixShape source_shape;  // as in the checkpoint
  MatrixShape target_shape;  // as in a bundle
  DType dtype = DType::bf16;
  int64_t offset_start = 0;  // span in the offsets, half-open
  int64_t offset_end = 0;
  int64_t singular_values() const { return offset_end - offset_start; }
};

struct Selection {
  std::vector<SelectedTensor> tensors;
  std::vector<int64_t> layers;  // as asked for; empty = all
  bool tied = false;            // one tensor for embedding and LM head
  int64_t scale_count() const { return tensors.empty() ? 0 : tensors.back().offset_end; }
  const SelectedTensor* find(std::string_view path) const;
};

/// `layers` empty selects every layer. `tied` says that the model has no LM head of its own.
/// Errors: `no_selected_tensors`, `invalid_layers` (a listed layer that the checkpoint lacks),
/// `unsupported_dtype`.
Result<Selection> select_tensors(const Checkpoint& checkpoint, std::span<const int64_t> layers,
                                 bool tied);

/// The same for a model: tied as its configuration says, or because its checkpoint has no LM head
/// of its own.
Result<Selection> select_tensors(const Checkpoint& checkpoint, const model::ModelConfig& config,
                                 std::span<const int64_t> layers);

}  // namespace trinity::adapt
