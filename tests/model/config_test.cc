// N-4: config.json in both spellings, and every setting that must be refused, one test each.
#include "model/config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/temporary_folder.h"
#include "base/utf8.h"
#include "model/model_support.h"
#include "model/oracle_models.h"

namespace trinity::testing {
namespace {

using Json = nlohmann::json;

/// The released 0.6B model's settings.
Json valid() {
  return Json{{"architectures", {"Qwen3ForCausalLM"}},
              {"attention_bias", false},
              {"attention_dropout", 0.0},
              {"head_dim", 128},
              {"hidden_act", "silu"},
              {"hidden_size", 1024},
              {"initializer_range", 0.02},
              {"intermediate_size", 3072},
              {"max_position_embeddings", 40960},
              {"max_window_layers", 28},
              {"model_type", "qwen3"},
              {"num_attention_heads", 16},
              {"num_hidden_layers", 28},
              {"num_key_value_heads", 8},
              {"rms_norm_eps", 1e-6},
              {"rope_scaling", nullptr},
              {"rope_theta", 1000000},
              {"sliding_window", nullptr},
              {"tie_word_embeddings", true},
              {"torch_dtype", "bfloat16"},
              {"use_sliding_window", false},
              {"vocab_size", 151936}};
}

Json with(const std::string& key, const Json& value) {
  Json config = valid();
  config[key] = value;
  return config;
}
Json config_without(const std::string& key) {
  Json config = valid();
  config.erase(key);
  return config;
}

Result<model::ModelConfig> parse(const Json& config) {
  return model::parse_model_config(config.dump());
}

model::ModelConfig accepted_config(const Json& config) { return take(parse(config)); }

/// The error must have the tag and name key and value, in valid UTF-8.
void expect_refused(const Json& config, const std::string& tag, const std::string& key,
                    const std::string& value) {
  const auto result = parse(config);
  ASSERT_FALSE(result) << key << " = " << value << " was accepted";
  EXPECT_EQ(result.error().tag, tag) << result.error().message;
  EXPECT_NE(result.error().message.find(key), std::string::npos) << result.error().message;
  EXPECT_NE(result.error().message.find(value), std::string::npos) << result.error().message;
  EXPECT_TRUE(is_valid_utf8(result.error().message));
}
void expect_unsupported(const Json& config, const std::string& key, const std::string& value) {
  expect_refused(config, "unsupported_config", key, value);
  const auto result = parse(config);
  EXPECT_EQ(result.error().kind, ErrorKind::unsupported);
  EXPECT_NE(result.error().message.find("supported"), std::string::npos) << result.error().message;
}
void expect_invalid(const Json& config, const std::string& key, const std::string& value) {
  expect_refused(config, "invalid_config", key, value);
}

bool same(const model::ModelConfig& a, const model::ModelConfig& b) {
  return a.hidden_size == b.hidden_size && a.intermediate_size == b.intermediate_size &&
         a.num_hidden_layers == b.num_hidden_layers &&
         a.num_attention_heads == b.num_attention_heads &&
         a.num_key_value_heads == b.num_key_value_heads && a.head_dim == b.head_dim &&
         a.vocab_size == b.vocab_size && a.max_position_embeddings == b.max_position_embeddings &&
         a.rms_norm_eps == b.rms_norm_eps && a.rope == b.rope &&
         a.tie_word_embeddings == b.tie_word_embeddings;
}

TEST(ModelConfig, ReadsTheReleasedSettings) {
  const model::ModelConfig config = accepted_config(valid());
  EXPECT_EQ(config.hidden_size, 1024);
  EXPECT_EQ(config.intermediate_size, 3072);
  EXPECT_EQ(config.num_hidden_layers, 28);
  EXPECT_EQ(config.num_attention_heads, 16);
  EXPECT_EQ(config.num_key_value_heads, 8);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_EQ(config.attention_width(), 2048);
  EXPECT_EQ(config.kv_width(), 1024);
  EXPECT_EQ(config.vocab_size, 151936);
  EXPECT_EQ(config.max_position_embeddings, 40960);
  EXPECT_EQ(config.rms_norm_eps, 1e-6f);
  EXPECT_EQ(config.rope.theta, 1e6);
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_TRUE(config.warnings.empty());
}

TEST(ModelConfig, BothSpellingsOfEveryOracleModelMeanTheSame) {
  TRINITY_REQUIRE_CONFORMANCE("hf_oracle/models/basic_bf16/config.transformers5.json");
  for (const std::string& name : oracle_model_names()) {
    const auto folder = conformance_path("hf_oracle/models/" + name);
    const auto older =
        take(model::parse_model_config(take(read_text_file(folder / "config.json", 1 << 20))));
    const auto newer = take(model::parse_model_config(
        take(read_text_file(folder / "config.transformers5.json", 1 << 20))));
    EXPECT_TRUE(same(older, newer)) << name;
    EXPECT_TRUE(older.warnings.empty());
    EXPECT_TRUE(newer.warnings.empty());
  }
}

// ---- variations that are honoured ----

TEST(ModelConfig, AnyPositiveNumbersForThetaAndEps) {
  for (const double theta : {0.5, 1.0, 10000.0, 5e6, 1e12})
    EXPECT_EQ(accepted_config(with("rope_theta", theta)).rope.theta, theta);
  for (const double eps : {1e-12, 1e-5, 1.0})
    EXPECT_EQ(accepted_config(with("rms_norm_eps", eps)).rms_norm_eps, static_cast<float>(eps));
}

TEST(ModelConfig, SizesMayBeAnythingPositive) {
  Json config = valid();
  config.update({{"hidden_size", 75},
                 {"intermediate_size", 1},
                 {"num_hidden_layers", 1},
                 {"num_attention_heads", 6},
                 {"num_key_value_heads", 3},
                 {"head_dim", 2},
                 {"vocab_size", 1},
                 {"max_position_embeddings", 1}});
  EXPECT_EQ(accepted_config(config).attention_width(), 12);
}

TEST(ModelConfig, SlidingWindowIsIgnoredWhileWindowsAreOff) {
  EXPECT_TRUE(parse(with("sliding_window", 4096)));  // use_sliding_window is false
}

TEST(ModelConfig, FullAttentionLayerTypesAreAccepted) {
  EXPECT_TRUE(parse(with("layer_types", Json(28, "full_attention"))));
}

TEST(ModelConfig, DtypeIsOnlyInformative) {
  EXPECT_TRUE(parse(with("torch_dtype", "float32")));
  EXPECT_TRUE(parse(with("dtype", "float16")));
  EXPECT_TRUE(parse(config_without("torch_dtype")));
}

TEST(ModelConfig, UnknownKeysAreIgnored) {
  Json config = with("something_new", {{"deep", {1, 2, 3}}});
  config["use_cache"] = "what";
  EXPECT_TRUE(same(accepted_config(config), accepted_config(valid())));
}

TEST(ModelConfig, OptionalKeysMayBeAbsentOrNull) {
  for (const char* key : {"attention_bias", "hidden_act", "use_sliding_window", "sliding_window",
                          "rope_scaling", "layer_types", "quantization_config"}) {
    EXPECT_TRUE(parse(config_without(key))) << key;
    EXPECT_TRUE(parse(with(key, nullptr))) << key;
  }
}

TEST(ModelConfig, TieFlagIsReadAndDefaultsToUntied) {
  EXPECT_FALSE(accepted_config(with("tie_word_embeddings", false)).tie_word_embeddings);
  EXPECT_FALSE(accepted_config(config_without("tie_word_embeddings")).tie_word_embeddings);
}

// ---- refusals (N-4) ----

TEST(ModelConfig, N4_OtherModelTypeIsRefused) {
  for (const char* type : {"qwen2", "qwen3_moe", "llama", "Qwen3", ""})
    expect_unsupported(with("model_type", type), "model_type", std::string("\"") + type + "\"");
  EXPECT_EQ(tag_of(parse(config_without("model_type"))), "unsupported_config");
  EXPECT_EQ(tag_of(parse(with("model_type", 3))), "unsupported_config");
}

TEST(ModelConfig, N4_UsedSlidingWindowIsRefused) {
  Json config = with("use_sliding_window", true);
  config["sliding_window"] = 4096;
  config["max_window_layers"] = 27;  // the last layer has a window
  expect_unsupported(config, "use_sliding_window", "true");
  config.erase("sliding_window");  // Qwen3Config has 4096 for it
  expect_unsupported(config, "use_sliding_window", "true");
  config["num_hidden_layers"] = 29;
  config.erase("max_window_layers");  // Qwen3Config has 28 for it
  expect_unsupported(config, "use_sliding_window", "true");
}

TEST(ModelConfig, N4_SlidingLayerTypesAreRefused) {
  expect_unsupported(with("layer_types", Json::array({"full_attention", "sliding_attention"})),
                     "layer_types", "sliding_attention");
}

TEST(ModelConfig, N4_AttentionBiasIsRefused) {
  expect_unsupported(with("attention_bias", true), "attention_bias", "true");
}

TEST(ModelConfig, N4_OtherActivationIsRefused) {
  for (const char* name : {"gelu", "relu", "SiLU"})
    expect_unsupported(with("hidden_act", name), "hidden_act", name);
}

TEST(ModelConfig, N4_QuantizationIsRefused) {
  expect_unsupported(with("quantization_config", {{"quant_method", "awq"}}), "quantization_config",
                     "awq");
  expect_unsupported(with("quantization_config", Json::object()), "quantization_config", "{}");
}

TEST(ModelConfig, N4_OddHeadDimIsRefused) {
  for (const int dim : {1, 3, 127})
    expect_invalid(with("head_dim", dim), "head_dim", std::to_string(dim));
}

TEST(ModelConfig, N4_HeadsNotDivisibleByKeyValueHeadsAreRefused) {
  expect_invalid(with("num_key_value_heads", 3), "num_key_value_heads", "3");
  expect_invalid(with("num_key_value_heads", 32), "num_key_value_heads", "32");
}

const std::vector<std::string>& size_keys() {
  static const std::vector<std::string> keys = {
      "hidden_size",         "intermediate_size", "num_hidden_layers",       "num_attention_heads",
      "num_key_value_heads", "vocab_size",        "max_position_embeddings", "head_dim"};
  return keys;
}

TEST(ModelConfig, N4_NonPositiveSizesAreRefused) {
  for (const std::string& key : size_keys())
    for (const int64_t value : {int64_t{0}, int64_t{-1}, INT64_MIN})
      expect_invalid(with(key, value), key, std::to_string(value));
}

TEST(ModelConfig, MoreLayersThanAnyModelHasAreRefused) {
  EXPECT_TRUE(parse(with("num_hidden_layers", 10'000)));
  for (const int64_t layers : {int64_t{10'001}, int64_t{1'000'000'000}})
    expect_invalid(with("num_hidden_layers", layers), "num_hidden_layers", std::to_string(layers));
}

TEST(ModelConfig, AFolderWithoutOneIsNamedForWhatItIs) {
  const TemporaryFolder folder;
  folder.put("bundle/manifest.json", "{}");
  EXPECT_EQ(tag_of(model::load_model_config(folder / "bundle")), "not_a_model_folder");
  folder.put("adapter/adapter_config.json", "{}");
  EXPECT_EQ(tag_of(model::load_model_config(folder / "adapter")), "adapter_without_base");
  folder.put("weights/model.safetensors", "");
  EXPECT_EQ(tag_of(model::load_model_config(folder / "weights")), "missing_file");
  folder.put("page/config.json", "<!DOCTYPE html><html>");
  EXPECT_EQ(tag_of(model::load_model_config(folder / "page")), "foreign_file");
}

TEST(ModelConfig, MissingSizesAreRefused) {
  for (const char* key : {"hidden_size", "intermediate_size", "num_hidden_layers",
                          "num_attention_heads", "vocab_size"}) {
    expect_refused(config_without(key), "invalid_config", key, "nothing");
    expect_refused(with(key, nullptr), "invalid_config", key, "nothing");
  }
  for (const char* key : {"max_position_embeddings", "rms_norm_eps"})
    expect_refused(with(key, nullptr), "invalid_config", key, "nothing");
}

/// Numbers as text, because a JSON library would not write some of them.
Result<model::ModelConfig> parse_with_text(const std::string& key, const std::string& literal) {
  std::string text = config_without(key).dump();
  return model::parse_model_config("{\"" + key + "\":" + literal + "," + text.substr(1));
}

TEST(ModelConfig, HostileNumbersAreRefusedWithoutHarm) {
  for (const std::string& key : size_keys())
    for (const char* literal :
         {"1e400", "-1e400", "9223372036854775808", "18446744073709551615", "18446744073709551616",
          "4294967297", "2147483649", "1.5", "1e3", "1024.0", "\"1024\"", "true", "[]", "{}",
          "[1024]", "99999999999999999999999999999999"}) {
      const auto result = parse_with_text(key, literal);
      ASSERT_FALSE(result) << key << " = " << literal;
      EXPECT_TRUE(is_valid_utf8(result.error().message));
      EXPECT_FALSE(result.error().tag.empty());
    }
  for (const std::string key : {"rope_theta", "rms_norm_eps"})
    for (const char* literal :
         {"1e400", "-1e400", "0", "-0.0", "-1", "1e-400", "\"1e-6\"", "true", "[]", "{}"})
      ASSERT_FALSE(parse_with_text(key, literal)) << key << " = " << literal;
  for (const char* literal : {"1e39", "1e-300"})
    ASSERT_FALSE(parse_with_text("rms_norm_eps", literal)) << "not a positive f32: " << literal;
  for (const char* literal : {"1", "\"true\"", "[]"})
    ASSERT_FALSE(parse_with_text("tie_word_embeddings", literal)) << literal;
}

TEST(ModelConfig, TheProductOfHeadsAndHeadDimIsBounded) {
  Json config = valid();
  config.update({{"num_attention_heads", int64_t{1} << 31},
                 {"num_key_value_heads", 1},
                 {"head_dim", int64_t{1} << 31}});
  EXPECT_EQ(tag_of(parse(config)), "invalid_config");
}

TEST(ModelConfig, LongForeignValuesAreCutBetweenCharacters) {
  for (size_t offset = 0; offset < 4; ++offset) {
    std::string value(offset, 'x');
    for (int i = 0; i < 300; ++i) value += "\u00e9\u20ac";
    for (const char* key : {"model_type", "hidden_act", "hidden_size", "rope_theta",
                            "rope_parameters", "layer_types", "tie_word_embeddings"}) {
      const auto result = parse(with(key, value));
      ASSERT_FALSE(result);
      EXPECT_TRUE(is_valid_utf8(result.error().message)) << key;
      EXPECT_LT(result.error().message.size(), 1000u);
    }
  }
}

TEST(ModelConfig, WhatIsNoObjectIsRefused) {
  for (const char* text :
       {"", "[]", "null", "3", "\"x\"", "{", "{\"a\":1,\"a\":2}", "{} {}", "\xff"})
    EXPECT_FALSE(model::parse_model_config(text)) << text;
}

TEST(ModelConfig, FilesAreNamedInErrors) {
  const auto missing = model::load_model_config("/nonexistent/model");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().tag, "missing_file");
  EXPECT_NE(missing.error().message.find("/nonexistent/model"), std::string::npos);
}

}  // namespace
}  // namespace trinity::testing
