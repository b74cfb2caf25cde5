#include "model/weights.h"

#include <fmt/format.h>

#include "base/try.h"

namespace trinity {
namespace {

/// Fetches tensors of one model and checks them on the way.
class CheckedSource {
 public:
  explicit CheckedSource(const TensorSource& source) : source_(source) {}

  Result<TensorView> get(const std::string& name, std::vector<int64_t> shape) const {
    TRINITY_TRY(TensorView view, source_.tensor(name));
    if (view.shape != shape)
      return fail(ErrorKind::invalid_input, "tensor_shape_mismatch",
                  fmt::format("tensor {} has shape {}, but config.json asks for {}", name,
                              shape_text(view.shape), shape_text(shape)));
    if (view.dtype != DType::bf16 && view.dtype != DType::f16 && view.dtype != DType::f32)
      return fail(ErrorKind::unsupported, "unsupported_dtype",
                  fmt::format("tensor {} is {}; weights must be BF16, F16 or F32", name,
                              dtype_name(view.dtype)));
    return view;
  }

  Result<Weight> norm(Backend& backend, const std::string& name, int64_t size) const {
    TRINITY_TRY(const TensorView view, get(name, {size}));
    TRINITY_CHECK(require_finite(view, name));
    return backend.prepare_norm(view);
  }

  struct Part {
    std::string name;
    int64_t out;
  };

  Result<Weight> linear(Backend& backend, const std::vector<Part>& parts, int64_t in) const {
    std::vector<TensorView> views;
    for (const Part& part : parts) {
      TRINITY_TRY(views.emplace_back(), get(part.name, {part.out, in}));
    }
    auto weight = backend.prepare_linear(views);
    if (!weight) return fail_in(parts.front().name, std::move(weight.error()));
    for (const Part& part : parts) source_.release(part.name);
    return weight;
  }

 private:
  const TensorSource& source_;
};

Result<LayerWeights> prepare_layer(Backend& backend, const CheckedSource& source,
                                   const ModelConfig& config, int64_t index) {
  const std::string base = fmt::format("model.layers.{}.", index);
  const std::string attention = base + "self_attn.", mlp = base + "mlp.";
  const int64_t hidden = config.hidden_size;
  LayerWeights w;
  TRINITY_TRY(w.input_norm, source.norm(backend, base + "input_layernorm.weight", hidden));
  TRINITY_TRY(w.post_attention_norm,
              source.norm(backend, base + "post_attention_layernorm.weight", hidden));
  TRINITY_TRY(w.q_norm, source.norm(backend, attention + "q_norm.weight", config.head_dim));
  TRINITY_TRY(w.k_norm, source.norm(backend, attention + "k_norm.weight", config.head_dim));

  const CheckedSource::Part q{attention + "q_proj.weight", config.attention_width()};
  const CheckedSource::Part k{attention + "k_proj.weight", config.kv_width()};
  const CheckedSource::Part v{attention + "v_proj.weight", config.kv_width()};
  if (index + 1 == config.num_hidden_layers) {
    TRINITY_TRY(w.q, source.linear(backend, {q}, hidden));
    TRINITY_TRY(w.kv, source.linear(backend, {k, v}, hidden));
  } else {
    TRINITY_TRY(w.qkv, source.linear(backend, {q, k, v}, hidden));
  }
  TRINITY_TRY(w.o, source.linear(backend, {{attention + "o_proj.weight", hidden}},
                                 config.attention_width()));
  TRINITY_TRY(w.gate_up, source.linear(backend,
                                       {{mlp + "gate_proj.weight", config.intermediate_size},
                                        {mlp + "up_proj.weight", config.intermediate_size}},
                                       hidden));
  TRINITY_TRY(w.down, source.linear(backend, {{mlp + "down_proj.weight", hidden}},
                                    config.intermediate_size));
  return w;
}

}  // namespace

Result<ModelWeights> prepare_weights(Backend& backend, const TensorSource& source,
                                     const ModelConfig& config) {
  const CheckedSource checked(source);
  ModelWeights weights;
  TRINITY_TRY(const TensorView table,
              checked.get("model.embed_tokens.weight", {config.vocab_size, config.hidden_size}));
  weights.embedding_rows = source.embedding_rows();
  if (weights.embedding_rows == nullptr) {
    TRINITY_TRY(weights.embedding, backend.prepare_embedding(table));
  }
  for (int64_t l = 0; l < config.num_hidden_layers; ++l) {
    TRINITY_TRY(weights.layers.emplace_back(), prepare_layer(backend, checked, config, l));
  }
  TRINITY_TRY(weights.final_norm, checked.norm(backend, "model.norm.weight", config.hidden_size));
  return weights;
}

}  // namespace trinity
