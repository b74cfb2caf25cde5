#include "model/weights.h"

#include <fmt/format.h>

#include <set>

#include "base/try.h"
#include "base/utf8.h"

namespace trinity::model {
namespace {

/// Weights of norms, and of products that a norm follows, stay below: the sum of squares of what
/// they give then fits f32. Larger ones elsewhere overflow in sight of forward().
constexpr const char* kEmbeddingTensor = "model.embed_tokens.weight";
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

  Result<backend::Weight> norm(backend::Backend& backend, const std::string& name,
                               int64_t size) const {
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

  Result<backend::Weight> linear(backend::Backend& backend, const std::vector<Part>& parts,
                                 int64_t in) const {
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

/// Prepares weights into their places: all of them, or those that hold one of the wanted tensors.
class Preparation {
 public:
  /// `wanted` null = all.
  Preparation(backend::Backend& backend, const TensorSource& source, const ModelConfig& config,
              std::set<std::string>* wanted)
      : backend_(backend), source_(source), raw_(source), config_(config), wanted_(wanted) {}

  Status run(ModelWeights& weights) {
    TRINITY_CHECK(embedding(weights.embedding));
    const auto layers = static_cast<size_t>(config_.num_hidden_layers);
    weights.layers.resize(layers);
    for (size_t l = 0; l < layers; ++l) TRINITY_CHECK(layer(l, weights.layers[l]));
    return norm(weights.final_norm, "model.norm.weight", config_.hidden_size);
  }

 private:
  using Part = CheckedSource::Part;

  /// Whether a weight of these tensors is to be prepared; what was wanted is crossed out.
  bool takes(std::span<const Part> parts) {
    if (wanted_ == nullptr) return true;
    size_t found = 0;
    for (const Part& part : parts) found += wanted_->erase(part.name);
    return found > 0;
  }

  Status embedding(std::shared_ptr<const EmbeddingRows>& place) {
    const Part table{kEmbeddingTensor, config_.vocab_size};
    if (!takes({&table, 1})) return {};
    TRINITY_TRY(const TensorView view,
                source_.get(table.name, {config_.vocab_size, config_.hidden_size}));
    place = raw_.embedding_rows();
    if (place == nullptr) place = std::make_shared<TableRows>(view);
    return {};
  }

  Status norm(backend::Weight& place, const std::string& name, int64_t size) {
    const Part part{name, size};
    if (!takes({&part, 1})) return {};
    TRINITY_TRY(place, source_.norm(backend_, name, size));
    return {};
  }

  Status linear(backend::Weight& place, const std::vector<Part>& parts, int64_t in) {
    if (!takes(parts)) return {};
    TRINITY_TRY(place, source_.linear(backend_, parts, in));
    return {};
  }

  Status layer(size_t index, backend::LayerWeights& w) {
    const std::string base = fmt::format("model.layers.{}.", index);
    const std::string attention = base + "self_attn.", mlp = base + "mlp.";
    const int64_t hidden = config_.hidden_size, ffn = config_.intermediate_size;
    TRINITY_CHECK(norm(w.input_norm, base + "input_layernorm.weight", hidden));
    TRINITY_CHECK(norm(w.post_attention_norm, base + "post_attention_layernorm.weight", hidden));
    TRINITY_CHECK(norm(w.q_norm, attention + "q_norm.weight", config_.head_dim));
    TRINITY_CHECK(norm(w.k_norm, attention + "k_norm.weight", config_.head_dim));

    const Part q{attention + "q_proj.weight", config_.attention_width(), true};
    const Part k{attention + "k_proj.weight", config_.kv_width(), true};
    const Part v{attention + "v_proj.weight", config_.kv_width()};
    if (index + 1 == static_cast<size_t>(config_.num_hidden_layers)) {
      TRINITY_CHECK(linear(w.q, {q}, hidden));
      TRINITY_CHECK(linear(w.kv, {k, v}, hidden));
    } else {
      TRINITY_CHECK(linear(w.qkv, {q, k, v}, hidden));
    }
    TRINITY_CHECK(linear(w.o, {{attention + "o_proj.weight", hidden}}, config_.attention_width()));
    TRINITY_CHECK(linear(w.gate_up,
                         {{mlp + "gate_proj.weight", ffn}, {mlp + "up_proj.weight", ffn}}, hidden));
    return linear(w.down, {{mlp + "down_proj.weight", hidden}}, ffn);
  }

  backend::Backend& backend_;
  const CheckedSource source_;
  const TensorSource& raw_;
  const ModelConfig& config_;
  std::set<std::string>* wanted_;
};

}  // namespace

Result<ModelWeights> prepare_weights(backend::Backend& backend, const TensorSource& source,
                                     const ModelConfig& config) {
  ModelWeights weights;
  TRINITY_CHECK(Preparation(backend, source, config, nullptr).run(weights));
  return weights;
}

Result<ModelWeights> replace_weights(backend::Backend& backend, const ModelWeights& weights,
                                     std::span<const std::string> names, const TensorSource& source,
                                     const ModelConfig& config) {
  ModelWeights replaced = weights;
  std::set<std::string> wanted(names.begin(), names.end());
  TRINITY_CHECK(Preparation(backend, source, config, &wanted).run(replaced));
  if (!wanted.empty())
    return fail(ErrorKind::usage, "unknown_tensor",
                "the forward pass of this model reads no tensor " + excerpt(*wanted.begin()) +
                    "; leave it out");
  return replaced;
}

backend::LayerStack layer_stack(const ModelWeights& weights, const ModelConfig& config) {
  backend::LayerStack stack;
  stack.layers = weights.layers;
  stack.final_norm = weights.final_norm;
  stack.hidden_size = config.hidden_size;
  stack.intermediate_size = config.intermediate_size;
  stack.shape = {config.num_attention_heads, config.num_key_value_heads, config.head_dim};
  stack.rms_norm_eps = config.rms_norm_eps;
  stack.rope = config.rope;
  return stack;
}

}  // namespace trinity::model
