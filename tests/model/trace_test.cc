// Every intermediate tensor of a forward pass against recorded ones, operation by operation.
//
// The pass is retyped here in plain operations, one sequence, nothing fused and nothing skipped; so
// a wrong hidden state can be traced to the first operation that deviates.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "model/model_support.h"
#include "model/oracle_models.h"

namespace trinity::testing {
namespace {

/// Names as in the recorded file, without their "debug.f32." prefix.
using Trace = std::map<std::string, std::vector<float>>;

/// [tokens, heads · dim] → [heads, tokens, dim], the order of tensors after the rotation.
std::vector<float> heads_first(const std::vector<float>& values, int64_t tokens, int64_t heads,
                               int64_t dim) {
  std::vector<float> out;
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t d = 0; d < dim; ++d)
        out.push_back(values[static_cast<size_t>((t * heads + h) * dim + d)]);
  return out;
}

class ForwardTrace {
 public:
  ForwardTrace(backend::Backend& backend, const model::CheckpointSource& source,
               const model::ModelConfig& config, const Ids& ids)
      : backend_(backend), source_(source), config_(config), ids_(ids) {}

  Trace run() {
    const TensorView table = take(source_.tensor("model.embed_tokens.weight"));
    std::vector<float> rows(ids_.size() * static_cast<size_t>(config_.hidden_size));
    require(model::TableRows(table).gather(ids_, rows));
    backend::Tensor h =
        take(backend_.upload(rows, static_cast<int64_t>(ids_.size()), config_.hidden_size));
    record("embeddings", h);
    for (int64_t l = 0; l < config_.num_hidden_layers; ++l) {
      h = layer(h, l);
      record(fmt::format("layer{}.output", l), h);
    }
    record("final", norm(h, "model.norm.weight"));
    return std::move(trace_);
  }

 private:
  backend::Tensor layer(const backend::Tensor& h, int64_t index) {
    const std::string base = fmt::format("model.layers.{}.", index);
    const std::string attention = base + "self_attn.", mlp = base + "mlp.";
    const auto rows = static_cast<int64_t>(ids_.size()), dim = config_.head_dim;
    const backend::AttentionShape shape{config_.num_attention_heads, config_.num_key_value_heads,
                                        dim};
    record_ = index == 0;
    const backend::Tensor x = kept("input_layernorm", norm(h, base + "input_layernorm.weight"));
    const backend::Tensor q = kept("q_proj", linear(x, attention + "q_proj.weight"));
    const backend::Tensor k = kept("k_proj", linear(x, attention + "k_proj.weight"));
    const backend::Tensor v = kept("v_proj", linear(x, attention + "v_proj.weight"));
    const backend::Tensor q_normed = kept("q_norm", norm(q, attention + "q_norm.weight"));
    const backend::Tensor k_normed = kept("k_norm", norm(k, attention + "k_norm.weight"));
    std::vector<int64_t> positions;
    for (int64_t p = 0; p < rows; ++p) positions.push_back(p);
    const backend::Tensor q_turned = take(backend_.rope(q_normed, positions, dim, config_.rope));
    const backend::Tensor k_turned = take(backend_.rope(k_normed, positions, dim, config_.rope));
    if (record_) {
      trace_["layer0.q_rope"] =
          heads_first(take(backend_.download(q_turned)), rows, shape.heads, dim);
      trace_["layer0.k_rope"] =
          heads_first(take(backend_.download(k_turned)), rows, shape.kv_heads, dim);
      trace_["layer0.attn_probs"] = probabilities(q_turned, k_turned, shape);
    }
    const backend::Tensor mixed = kept("attn_out", attend(q_turned, k_turned, v, shape));
    const backend::Tensor o = kept("o_proj", linear(mixed, attention + "o_proj.weight"));
    const backend::Tensor middle = take(backend_.add(h, o));
    const backend::Tensor y =
        kept("post_attention_layernorm", norm(middle, base + "post_attention_layernorm.weight"));
    const backend::Tensor gate = kept("gate_proj", linear(y, mlp + "gate_proj.weight"));
    const backend::Tensor up = kept("up_proj", linear(y, mlp + "up_proj.weight"));
    const backend::Tensor down =
        kept("down_proj", linear(take(backend_.silu_mul(gate, up)), mlp + "down_proj.weight"));
    record_ = true;
    return take(backend_.add(middle, down));
  }

  backend::Tensor linear(const backend::Tensor& x, const std::string& name) {
    const TensorView view = take(source_.tensor(name));
    weights_.push_back(take(backend_.prepare_linear({&view, 1})));
    return take(backend_.linear(x, weights_.back()));
  }
  backend::Tensor norm(const backend::Tensor& x, const std::string& name) {
    return take(backend_.rms_norm(x, take(backend_.prepare_norm(take(source_.tensor(name)))),
                                  config_.rms_norm_eps));
  }
  backend::Tensor attend(const backend::Tensor& q, const backend::Tensor& k,
                         const backend::Tensor& v, const backend::AttentionShape& shape) {
    const auto kv = take(backend_.make_kv_cache({1, shape.kv_heads, shape.head_dim}));
    const backend::SequenceSlice slice{0, q.rows(), 0, kv.get()};
    require(backend_.append_kv(k, v, {&slice, 1}, 0));
    return take(backend_.attention(q, {&slice, 1}, 0, shape));
  }

  /// With unit vectors as values, attention returns its probabilities: [heads, tokens, tokens].
  std::vector<float> probabilities(const backend::Tensor& q, const backend::Tensor& k,
                                   const backend::AttentionShape& shape) {
    const int64_t rows = q.rows(), cols = shape.kv_heads * shape.head_dim;
    std::vector<float> unit(static_cast<size_t>(rows * cols), 0.0f);
    for (int64_t t = 0; t < rows; ++t)
      for (int64_t h = 0; h < shape.kv_heads; ++h)
        unit[static_cast<size_t>(t * cols + h * shape.head_dim + t)] = 1;
    const auto mixed =
        take(backend_.download(attend(q, k, take(backend_.upload(unit, rows, cols)), shape)));
    std::vector<float> out;
    for (int64_t h = 0; h < shape.heads; ++h)
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t t = 0; t < rows; ++t)
          out.push_back(mixed[static_cast<size_t>((r * shape.heads + h) * shape.head_dim + t)]);
    return out;
  }

  backend::Tensor kept(const std::string& name, backend::Tensor tensor) {
    if (record_) record("layer0." + name, tensor);
    return tensor;
  }
  void record(const std::string& name, const backend::Tensor& tensor) {
    trace_[name] = take(backend_.download(tensor));
  }

  backend::Backend& backend_;
  const model::CheckpointSource& source_;
  const model::ModelConfig& config_;
  const Ids& ids_;
  std::vector<backend::Weight> weights_;  // outlive their products
  Trace trace_;
  bool record_ = true;
};

using Case = std::tuple<std::string, std::string>;

class TraceTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const std::string& name = std::get<0>(GetParam());
    const std::string golden = "hf_oracle/models/goldens/" + name + ".safetensors";
    TRINITY_REQUIRE_CONFORMANCE(golden);
    const LoadedModel model =
        load_folder(conformance_path("hf_oracle/models/" + name), std::get<1>(GetParam()));
    const auto file = take(SafetensorsFile::open(conformance_path(golden)));
    const std::string prefix =
        std::get<1>(GetParam()) == "reference_bf16" ? "debug.bf16." : "debug.f32.";
    for (const std::string& tensor : file.names())
      if (tensor.rfind(prefix, 0) == 0)
        recorded[tensor.substr(prefix.size())] = take(to_f32(take(file.tensor(tensor))));
    ASSERT_GE(recorded.size(), 18u);
    const auto tokens =
        static_cast<int64_t>(recorded.at("embeddings").size()) / model.config.hidden_size;
    for (const GoldenSequence& sequence : golden_sequences(name))
      if (static_cast<int64_t>(sequence.ids.size()) == tokens) {
        traced = ForwardTrace(*model.backend, *model.source, model.config, sequence.ids).run();
        hidden = model.extractor->extract({&sequence.ids, 1}, kAllPositions).front()->values;
      }
    ASSERT_FALSE(traced.empty());
  }

  Trace recorded, traced;
  std::vector<float> hidden;
};

TEST_P(TraceTest, N1_EveryIntermediateTensorAgrees) {
  // bf16 sums of this length never round differently from the recorded ones: bits must be equal.
  const double limit = std::get<1>(GetParam()) == "reference_bf16" ? 0 : 1e-4;
  for (const auto& [name, want] : recorded) {
    ASSERT_TRUE(traced.count(name)) << name;
    const auto& got = traced.at(name);
    ASSERT_EQ(got.size(), want.size()) << name;
    for (size_t i = 0; i < want.size(); ++i)
      ASSERT_LE(std::abs(double{got[i]} - double{want[i]}), limit * (1 + std::abs(double{want[i]})))
          << name << " element " << i << ": " << got[i] << " instead of " << want[i];
  }
}

TEST_P(TraceTest, PlainOperationsGiveTheBitsOfTheForwardPass) {
  EXPECT_TRUE(same_row(std::get<1>(GetParam()), hidden, traced.at("final")));
}

INSTANTIATE_TEST_SUITE_P(Models, TraceTest,
                         ::testing::Combine(::testing::ValuesIn(oracle_model_names()),
                                            ::testing::Values("reference", "reference_bf16",
                                                              "reference_exact", "cpu_f32")),
                         [](const auto& c) {
                           return std::get<0>(c.param) + "_" + std::get<1>(c.param);
                         });

}  // namespace
}  // namespace trinity::testing
