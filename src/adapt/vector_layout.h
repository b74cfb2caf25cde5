// Which numbers of a router vector belong to which matrix, and which form the head.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "adapt/selection.h"

namespace trinity::adapt {

struct VectorBlock {
  std::string source_name;  // PyTorch name of the matrix
  std::string path;         // its bundle path
  int64_t start = 0;        // span in the vector, half-open
  int64_t end = 0;
};

struct VectorLayout {
  std::vector<VectorBlock> blocks;  // offsets, in order
  int64_t hidden = 0;               // width of a head row
  int64_t scale_count() const { return blocks.empty() ? 0 : blocks.back().end; }
};

/// Of the released vector: Qwen3-0.6B, layer 26, nine matrices of 1024 singular values.
VectorLayout released_layout();

/// Of a selection of a model's matrices.
VectorLayout layout_of(const Selection& selection, int64_t hidden);

/// Of the model in a folder, with these layers adapted; without a folder that of the released
/// vector. Errors: those of the configuration, the checkpoint and `select_tensors`.
Result<VectorLayout> layout_of_model(const std::filesystem::path& folder,
                                     std::span<const int64_t> layers);

}  // namespace trinity::adapt
