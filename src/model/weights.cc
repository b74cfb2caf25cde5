#include "model/weights.h"

#include <fmt/format.h>

#include "base/try.h"

namespace trinity {
namespace {

/// Weights of norms, and of products that a norm follows, stay below: the sum of squares of what
/// they give then fits f32. Larger ones elsewhere overflow in sight of forward().
constexpr float kLargestWeight = 0x1p32f;

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
    if (view.dtype != DType::bf16 && view.dtype != DType::f16 && view.dtype != DType::f32 &&
        view.dtype != DType::f64)
      return fail(ErrorKind::unsupported, "unsupported_dtype",
                  fmt::format("tensor {} is {}; weights must be BF16, F16, F32 or F64", name,
                              dtype_name(view.dtype)));
    return view;
  }

  Result<Weight> norm(Backend& backend, const std::string& name, int64_t size) const {
    TRINITY_TRY(const TensorView view, get(name, {size}));
    TRINITY_CHECK(require_finite(view, name));
    TRINITY_CHECK(require_below(view, name, kLargestWeight));
    std::vector<float> rounded;
    TRINITY_TRY(const TensorView narrow, at_most_f32(view, rounded));
    return backend.prepare_norm(narrow);
  }

  struct Part {
    std::string name;
    int64_t out;
    bool normed = false;  // its product is normed, which would hide that it overflowed
  };

  Result<Weight> linear(Backend& backend, const std::vector<Part>& parts, int64_t in) const {
    std::vector<TensorView> views;
    std::vector<std::vector<float>> rounded(parts.size());
    for (size_t i = 0; i < parts.size(); ++i) {
      TRINITY_TRY(const TensorView view, get(parts[i].name, {parts[i].out, in}));
      if (parts[i].normed) {
        TRINITY_CHECK(require_finite(view, parts[i].name));
        TRINITY_CHECK(require_below(view, parts[i].name, kLargestWeight));
      }
      TRINITY_TRY(views.emplace_back(), at_most_f32(view, rounded[i]));
    }
    auto weight = backend.prepare_linear(views);
    if (!weight) {
      // A backend sees one stack; which of its matrices holds the NaN is looked up here.
      for (size_t i = 0; i < parts.size(); ++i)
        TRINITY_CHECK(require_finite(views[i], parts[i].name));
      return fail_in(parts.front().name, std::move(weight.error()));
    }
    for (const Part& part : parts) source_.release(part.name);
    return weight;
  }

 private:
  /// F64 rounded to F32 in `memory`, once and for every lane; other types as they are.
  static Result<TensorView> at_most_f32(const TensorView& view, std::vector<float>& memory) {
    if (view.dtype != DType::f64) return view;
    TRINITY_TRY(memory, to_f32(view));
    return TensorView{DType::f32, view.shape, std::as_bytes(std::span(memory))};
  }

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

  const CheckedSource::Part q{attention + "q_proj.weight", config.attention_width(), true};
  const CheckedSource::Part k{attention + "k_proj.weight", config.kv_width(), true};
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
