#include "model/unread_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <string_view>

#include "base/utf8.h"

namespace trinity::model {
namespace {

constexpr std::string_view kLayers = "model.layers.";

constexpr std::string_view kOfALayer[] = {
    "input_layernorm.weight",  "post_attention_layernorm.weight",
    "self_attn.q_norm.weight", "self_attn.k_norm.weight",
    "self_attn.q_proj.weight", "self_attn.k_proj.weight",
    "self_attn.v_proj.weight", "self_attn.o_proj.weight",
    "mlp.gate_proj.weight",    "mlp.up_proj.weight",
    "mlp.down_proj.weight"};

/// Number and remaining name of a layer's tensor.
struct LayerTensor {
  std::int64_t layer = 0;
  std::string_view part;
};

std::optional<LayerTensor> layer_tensor(std::string_view name) {
  if (!name.starts_with(kLayers)) return std::nullopt;
  name.remove_prefix(kLayers.size());
  LayerTensor out;
  const char* const end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data(), end, out.layer);
  if (error != std::errc() || at == end || *at != '.') return std::nullopt;
  out.part = name.substr(static_cast<std::size_t>(at + 1 - name.data()));
  return out;
}

bool is_read(std::string_view name, const std::optional<LayerTensor>& of_layer) {
  if (of_layer)
    return std::find(std::begin(kOfALayer), std::end(kOfALayer), of_layer->part) !=
           std::end(kOfALayer);
  return name == "model.embed_tokens.weight" || name == "model.norm.weight";
}

}  // namespace

std::vector<std::string> notes_on_unread_tensors(std::span<const std::string> names,
                                                 const ModelConfig& config) {
  std::int64_t last_layer = -1;
  std::size_t unknown = 0;
  std::string_view first_unknown;
  for (const std::string& name : names) {
    const auto of_layer = layer_tensor(name);
    if (of_layer && of_layer->layer >= config.num_hidden_layers) {
      last_layer = std::max(last_layer, of_layer->layer);
    } else if (name.starts_with("model.") && !name.ends_with("rotary_emb.inv_freq") &&
               !is_read(name, of_layer)) {
      if (unknown++ == 0) first_unknown = name;
    }
  }
  std::vector<std::string> notes;
  if (last_layer >= 0)
    notes.push_back(
        fmt::format("config.json sets num_hidden_layers to {}, but the weights hold layers up to "
                    "number {}, counted from 0; those behind are not computed",
                    config.num_hidden_layers, last_layer));
  if (unknown > 0)
    notes.push_back(fmt::format(
        "{} of the weights {} not read, because a Qwen3 model has none such ({}{}); "
        "they may belong to another kind of model, or be quantised",
        unknown == 1 ? "a tensor" : fmt::format("{} tensors", unknown), unknown == 1 ? "is" : "are",
        unknown == 1 ? "" : "the first: ", excerpt(first_unknown)));
  return notes;
}

}  // namespace trinity::model
