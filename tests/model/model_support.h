// Models for the tests of this folder: oracle checkpoints on any lane, random models in memory.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "backend/held_to.h"
#include "backend/op_inputs.h"
#include "backend_registry/registry.h"
#include "model/checkpoint_source.h"
#include "model/config.h"
#include "model/feature_extractor.h"
#include "tensor/checkpoint.h"

/// Skips the test, loudly, where a lane cannot run.
#define TRINITY_REQUIRE_LANE(id)                                              \
  do {                                                                        \
    const auto required_lane = ::trinity::backend::create_backend(id, {1});   \
    if (!required_lane && required_lane.error().tag == "backend_unavailable") \
      GTEST_SKIP() << "SKIPPED: " << required_lane.error().message;           \
    ASSERT_TRUE(required_lane) << required_lane.error().message;              \
  } while (false)

namespace trinity::testing {

using Ids = std::vector<int32_t>;

/// The names of all lanes, for parameterised tests.
inline std::vector<std::string> lane_names() {
  std::vector<std::string> ids;
  for (const backend::BackendEntry& entry : backend::backend_registry()) ids.push_back(entry.id);
  return ids;
}

/// Tensors in memory, by name. Remembers what was asked for.
class MemorySource final : public model::TensorSource {
 public:
  void put(const std::string& name, prove::HostMatrix tensor) {
    tensors_.insert_or_assign(name, std::make_shared<prove::HostMatrix>(std::move(tensor)));
    views_.erase(name);
  }
  /// A view with any dtype and shape over bytes that the caller keeps.
  void put_view(const std::string& name, const TensorView& view) { views_[name] = view; }
  void remove(const std::string& name) {
    tensors_.erase(name);
    views_.erase(name);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, tensor] : tensors_) all.push_back(name);
    return all;
  }
  const prove::HostMatrix& at(const std::string& name) const { return *tensors_.at(name); }
  const std::set<std::string>& requested() const { return requested_; }
  const std::set<std::string>& released() const { return released_; }
  void release(const std::string& name) const override { released_.insert(name); }

  Result<TensorView> tensor(const std::string& name) const override {
    requested_.insert(name);
    if (const auto view = views_.find(name); view != views_.end()) return view->second;
    if (const auto found = tensors_.find(name); found != tensors_.end())
      return found->second->view();
    return fail(ErrorKind::invalid_input, "missing_tensor", "there is no tensor " + name);
  }

 private:
  std::map<std::string, std::shared_ptr<prove::HostMatrix>> tensors_;
  std::map<std::string, TensorView> views_;
  mutable std::set<std::string> requested_, released_;
};

/// A shape with odd widths, shared key/value heads and heads · head_dim ≠ hidden.
inline model::ModelConfig small_shape() {
  model::ModelConfig config;
  config.hidden_size = 24;
  config.intermediate_size = 37;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 10;
  config.vocab_size = 50;
  config.max_position_embeddings = 200;
  config.rms_norm_eps = 1e-6f;
  config.rope = 1e6;
  config.tie_word_embeddings = true;
  return config;
}

/// Random weights of a shape, order-one activations.
inline MemorySource random_weights(const model::ModelConfig& c, uint64_t seed,
                                   DType dtype = DType::bf16) {
  prove::InputStream inputs(seed);
  MemorySource source;
  const auto matrix = [&](const std::string& name, int64_t out, int64_t in) {
    source.put(name, prove::HostMatrix(
                         {out, in}, inputs.normal(out * in, 1 / std::sqrt(static_cast<float>(in))),
                         dtype));
  };
  const auto norm = [&](const std::string& name, int64_t size) {
    source.put(name, prove::HostMatrix({size}, inputs.normal(size, 0.2f, 1.2f), dtype));
  };
  source.put("model.embed_tokens.weight",
             prove::HostMatrix({c.vocab_size, c.hidden_size},
                               inputs.normal(c.vocab_size * c.hidden_size), dtype));
  norm("model.norm.weight", c.hidden_size);
  for (int64_t l = 0; l < c.num_hidden_layers; ++l) {
    const std::string base = "model.layers." + std::to_string(l) + ".";
    norm(base + "input_layernorm.weight", c.hidden_size);
    norm(base + "post_attention_layernorm.weight", c.hidden_size);
    norm(base + "self_attn.q_norm.weight", c.head_dim);
    norm(base + "self_attn.k_norm.weight", c.head_dim);
    matrix(base + "self_attn.q_proj.weight", c.attention_width(), c.hidden_size);
    matrix(base + "self_attn.k_proj.weight", c.kv_width(), c.hidden_size);
    matrix(base + "self_attn.v_proj.weight", c.kv_width(), c.hidden_size);
    matrix(base + "self_attn.o_proj.weight", c.hidden_size, c.attention_width());
    matrix(base + "mlp.gate_proj.weight", c.intermediate_size, c.hidden_size);
    matrix(base + "mlp.up_proj.weight", c.intermediate_size, c.hidden_size);
    matrix(base + "mlp.down_proj.weight", c.hidden_size, c.intermediate_size);
  }
  return source;
}

/// A model on a lane; whatever it reads stays alive with it.
struct LoadedModel {
  std::unique_ptr<Checkpoint> checkpoint;  // null for models in memory
  std::unique_ptr<model::CheckpointSource> source;
  model::ModelConfig config;
  std::unique_ptr<backend::Backend> backend;
  std::unique_ptr<model::FeatureExtractor> extractor;

  model::HiddenStates extract(const Ids& ids, const model::ExtractMode& mode = {}) {
    return take(std::move(extractor->extract({&ids, 1}, mode).front()));
  }
  std::vector<float> hidden(const Ids& ids, const model::ExtractMode& mode = {}) {
    return extract(ids, mode).values;
  }
};

inline LoadedModel load_folder(const std::filesystem::path& folder, const std::string& lane,
                               const model::ExtractorOptions& options = {}, int threads = 1) {
  LoadedModel model;
  model.checkpoint = std::make_unique<Checkpoint>(take(Checkpoint::open(folder)));
  model.source = std::make_unique<model::CheckpointSource>(*model.checkpoint);
  model.config = take(model::load_model_config(folder));
  model.backend = take(backend::create_backend(lane, {threads}));
  model.extractor =
      take(model::FeatureExtractor::create(*model.backend, *model.source, model.config, options));
  return model;
}

/// `source` must outlive the model.
inline LoadedModel load_memory(const MemorySource& source, const model::ModelConfig& config,
                               const std::string& lane, const model::ExtractorOptions& options = {},
                               int threads = 1) {
  LoadedModel model;
  model.config = config;
  model.backend = take(backend::create_backend(lane, {threads}));
  model.extractor = take(model::FeatureExtractor::create(*model.backend, source, config, options));
  return model;
}

inline constexpr model::ExtractMode kFull{true, false, false};
inline constexpr model::ExtractMode kAllPositions{false, true, false};
inline constexpr model::ExtractMode kUncached{false, false, false};
inline constexpr model::ExtractMode kCached{false, false, true};

inline double cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * double{b[i]};
    aa += double{a[i]} * double{a[i]};
    bb += double{b[i]} * double{b[i]};
  }
  return dot / std::sqrt(aa * bb);
}

template <typename Value>
std::string tag_of(const Result<Value>& result) {
  return result ? "no error" : result.error().tag;
}

}  // namespace trinity::testing
