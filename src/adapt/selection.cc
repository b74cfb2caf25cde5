#include "adapt/selection.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"

namespace trinity::adapt {
namespace {

bool decomposable(const MatrixShape& shape) {
  return shape.size() > 1 &&
         std::all_of(shape.begin(), shape.end(), [](int64_t d) { return d > 1; });
}

Result<SelectedTensor> describe(const TensorInfo& info, std::string source, std::string path) {
  if (!info.dtype || (*info.dtype != DType::bf16 && *info.dtype != DType::f16 &&
                      *info.dtype != DType::f32 && *info.dtype != DType::f64))
    return fail(ErrorKind::unsupported, "unsupported_dtype",
                fmt::format("tensor {} is {}; only BF16, F16, F32 and F64 weights can be adapted",
                            info.name, info.dtype_name));
  SelectedTensor tensor;
  tensor.path = std::move(path);
  tensor.source_name = std::move(source);
  tensor.stored_name = info.name;
  tensor.source_shape = info.shape;
  tensor.target_shape = bundle_shape(tensor.source_name, info.shape);
  tensor.dtype = *info.dtype;
  return tensor;
}

}  // namespace

const SelectedTensor* Selection::find(std::string_view path) const {
  for (const SelectedTensor& tensor : tensors)
    if (tensor.path == path) return &tensor;
  return nullptr;
}

Result<Selection> select_tensors(const Checkpoint& checkpoint, std::span<const int64_t> layers,
                                 bool tied) {
  Selection selection;
  selection.layers.assign(layers.begin(), layers.end());
  selection.tied = tied;
  std::vector<int64_t> found;
  for (const std::string& name : checkpoint.names()) {
    if (tied && name == kLmHeadName) continue;  // a copy that a tied model does not use
    const auto path = bundle_path(name);
    const TensorInfo* info = checkpoint.find(name);
    if (!path || !decomposable(info->shape)) continue;
    if (const auto layer = block_index(name); layer && !layers.empty()) {
      if (std::find(layers.begin(), layers.end(), *layer) == layers.end()) continue;
      found.push_back(*layer);
    }
    TRINITY_TRY(selection.tensors.emplace_back(), describe(*info, name, *path));
  }
  for (const int64_t layer : layers)
    if (std::find(found.begin(), found.end(), layer) == found.end())
      return fail(
          ErrorKind::usage, "invalid_layers",
          fmt::format("the model has no layer {} to adapt; layers are counted from 0", layer));
  if (const TensorInfo* embedding = checkpoint.find(kEmbeddingName);
      tied && embedding != nullptr && decomposable(embedding->shape)) {
    TRINITY_TRY(selection.tensors.emplace_back(), describe(*embedding, kLmHeadName, kLmHeadPath));
  }
  if (selection.tensors.empty())
    return fail(ErrorKind::invalid_input, "no_selected_tensors",
                fmt::format("{} holds no matrix that can be adapted; a Qwen3 checkpoint is needed",
                            checkpoint.folder().string()));
  std::stable_sort(selection.tensors.begin(), selection.tensors.end(),
                   [](const SelectedTensor& a, const SelectedTensor& b) {
                     return canonical_before(a.path, b.path);
                   });
  int64_t offset = 0, index = 0;
  for (SelectedTensor& tensor : selection.tensors) {
    tensor.index = ++index;
    tensor.offset_start = offset;
    offset += *std::min_element(tensor.source_shape.begin(), tensor.source_shape.end());
    tensor.offset_end = offset;
  }
  return selection;
}

Result<Selection> select_tensors(const Checkpoint& checkpoint, const model::ModelConfig& config,
                                 std::span<const int64_t> layers) {
  return select_tensors(checkpoint, layers,
                        config.tie_word_embeddings || !checkpoint.has(kLmHeadName));
}

}  // namespace trinity::adapt
