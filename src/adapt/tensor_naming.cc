#include "adapt/tensor_naming.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

#include "tensor/tensor.h"

namespace trinity::adapt {
namespace {

struct KernelName {
  std::string_view source;  // after "model.layers.<i>."
  std::string_view bundle;  // after "decoder.blocks.<i>."
};

/// In canonical order.
constexpr std::array<KernelName, 7> kKernels = {{
    {"self_attn.q_proj.weight", "self_attention.query.kernel"},
    {"self_attn.k_proj.weight", "self_attention.key.kernel"},
    {"self_attn.v_proj.weight", "self_attention.value.kernel"},
    {"self_attn.o_proj.weight", "self_attention.output.kernel"},
    {"mlp.gate_proj.weight", "ffn.gate.kernel"},
    {"mlp.up_proj.weight", "ffn.intermediate.kernel"},
    {"mlp.down_proj.weight", "ffn.output.kernel"},
}};

constexpr std::string_view kSourceLayers = "model.layers.";
constexpr std::string_view kBundleBlocks = "decoder.blocks.";

struct InBlock {
  int64_t index;
  std::string_view rest;
};

/// "<prefix><i>.<rest>".
std::optional<InBlock> in_block(std::string_view name, std::string_view prefix) {
  if (name.substr(0, prefix.size()) != prefix) return std::nullopt;
  name.remove_prefix(prefix.size());
  int64_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  const auto digits = static_cast<size_t>(end - name.data());
  if (error != std::errc() || index < 0 || digits >= name.size() || name[digits] != '.')
    return std::nullopt;
  return InBlock{index, name.substr(digits + 1)};
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

int sub_order(std::string_view path) {
  const bool attention = contains(path, ".self_attention.");
  if (contains(path, ".self_attention.query.")) return 0;
  if (contains(path, ".key.") && attention) return 1;
  if (contains(path, ".value.") && attention) return 2;
  if (contains(path, ".output.") && attention) return 3;
  if (contains(path, ".ffn.gate.")) return 4;
  if (contains(path, ".ffn.intermediate.")) return 5;
  if (contains(path, ".ffn.output.")) return 6;
  return 9;
}

std::tuple<int, int64_t, int, std::string_view> sort_key(std::string_view path) {
  if (path.substr(0, 9) == "embedder.") return {0, 0, 0, path};
  if (const auto block = in_block(path, kBundleBlocks))
    return {1, block->index, sub_order(path), path};
  if (path.substr(0, 23) == "language_modeling_head.") return {2, 0, 0, path};
  return {3, 0, 0, path};
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_transpose(const MatrixShape& a, const MatrixShape& b) {
  return a.size() == 2 && b.size() == 2 && a[0] == b[1] && a[1] == b[0];
}

}  // namespace

std::optional<std::string> bundle_path(std::string_view source_name) {
  if (source_name == kEmbeddingName) return kEmbeddingPath;
  if (source_name == kLmHeadName) return kLmHeadPath;
  if (const auto layer = in_block(source_name, kSourceLayers))
    for (const KernelName& kernel : kKernels)
      if (kernel.source == layer->rest)
        return fmt::format("{}{}.{}", kBundleBlocks, layer->index, kernel.bundle);
  return std::nullopt;
}

std::optional<std::string> source_name(std::string_view bundle_path) {
  if (bundle_path == kEmbeddingPath) return kEmbeddingName;
  if (bundle_path == kLmHeadPath) return kLmHeadName;
  if (const auto block = in_block(bundle_path, kBundleBlocks))
    for (const KernelName& kernel : kKernels)
      if (kernel.bundle == block->rest)
        return fmt::format("{}{}.{}", kSourceLayers, block->index, kernel.source);
  return std::nullopt;
}

std::optional<int64_t> block_index(std::string_view name) {
  if (const auto block = in_block(name, kSourceLayers)) return block->index;
  if (const auto block = in_block(name, kBundleBlocks)) return block->index;
  return std::nullopt;
}

bool canonical_before(std::string_view path_a, std::string_view path_b) {
  return sort_key(path_a) < sort_key(path_b);
}

MatrixShape bundle_shape(std::string_view source_name, const MatrixShape& source_shape) {
  if (in_block(source_name, kSourceLayers) && source_shape.size() == 2)
    return {source_shape[1], source_shape[0]};
  return source_shape;
}

Result<bool> transposed_in_bundle(std::string_view source_name, std::string_view path,
                                  const MatrixShape& source_shape, const MatrixShape& target) {
  const bool layer_kernel = source_name.substr(0, kSourceLayers.size()) == kSourceLayers &&
                            ends_with(source_name, ".weight") && ends_with(path, ".kernel");
  if (layer_kernel && is_transpose(source_shape, target)) return true;
  if (source_shape == target) return false;
  if (is_transpose(source_shape, target)) return true;
  return fail(ErrorKind::invalid_input, "orientation_mismatch",
              fmt::format("{} has shape {}, which fits {} {} neither as it is nor transposed",
                          source_name, shape_text(source_shape), path, shape_text(target)));
}

Result<bool> transposed_in_checkpoint(std::string_view source_name, const MatrixShape& stored_shape,
                                      const MatrixShape& target) {
  const bool layer = source_name.substr(0, kSourceLayers.size()) == kSourceLayers;
  if (layer && is_transpose(stored_shape, target)) return true;
  if (stored_shape == target) return false;
  if (is_transpose(stored_shape, target)) return true;
  return fail(ErrorKind::invalid_input, "shape_mismatch",
              fmt::format("shape mismatch: the bundle's {} has shape {}, but the model needs {}; "
                          "the bundle belongs to another model",
                          source_name, shape_text(stored_shape), shape_text(target)));
}

std::vector<std::string> path_segments(std::string_view path) {
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return {std::string(path)};
  return {std::string(path.substr(0, dot)), std::string(path.substr(dot + 1))};
}

}  // namespace trinity::adapt
