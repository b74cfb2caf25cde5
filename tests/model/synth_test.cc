// Synthetic models: reproducible, loadable, numerically tame; and what damage to their files does.
#include "model/synth.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "base/temporary_folder.h"
#include "model/model_support.h"

namespace trinity::testing {
namespace {

std::string config_text(const std::string& change_from = "", const std::string& change_to = "") {
  std::string text =
      R"({"model_type":"qwen3","hidden_size":75,"intermediate_size":141,"num_hidden_layers":3,)"
      R"("num_attention_heads":6,"num_key_value_heads":2,"head_dim":22,"vocab_size":97,)"
      R"("max_position_embeddings":300,"rms_norm_eps":1e-6,"rope_theta":1000000,)"
      R"("tie_word_embeddings":true})";
  if (!change_from.empty()) text.replace(text.find(change_from), change_from.size(), change_to);
  return text;
}

model::SynthReport made(const TemporaryFolder& folder, const std::string& name, uint64_t seed,
                        const std::string& config = config_text()) {
  return take(model::synthesize_model(config, seed, folder / name));
}

std::string file(const TemporaryFolder& folder, const std::string& name) {
  return slurp(folder / name);
}

TEST(Synth, SameSeedSameBytesOtherSeedOtherBytes) {
  const TemporaryFolder folder;
  made(folder, "a", 7);
  made(folder, "b", 7);
  made(folder, "c", 8);
  for (const std::string name : {"model.safetensors", "router_head.safetensors", "config.json"})
    EXPECT_EQ(file(folder, "a/" + name), file(folder, "b/" + name)) << name;
  for (const std::string name : {"model.safetensors", "router_head.safetensors"})
    EXPECT_NE(file(folder, "a/" + name), file(folder, "c/" + name)) << name;
}

TEST(Synth, SizesThatNoDiskHoldsAreRefusedAtOnce) {
  const TemporaryFolder folder;
  const auto tag = [&](const std::string& from, const std::string& to) {
    const auto made = model::synthesize_model(config_text(from, to), 7, folder / "m");
    EXPECT_FALSE(std::filesystem::exists(folder / "m/model.safetensors"));
    return made ? "ok" : made.error().tag;
  };
  EXPECT_EQ(tag("\"num_hidden_layers\":3", "\"num_hidden_layers\":1000000000"), "invalid_config");
  EXPECT_EQ(tag("\"intermediate_size\":141,\"num_hidden_layers\":3",
                "\"intermediate_size\":2147483648,\"num_hidden_layers\":10000"),
            "disk_full");
}

TEST(Synth, ATensorDependsOnItsNameAndShapeAlone) {
  const TemporaryFolder folder;
  made(folder, "three", 7);
  made(folder, "two", 7, config_text("\"num_hidden_layers\":3", "\"num_hidden_layers\":2"));
  const auto three = take(Checkpoint::open(folder / "three"));
  const auto two = take(Checkpoint::open(folder / "two"));
  // Sub-layer outputs are scaled by the number of layers; everything else is the same.
  for (const std::string name :
       {"model.embed_tokens.weight", "model.norm.weight", "model.layers.1.self_attn.q_proj.weight",
        "model.layers.0.input_layernorm.weight"})
    EXPECT_EQ(take(to_f32(take(three.tensor(name)))), take(to_f32(take(two.tensor(name))))) << name;
  EXPECT_NE(take(to_f32(take(three.tensor("model.layers.0.mlp.gate_proj.weight")))),
            take(to_f32(take(three.tensor("model.layers.1.mlp.gate_proj.weight")))));
}

TEST(Synth, TakesAFolderOfItsOwnAndNoOther) {
  const TemporaryFolder folder;
  folder.put("real/model.safetensors", "weights that somebody trained");
  folder.put("real/config.json", config_text());
  folder.put("notes/todo.txt", "mine");
  for (const std::string name : {"real", "notes"}) {
    const auto refused = model::synthesize_model(config_text(), 7, folder / name);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().tag, "not_a_synthetic_folder");
    EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  }
  EXPECT_EQ(file(folder, "real/model.safetensors"), "weights that somebody trained");
  EXPECT_FALSE(std::filesystem::exists(folder / "real/router_head.safetensors"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "notes"),
                          std::filesystem::directory_iterator()),
            1);
  std::filesystem::create_directory(folder / "empty");
  made(folder, "empty", 7);
}

TEST(Synth, AnEarlierRunIsReplacedUntilSomebodyElseChangedIt) {
  const TemporaryFolder folder;
  made(folder, "a", 7);
  made(folder, "b", 8);
  folder.put("a/tokenizer.json", "mine");
  folder.put("a/.trinity-0123456789abcdef.tmp", "what a killed run left");
  made(folder, "a", 8);
  for (const std::string name : {"model.safetensors", "router_head.safetensors", "synth.sha256"})
    EXPECT_EQ(file(folder, "a/" + name), file(folder, "b/" + name)) << name;
  EXPECT_EQ(file(folder, "a/tokenizer.json"), "mine");
  EXPECT_FALSE(std::filesystem::exists(folder / "a/.trinity-0123456789abcdef.tmp"));
  folder.put("a/router_head.safetensors", "a trained head");
  EXPECT_EQ(model::synthesize_model(config_text(), 7, folder / "a").error().tag,
            "not_a_synthetic_folder");
  EXPECT_EQ(file(folder, "a/router_head.safetensors"), "a trained head");
  EXPECT_EQ(file(folder, "a/model.safetensors"), file(folder, "b/model.safetensors"));
}

TEST(Synth, ReportsWhatItWrote) {
  const TemporaryFolder folder;
  uint64_t last = 0, total = 0;
  int calls = 0;
  const auto report = take(
      model::synthesize_model(config_text(), 1, folder / "m", [&](uint64_t done, uint64_t all) {
        EXPECT_GT(done, last);
        EXPECT_LE(done, all);
        last = done;
        total = all;
        ++calls;
      }));
  EXPECT_EQ(report.tensors, 2 + 3 * 11);
  const auto checkpoint = take(Checkpoint::open(folder / "m"));
  int64_t parameters = 0;
  for (const std::string& name : checkpoint.names())
    if (name != "trinity_router_head")
      parameters += take(element_count(take(checkpoint.tensor(name)).shape));
  EXPECT_EQ(report.parameters, parameters);
  EXPECT_EQ(report.bytes, static_cast<uint64_t>(parameters) * 2);
  EXPECT_EQ(last, report.bytes);
  EXPECT_EQ(total, report.bytes);
  EXPECT_GT(calls, 0);
}

TEST(Synth, AnUntiedModelGetsAHeadTensorATiedOneDoesNot) {
  const TemporaryFolder folder;
  made(folder, "tied", 1);
  made(folder, "untied", 1,
       config_text("\"tie_word_embeddings\":true", "\"tie_word_embeddings\":false"));
  EXPECT_FALSE(take(Checkpoint::open(folder / "tied")).has("lm_head.weight"));
  EXPECT_TRUE(take(Checkpoint::open(folder / "untied")).has("lm_head.weight"));
}

TEST(Synth, WeightsHaveTheirMeansAndDeviations) {
  const TemporaryFolder folder;
  made(folder, "m", 3, config_text("\"vocab_size\":97", "\"vocab_size\":5000"));
  const auto checkpoint = take(Checkpoint::open(folder / "m"));
  const auto values = take(to_f32(take(checkpoint.tensor("model.embed_tokens.weight"))));
  double sum = 0, squares = 0;
  for (const float value : values) {
    sum += value;
    squares += double{value} * double{value};
  }
  const auto count = static_cast<double>(values.size());  // 375,000: a mean errs by 0.0016
  EXPECT_NEAR(sum / count, 0, 0.008);
  EXPECT_NEAR(squares / count, 1, 0.01);
}

class SynthLanes : public ::testing::TestWithParam<std::string> {};

TEST_P(SynthLanes, LoadsAndStaysFiniteAndOfOrderOne) {
  TRINITY_REQUIRE_LANE(GetParam());
  const TemporaryFolder folder;
  for (const auto& [name, config] : std::vector<std::pair<std::string, std::string>>{
           {"three", config_text()},
           {"many", config_text("\"num_hidden_layers\":3", "\"num_hidden_layers\":40")},
           {"untied",
            config_text("\"tie_word_embeddings\":true", "\"tie_word_embeddings\":false")}}) {
    made(folder, name, 5, config);
    LoadedModel model = load_folder(folder / name, GetParam());
    prove::InputStream inputs(2);
    const auto hidden = model.hidden(inputs.ids(100, 97), kAllPositions);
    double squares = 0;
    for (const float value : hidden) {
      ASSERT_TRUE(std::isfinite(value));
      squares += double{value} * double{value};
    }
    const double rms = std::sqrt(squares / static_cast<double>(hidden.size()));
    EXPECT_GT(rms, 0.5) << name;
    EXPECT_LT(rms, 2) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Lanes, SynthLanes, ::testing::ValuesIn(lane_names()),
                         [](const auto& lane) { return lane.param; });

TEST(Synth, ABadConfigWritesNothing) {
  const TemporaryFolder folder;
  const auto report = model::synthesize_model(config_text("qwen3", "qwen2"), 1, folder / "m");
  EXPECT_EQ(tag_of(report), "unsupported_config");
  EXPECT_FALSE(std::filesystem::exists(folder / "m"));
}

TEST(Synth, AFolderThatCannotBeMadeIsAnError) {
  const TemporaryFolder folder;
  folder.put("file", "x");
  const auto report = model::synthesize_model(config_text(), 1, folder / "file" / "m");
  EXPECT_FALSE(report);
}

/// Whatever a file holds, loading ends with an error or with a model that answers.
TEST(Synth, MutatedFilesAreRefusedOrHarmless) {
  const TemporaryFolder folder;
  made(folder, "m", 9);
  const std::string weights = file(folder, "m/model.safetensors"),
                    config = file(folder, "m/config.json");
  uint64_t header = 0;
  std::memcpy(&header, weights.data(), 8);
  std::mt19937_64 random(17);
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::string mutated_weights = weights, mutated_config = config;
    const bool in_config = round % 3 == 0;
    std::string& target = in_config ? mutated_config : mutated_weights;
    const size_t range = in_config ? target.size() : 8 + header;  // the header, where it hurts
    for (uint64_t n = 1 + random() % 3; n > 0; --n) {
      const size_t at = random() % std::min(range, target.size());
      switch (random() % 4) {
        case 0:
          target[at] = static_cast<char>(random());
          break;
        case 1:
          target.erase(at, 1 + random() % 4);
          break;
        case 2:
          target.insert(at, 1, "0123456789,:[]{}\""[random() % 17]);
          break;
        default:
          if (random() % 4 == 0) target.resize(at);
          break;
      }
      if (target.empty()) target.assign(1, 'x');
    }
    folder.put("m/model.safetensors", mutated_weights);
    folder.put("m/config.json", mutated_config);
    const auto parsed = model::load_model_config(folder / "m");
    const auto checkpoint = Checkpoint::open(folder / "m");
    if (!parsed || !checkpoint) {
      ++refused;
      continue;
    }
    const model::CheckpointSource source(*checkpoint);
    const auto backend = take(backend::create_backend("cpu_f32", {1}));
    const auto extractor = model::FeatureExtractor::create(*backend, source, *parsed, {});
    if (!extractor) {
      ++refused;
      continue;
    }
    const Ids ids = {1, 2, 3, 4, 5};
    const auto result = std::move((*extractor)->extract({&ids, 1}, {}).front());
    EXPECT_TRUE(result || !result.error().tag.empty());
  }
  EXPECT_GT(refused, 150);
  EXPECT_LT(refused, 300);
}

}  // namespace
}  // namespace trinity::testing
