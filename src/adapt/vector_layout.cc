#include "adapt/vector_layout.h"

#include "adapt/tensor_naming.h"
#include "base/try.h"

namespace trinity::adapt {
namespace {

constexpr int64_t kHidden = 1024;
constexpr const char* kSources[] = {kEmbeddingName,
                                    "model.layers.26.self_attn.q_proj.weight",
                                    "model.layers.26.self_attn.k_proj.weight",
                                    "model.layers.26.self_attn.v_proj.weight",
                                    "model.layers.26.self_attn.o_proj.weight",
                                    "model.layers.26.mlp.gate_proj.weight",
                                    "model.layers.26.mlp.up_proj.weight",
                                    "model.layers.26.mlp.down_proj.weight",
                                    kLmHeadName};

}  // namespace

VectorLayout released_layout() {
  VectorLayout layout;
  layout.hidden = kHidden;
  for (const char* source : kSources) {
    const int64_t start = layout.scale_count();
    layout.blocks.push_back({source, bundle_path(source).value_or(source), start, start + kHidden});
  }
  return layout;
}

VectorLayout layout_of(const Selection& selection, int64_t hidden) {
  VectorLayout layout;
  layout.hidden = hidden;
  for (const SelectedTensor& tensor : selection.tensors)
    layout.blocks.push_back(
        {tensor.source_name, tensor.path, tensor.offset_start, tensor.offset_end});
  return layout;
}

Result<VectorLayout> layout_of_model(const std::filesystem::path& folder,
                                     std::span<const int64_t> layers) {
  if (folder.empty()) return released_layout();
  TRINITY_TRY(const Checkpoint checkpoint, Checkpoint::open(folder));
  TRINITY_TRY(const model::ModelConfig config, model::load_model_config(folder));
  TRINITY_TRY(const Selection selection, select_tensors(checkpoint, config, layers));
  return layout_of(selection, config.hidden_size);
}

}  // namespace trinity::adapt
