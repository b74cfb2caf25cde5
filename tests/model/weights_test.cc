// Loading weights: what is missing, misshapen, of the wrong type or damaged; what is never read.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/temporary_folder.h"
#include "model/model_support.h"
#include "tensor/safetensors.h"

namespace trinity::testing {
namespace {

class Weights : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { TRINITY_REQUIRE_LANE(GetParam()); }

  Status load(const MemorySource& from) {
    const auto backend = take(backend::create_backend(GetParam(), {1}));
    auto weights = model::prepare_weights(*backend, from, config);
    if (!weights) return tl::unexpected(std::move(weights.error()));
    return {};
  }

  /// The error must have the tag and name the tensor.
  void expect_refused(const MemorySource& from, const std::string& tag, const std::string& name) {
    const Status status = load(from);
    ASSERT_FALSE(status) << name;
    EXPECT_EQ(status.error().tag, tag) << status.error().message;
    EXPECT_NE(status.error().message.find(name), std::string::npos) << status.error().message;
  }

  model::ModelConfig config = small_shape();
  const MemorySource intact = random_weights(config, 6);
};

TEST_P(Weights, TheIntactModelLoads) {
  const auto backend = take(backend::create_backend(GetParam(), {1}));
  const auto weights = take(model::prepare_weights(*backend, intact, config));
  EXPECT_EQ(weights.layers.size(), 3u);
  EXPECT_EQ(intact.names().size(), 2u + 3u * 11u);
  EXPECT_EQ(intact.requested().size(), intact.names().size()) << "every tensor is used";
  EXPECT_GT(backend->weight_bytes(), 0u);
}

TEST_P(Weights, PackedMatricesAreReleasedAndTheEmbeddingIsNot) {
  ASSERT_TRUE(load(intact));
  for (const std::string& name : intact.names()) {
    if (name.find("_proj.") == std::string::npos) continue;
    EXPECT_EQ(intact.released().count(name), 1u) << name;
  }
  EXPECT_EQ(intact.released().count("model.embed_tokens.weight"), 0u) << "its rows are read on use";
}

TEST_P(Weights, N4_EveryMissingTensorIsNamed) {
  for (const std::string& name : intact.names()) {
    MemorySource source = intact;
    source.remove(name);
    expect_refused(source, "missing_tensor", name);
  }
}

TEST_P(Weights, N4_EveryWrongShapeIsRefused) {
  for (const std::string& name : intact.names()) {
    const TensorView right = intact.at(name).view();
    std::vector<std::vector<int64_t>> wrong;
    wrong.push_back(right.shape);
    wrong.back().back() += 1;
    wrong.push_back({1});
    wrong.push_back(right.shape);
    wrong.back().insert(wrong.back().begin(), 1);
    if (right.shape.size() == 2 && right.shape[0] != right.shape[1])
      wrong.push_back({right.shape[1], right.shape[0]});  // transposed
    for (const auto& shape : wrong) {
      const int64_t count = take(element_count(shape));
      MemorySource source = intact;
      source.put(name,
                 prove::HostMatrix(shape, std::vector<float>(static_cast<size_t>(count), 0.5f)));
      expect_refused(source, "tensor_shape_mismatch", name);
      const Status status = load(source);
      EXPECT_NE(status.error().message.find(shape_text(shape)), std::string::npos);
      EXPECT_NE(status.error().message.find(shape_text(right.shape)), std::string::npos);
    }
  }
}

TEST_P(Weights, N4_OtherTypesAreRefused) {
  for (const std::string& name : intact.names())
    for (const DType dtype : {DType::i8, DType::i64, DType::u8, DType::boolean}) {
      const auto& shape = intact.at(name).view().shape;
      const std::vector<std::byte> bytes(static_cast<size_t>(take(byte_count(dtype, shape))));
      MemorySource source = intact;
      source.put_view(name, {dtype, shape, bytes});
      expect_refused(source, "unsupported_dtype", name);
    }
}

TEST_P(Weights, NaNAndInfinityAreRefused) {
  for (const std::string& name : intact.names()) {
    if (name == "model.embed_tokens.weight") continue;  // rows are read when they are used
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
          -std::numeric_limits<float>::infinity()})
      for (const DType dtype : {DType::f32, DType::bf16}) {
        auto values = intact.at(name).values();
        values[values.size() - 1] = bad;
        MemorySource source = intact;
        source.put(name, prove::HostMatrix(intact.at(name).view().shape, values, dtype));
        const Status status = load(source);
        ASSERT_FALSE(status) << name << " with " << bad;
        EXPECT_EQ(status.error().tag, "non_finite_values") << status.error().message;
        EXPECT_NE(status.error().message.find(name), std::string::npos)
            << status.error().message << " for " << name;
      }
  }
}

TEST_P(Weights, TypesMayBeMixed) {
  // F16 and BF16 values that are exact in both, so that the result must not change.
  prove::InputStream inputs(8);
  MemorySource exact;
  for (const std::string& name : intact.names()) {
    auto values = intact.at(name).values();
    for (float& value : values) value = std::round(value * 8) / 8;
    exact.put(name, prove::HostMatrix(intact.at(name).view().shape, values, DType::bf16));
  }
  MemorySource mixed = exact;
  size_t index = 0;
  for (const std::string& name : intact.names()) {
    const DType dtypes[] = {DType::f32, DType::f16, DType::bf16};
    mixed.put(name, prove::HostMatrix(exact.at(name).view().shape, exact.at(name).values(),
                                      dtypes[index++ % 3]));
  }
  LoadedModel one = load_memory(exact, config, GetParam());
  LoadedModel other = load_memory(mixed, config, GetParam());
  const Ids ids = inputs.ids(40, config.vocab_size);
  EXPECT_EQ(one.hidden(ids), other.hidden(ids));
}

TEST_P(Weights, F64IsRoundedToF32OnceForEveryLane) {
  const MemorySource f32 = random_weights(config, 6, DType::f32);
  MemorySource f64 = f32;
  std::vector<std::vector<double>> memory;
  memory.reserve(f32.names().size());
  for (const std::string& name : f32.names()) {
    const auto& values = f32.at(name).values();
    auto& wide = memory.emplace_back(values.begin(), values.end());
    // Less than half of the last place: what is rounded twice, or cut, would show.
    for (size_t i = 0; i < wide.size(); ++i) wide[i] *= i % 2 == 0 ? 1 + 0x1p-26 : 1 - 0x1p-26;
    f64.put_view(name, {DType::f64, f32.at(name).view().shape, std::as_bytes(std::span(wide))});
  }
  LoadedModel one = load_memory(f32, config, GetParam());
  LoadedModel other = load_memory(f64, config, GetParam());
  const Ids ids = prove::InputStream(4).ids(21, config.vocab_size);
  EXPECT_EQ(one.hidden(ids), other.hidden(ids));
}

TEST_P(Weights, F64BeyondF32IsRefused) {
  const std::string name = "model.layers.1.mlp.up_proj.weight";
  const auto& shape = intact.at(name).view().shape;
  std::vector<double> values(static_cast<size_t>(shape[0] * shape[1]), 0.5);
  values[3] = 1e300;
  MemorySource source = intact;
  source.put_view(name, {DType::f64, shape, std::as_bytes(std::span(values))});
  expect_refused(source, "non_finite_values", name);
}

TEST_P(Weights, ValuesWhoseSumsOverflowUnseenAreRefused) {
  const std::string base = "model.layers.1.";
  for (const std::string& name :
       {base + "self_attn.q_proj.weight", base + "self_attn.k_proj.weight",
        base + "self_attn.q_norm.weight", base + "input_layernorm.weight",
        std::string("model.norm.weight")}) {
    auto values = intact.at(name).values();
    values[values.size() / 2] = -3.3e38f;
    MemorySource source = intact;
    source.put(name, prove::HostMatrix(intact.at(name).view().shape, values, DType::bf16));
    expect_refused(source, "overflowing_values", name);
  }
}

TEST_P(Weights, AHiddenStateThatOverflowedIsAnError) {
  // The f32 lanes norm such a row to zeros; one that sums in f64 may give it, or NaN.
  for (const char* part : {"model.layers.2.mlp.down_proj.weight", "model.embed_tokens.weight"}) {
    auto values = intact.at(part).values();
    for (float& value : values) value = value < 0 ? -3e38f : 3e38f;
    MemorySource source = intact;
    source.put(part, prove::HostMatrix(intact.at(part).view().shape, values, DType::bf16));
    LoadedModel model = load_memory(source, config, GetParam());
    for (const model::ExtractMode& mode : {model::ExtractMode{}, kFull}) {
      const Ids ids = {1, 2, 3, 4};
      const auto states = std::move(model.extractor->extract({&ids, 1}, mode).front());
      if (!states) {
        EXPECT_EQ(states.error().tag, "overflowing_hidden") << states.error().message;
        continue;
      }
      EXPECT_FALSE(std::all_of(states->values.begin(), states->values.end(), [](float v) {
        return v == 0;
      })) << part;
    }
  }
}

TEST_P(Weights, AHiddenStateOfZerosIsAResult) {
  MemorySource source = intact;
  const std::string table = "model.embed_tokens.weight";
  auto values = intact.at(table).values();
  for (int64_t i = 0; i < config.hidden_size; ++i)
    values[static_cast<size_t>(5 * config.hidden_size + i)] = 0;
  source.put(table, prove::HostMatrix({config.vocab_size, config.hidden_size}, values));
  LoadedModel model = load_memory(source, config, GetParam());
  for (const float value : model.hidden({5})) EXPECT_EQ(value, 0);
}

TEST_P(Weights, FullAgreesAboutNaNInTheLastTokensRow) {
  if (GetParam().find("mlx") != std::string::npos)
    GTEST_SKIP()
        << "MLX multiplies masked values by zero, which keeps NaN; docs/backends.md says so";
  const std::string table = "model.embed_tokens.weight";
  auto values = intact.at(table).values();
  values[static_cast<size_t>(7 * config.hidden_size)] = std::numeric_limits<float>::quiet_NaN();
  MemorySource source = intact;
  source.put(table, prove::HostMatrix({config.vocab_size, config.hidden_size}, values));
  LoadedModel model = load_memory(source, config, GetParam());
  const auto cut = model.hidden({1, 2, 3, 8, 7}), full = model.hidden({1, 2, 3, 8, 7}, kFull);
  for (size_t i = 0; i < cut.size(); ++i) {
    EXPECT_TRUE(std::isfinite(cut[i]));
    EXPECT_TRUE(std::isfinite(full[i]));
  }
  EXPECT_EQ(model.hidden({1, 2, 3, 8, 6}), cut) << "the last token is not read";
}

TEST_P(Weights, N4_TheUntiedHeadIsNeverRead) {
  config.tie_word_embeddings = false;
  EXPECT_TRUE(load(intact)) << "a file without lm_head works";
  MemorySource source = intact;
  const std::vector<std::byte> junk(3);
  source.put_view("lm_head.weight", {DType::i8, {3}, junk});
  EXPECT_TRUE(load(source));
  EXPECT_EQ(source.requested().count("lm_head.weight"), 0u);
}

TEST_P(Weights, RowsOfTheEmbeddingAreReadOnlyWhenTheyOccur) {
  auto values = intact.at("model.embed_tokens.weight").values();
  for (int64_t i = 0; i < config.hidden_size; ++i)
    values[static_cast<size_t>(7 * config.hidden_size + i)] =
        std::numeric_limits<float>::quiet_NaN();
  MemorySource source = intact;
  source.put("model.embed_tokens.weight",
             prove::HostMatrix({config.vocab_size, config.hidden_size}, values));
  LoadedModel model = load_memory(source, config, GetParam());
  for (const float value : model.hidden({1, 2, 3, 8, 6})) EXPECT_TRUE(std::isfinite(value));
}

// ---- folders ----

/// Writes a model folder; the weights in as many files as asked.
void write_model(const TemporaryFolder& folder, const MemorySource& source, size_t files,
                 bool with_index) {
  std::vector<std::vector<NamedTensor>> parts(files);
  size_t next = 0;
  std::string map;
  for (const std::string& name : source.names()) {
    const size_t part = next++ % files;
    parts[part].push_back({name, source.at(name).view()});
    map += fmt::format("{}\"{}\":\"part-{}.safetensors\"", map.empty() ? "" : ",", name, part);
  }
  for (size_t i = 0; i < files; ++i)
    require(write_safetensors(folder / fmt::format("part-{}.safetensors", i), parts[i]));
  if (with_index)
    folder.put("model.safetensors.index.json", fmt::format("{{\"weight_map\":{{{}}}}}", map));
}

std::vector<float> hidden_of_folder(const TemporaryFolder& folder, const model::ModelConfig& config,
                                    const std::string& lane, const Ids& ids) {
  const auto checkpoint = take(Checkpoint::open(folder.path()));
  const model::CheckpointSource source(checkpoint);
  const auto backend = take(backend::create_backend(lane, {1}));
  const auto extractor = take(model::FeatureExtractor::create(*backend, source, config, {}));
  return take(std::move(extractor->extract({&ids, 1}, {}).front())).values;
}

TEST_P(Weights, N4_ShardsGiveTheSameBits) {
  const Ids ids = prove::InputStream(4).ids(33, config.vocab_size);
  LoadedModel memory = load_memory(intact, config, GetParam());
  const auto want = memory.hidden(ids);
  for (const size_t files : {size_t{1}, size_t{2}, size_t{5}})
    for (const bool with_index : {false, true}) {
      const TemporaryFolder folder;
      write_model(folder, intact, files, with_index);
      EXPECT_EQ(hidden_of_folder(folder, config, GetParam(), ids), want)
          << files << " files, index " << with_index;
    }
}

TEST_P(Weights, N4_PayloadsMayStartAtAnyByte) {
  const Ids ids = prove::InputStream(4).ids(33, config.vocab_size);
  for (const DType dtype : {DType::bf16, DType::f32}) {
    const MemorySource source = random_weights(config, 6, dtype);
    LoadedModel memory = load_memory(source, config, GetParam());
    const auto want = memory.hidden(ids);
    const TemporaryFolder folder;
    write_model(folder, source, 1, false);
    const auto path = folder / "part-0.safetensors";
    const std::string aligned = slurp(path);
    uint64_t header = 0;
    std::memcpy(&header, aligned.data(), 8);
    for (uint64_t shift = 0; shift < 8; ++shift) {
      const uint64_t longer = header + shift;
      std::string moved = aligned;
      moved.insert(8 + header, std::string(shift, ' '));
      std::memcpy(moved.data(), &longer, 8);
      folder.put("part-0.safetensors", moved);
      EXPECT_EQ(hidden_of_folder(folder, config, GetParam(), ids), want) << "shifted by " << shift;
    }
  }
}

TEST_P(Weights, N4_ADamagedHeadTensorInTheFileDoesNotMatter) {
  const Ids ids = prove::InputStream(4).ids(33, config.vocab_size);
  LoadedModel memory = load_memory(intact, config, GetParam());
  MemorySource with_head = intact;
  with_head.put(
      "lm_head.weight",
      prove::HostMatrix({2, 3}, std::vector<float>(6, std::numeric_limits<float>::quiet_NaN())));
  const TemporaryFolder folder;
  write_model(folder, with_head, 2, true);
  for (const bool tied : {true, false}) {
    config.tie_word_embeddings = tied;
    EXPECT_EQ(hidden_of_folder(folder, config, GetParam(), ids), memory.hidden(ids, kUncached));
  }
}

INSTANTIATE_TEST_SUITE_P(Lanes, Weights, ::testing::ValuesIn(lane_names()),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
