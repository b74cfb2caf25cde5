// Two names and two orientations of one weight.
//
// A checkpoint calls a matrix by its PyTorch name and stores it [out, in]; an adapted bundle calls
// it by a dotted path ("decoder.blocks.26.ffn.gate.kernel") and stores dense kernels [in, out],
// embedding and LM head [vocab, hidden]. The square key and value projections look the same either
// way, so only the name tells that they are transposed.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::adapt {

inline constexpr const char* kEmbeddingName = "model.embed_tokens.weight";
inline constexpr const char* kLmHeadName = "lm_head.weight";
inline constexpr const char* kEmbeddingPath = "embedder.token_embedding.kernel";
inline constexpr const char* kLmHeadPath = "language_modeling_head.output.kernel";

/// The bundle path of a matrix of a Qwen3 checkpoint; nothing for other names.
std::optional<std::string> bundle_path(std::string_view source_name);

/// The inverse.
std::optional<std::string> source_name(std::string_view bundle_path);

/// The block index in a source name ("model.layers.26.…") or a bundle path ("decoder.blocks.26.…").
std::optional<int64_t> block_index(std::string_view name);

/// Whether `a` stands before `b` in canonical order: embedding, blocks by number with q, k, v, o,
/// gate, up, down, LM head, everything else by name.
bool canonical_before(std::string_view path_a, std::string_view path_b);

using MatrixShape = std::vector<int64_t>;

/// The shape in a bundle of a matrix whose checkpoint shape is `source_shape`.
MatrixShape bundle_shape(std::string_view source_name, const MatrixShape& source_shape);

/// Whether a matrix in checkpoint orientation must be transposed to become the bundle's `target`:
/// layer kernels always when the transposed shape fits, square ones too. Error
/// `orientation_mismatch` when neither shape fits.
Result<bool> transposed_in_bundle(std::string_view source_name, std::string_view path,
                                  const MatrixShape& source_shape, const MatrixShape& target);

/// The way back: whether a bundle's matrix must be transposed to fit the checkpoint's `target`.
/// Error: `shape_mismatch`.
Result<bool> transposed_in_checkpoint(std::string_view source_name, const MatrixShape& stored_shape,
                                      const MatrixShape& target);

/// A path as a bundle's `segments`: the layer's dotted name, then the parameter. The model that
/// bundles are patched into is a map of layers, whose names contain dots, of maps of parameters.
std::vector<std::string> path_segments(std::string_view path);

}  // namespace trinity::adapt
