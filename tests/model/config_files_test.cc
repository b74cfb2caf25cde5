// config.json as people have it: what is left out, what is said twice, and long contexts. Right
// values are those of Qwen3Config and of the rope functions of transformers.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "model/config.h"
#include "model/model_support.h"

namespace trinity::testing {
namespace {

using Json = nlohmann::json;

Json base() {
  return Json{
      {"model_type", "qwen3"},   {"hidden_size", 1024},       {"intermediate_size", 3072},
      {"num_hidden_layers", 28}, {"num_attention_heads", 16}, {"num_key_value_heads", 8},
      {"head_dim", 128},         {"vocab_size", 151936},      {"max_position_embeddings", 40960},
      {"rms_norm_eps", 1e-6},    {"rope_theta", 1000000}};
}

/// The base with keys changed; a null in `removed` position is given by `without`.
Json with(const Json& changes) {
  Json config = base();
  config.update(changes);
  return config;
}
Json without(const std::string& key, const Json& changes = Json::object()) {
  Json config = base();
  config.erase(key);
  config.update(changes);
  return config;
}

model::ModelConfig accepted(const Json& config) {
  return take(model::parse_model_config(config.dump()));
}

std::string error_of(const Json& config) {
  const auto result = model::parse_model_config(config.dump());
  return result ? "no error" : result.error().tag + ": " + result.error().message;
}

void expect_error(const Json& config, const std::string& tag,
                  const std::vector<std::string>& parts) {
  const std::string error = error_of(config);
  EXPECT_EQ(error.substr(0, error.find(':')), tag) << error;
  for (const std::string& part : parts) EXPECT_NE(error.find(part), std::string::npos) << error;
}

// ---- what is left out, or says nothing ----

TEST(ConfigFiles, KeysThatSayNothingChangeNothing) {
  const model::ModelConfig plain = accepted(base());
  const std::vector<Json> changes = {
      {{"rope_scaling", {{"rope_type", "default"}}}},
      {{"rope_scaling", {{"type", "default"}}}},
      {{"rope_scaling", Json::object()}},
      {{"rope_scaling", nullptr}},
      {{"rope_parameters", Json::object()}},
      {{"rope_parameters", {{"rope_theta", 1e6}, {"rope_type", "default"}}}},
      {{"rope_parameters", {{"rope_theta", 1e6}, {"partial_rotary_factor", 1.0}}}},
      {{"sliding_window", 4096}},
      {{"sliding_window", 4096}, {"use_sliding_window", nullptr}},
      {{"sliding_window", nullptr}, {"use_sliding_window", true}, {"max_window_layers", 0}},
      {{"sliding_window", 4096}, {"use_sliding_window", true}, {"max_window_layers", 28}},
      {{"sliding_window", 4096},
       {"use_sliding_window", true},
       {"max_window_layers", 0},
       {"layer_types", Json(28, "full_attention")}},
      {{"hidden_act", "swish"}},
      {{"hidden_act", "silu"}},
  };
  for (const Json& change : changes) {
    const model::ModelConfig config = accepted(with(change));
    EXPECT_EQ(config.rope, plain.rope) << change;
    EXPECT_EQ(config.max_position_embeddings, 40960) << change;
    EXPECT_TRUE(config.warnings.empty()) << change << config.warnings.front();
  }
}

TEST(ConfigFiles, WhatIsLeftOutIsWhatQwen3ConfigTakesAndIsNamed) {
  const auto assumed = [](const char* key, const char* value) {
    const model::ModelConfig config = accepted(without(key));
    EXPECT_EQ(config.warnings.size(), 1u) << key;
    if (!config.warnings.empty()) {
      EXPECT_NE(config.warnings[0].find(key), std::string::npos) << config.warnings[0];
      EXPECT_NE(config.warnings[0].find(value), std::string::npos) << config.warnings[0];
    }
    return config;
  };
  EXPECT_EQ(assumed("head_dim", "128").head_dim, 128);
  EXPECT_EQ(accepted(with({{"head_dim", nullptr}})).head_dim, 128);
  EXPECT_EQ(accepted(with({{"head_dim", 22}})).head_dim, 22);
  EXPECT_EQ(assumed("rms_norm_eps", "1e-06").rms_norm_eps, 1e-6f);
  EXPECT_EQ(assumed("max_position_embeddings", "32768").max_position_embeddings, 32768);
  EXPECT_EQ(assumed("rope_theta", "10000").rope.theta, 10000);
}

TEST(ConfigFiles, NullKeyValueHeadsAreAllHeadsAndNoneAreThirtyTwo) {
  EXPECT_EQ(accepted(with({{"num_key_value_heads", nullptr}})).num_key_value_heads, 16);
  EXPECT_EQ(
      accepted(without("num_key_value_heads", {{"num_attention_heads", 64}})).num_key_value_heads,
      32);
  expect_error(without("num_key_value_heads"), "invalid_config", {"num_key_value_heads", "32"});
}

// ---- rotary positions in several places ----

TEST(ConfigFiles, TheThetaIsReadWhereverItStands) {
  const std::vector<Json> places = {
      {{"rope_theta", 12345.5}},
      {{"rope_parameters", {{"rope_theta", 12345.5}}}},
      {{"rope_parameters", {{"rope_theta", 12345.5}, {"rope_type", "default"}}}},
      {{"rope_scaling", {{"rope_theta", 12345.5}, {"rope_type", "default"}}}},
      {{"rope_parameters", {{"full_attention", {{"rope_theta", 12345.5}}}}}},
      {{"rope_parameters",
        {{"full_attention", {{"rope_theta", 12345.5}, {"rope_type", "default"}}},
         {"sliding_attention", {{"rope_theta", 10000}, {"rope_type", "default"}}}}}},
      {{"rope_theta", 12345.5}, {"rope_parameters", {{"rope_theta", 12345.5}}}},
  };
  for (const Json& place : places) {
    const model::ModelConfig config = accepted(without("rope_theta", place));
    EXPECT_EQ(config.rope, backend::Rope(12345.5)) << place;
    EXPECT_TRUE(config.warnings.empty()) << place;
  }
  EXPECT_EQ(accepted(with({{"rope_parameters", {{"rope_theta", 1000000.0}}}})).rope.theta, 1e6)
      << "the same number written in two ways";
}

TEST(ConfigFiles, ContradictionsAreRefusedByName) {
  const Json yarn = {{"rope_type", "yarn"}, {"factor", 4.0}};
  struct Case {
    Json changes;
    std::vector<std::string> parts;
  };
  const std::vector<Case> cases = {
      // A file of transformers 5 that transformers 4 saved again.
      {{{"rope_theta", 10000.0},
        {"rope_parameters", {{"rope_theta", 1000000}, {"rope_type", "default"}}}},
       {"rope_theta to 10000.0", "rope_parameters.rope_theta to 1000000"}},
      {{{"rope_parameters", {{"full_attention", {{"rope_theta", 5}}}}}},
       {"rope_theta to 1000000", "rope_parameters.full_attention.rope_theta to 5"}},
      {{{"rope_scaling", yarn}, {"rope_parameters", {{"rope_type", "default"}}}},
       {"rope_scaling.rope_type to \"yarn\"", "rope_parameters.rope_type to \"default\""}},
      {{{"rope_scaling", {{"rope_type", "yarn"}, {"type", "default"}, {"factor", 4.0}}}},
       {"rope_scaling.rope_type", "rope_scaling.type"}},
      {{{"rope_scaling", yarn}, {"rope_parameters", {{"rope_type", "yarn"}, {"factor", 2.0}}}},
       {"rope_scaling.factor to 4.0", "rope_parameters.factor to 2.0"}},
      {{{"rope_scaling", {{"factor", 4.0}}}}, {"rope_scaling.factor", "rope_type"}},
      {{{"rope_parameters", {{"sliding_attention", {{"rope_theta", 5}}}}}},
       {"rope_parameters.full_attention"}},
      {{{"layer_types", Json(27, "full_attention")}}, {"27 layer_types", "28"}},
      {{{"layer_types", Json::array()}}, {"0 layer_types", "28"}},
  };
  for (const Case& one : cases) expect_error(with(one.changes), "invalid_config", one.parts);
}

// ---- long contexts ----

TEST(ConfigFiles, YarnOfTheModelCardIsRead) {
  const Json yarn = {
      {"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 32768}};
  Json older = yarn, newer = yarn;
  older["type"] = "yarn";
  older.erase("rope_type");
  newer["rope_theta"] = 1000000;
  for (const Json& config :
       {with({{"rope_scaling", yarn}}), with({{"rope_scaling", older}}),
        without("rope_theta", {{"rope_parameters", newer}}),
        without("rope_theta", {{"rope_parameters", {{"full_attention", newer}}}}),
        with({{"rope_scaling", yarn}, {"rope_parameters", newer}})}) {
    const model::ModelConfig got = accepted(config);
    EXPECT_EQ(got.rope.scaling, backend::RopeScaling::yarn);
    EXPECT_EQ(got.rope.theta, 1e6);
    EXPECT_EQ(got.rope.factor, 4);
    EXPECT_EQ(got.rope.original_positions, 32768);
    EXPECT_EQ(got.rope.beta_fast, 32);
    EXPECT_EQ(got.rope.beta_slow, 1);
    EXPECT_TRUE(got.rope.truncate);
    EXPECT_EQ(got.rope.attention_factor, 1.138629436111989);
    EXPECT_EQ(got.max_position_embeddings, 131072);
    EXPECT_TRUE(got.warnings.empty());
  }
}

TEST(ConfigFiles, EveryNumberOfYarnIsRead) {
  const model::ModelConfig got = accepted(with({{"rope_scaling",
                                                 {{"rope_type", "yarn"},
                                                  {"factor", 2.5},
                                                  {"original_max_position_embeddings", 1001},
                                                  {"attention_factor", 0.75},
                                                  {"beta_fast", 16},
                                                  {"beta_slow", 2},
                                                  {"truncate", false}}}}));
  EXPECT_EQ(got.rope.attention_factor, 0.75);
  EXPECT_EQ(got.rope.beta_fast, 16);
  EXPECT_EQ(got.rope.beta_slow, 2);
  EXPECT_FALSE(got.rope.truncate);
  EXPECT_EQ(got.max_position_embeddings, 2502);
  ASSERT_EQ(got.warnings.size(), 1u) << "max_position_embeddings of 40960 is more";
  EXPECT_NE(got.warnings[0].find("2502"), std::string::npos) << got.warnings[0];
}

TEST(ConfigFiles, WhatYarnLeavesOutIsWhatTransformersTakes) {
  model::ModelConfig got =
      accepted(with({{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 2}}}}));
  EXPECT_EQ(got.rope.original_positions, 40960);
  EXPECT_EQ(got.max_position_embeddings, 81920);
  got = accepted(with({{"original_max_position_embeddings", 20480},
                       {"rope_scaling", {{"rope_type", "yarn"}, {"factor", nullptr}}}}));
  EXPECT_EQ(got.rope.factor, 2);
  EXPECT_EQ(got.max_position_embeddings, 40960);
  got = accepted(with({{"rope_scaling",
                        {{"rope_type", "yarn"},
                         {"factor", 40},
                         {"beta_fast", 0},
                         {"mscale", 0.707},
                         {"mscale_all_dim", 1.0}}}}));
  EXPECT_EQ(got.rope.beta_fast, 32);
  EXPECT_EQ(static_cast<float>(got.rope.attention_factor), 0x1.d792dep-1f);
}

TEST(ConfigFiles, Llama3AndLinearAreRead) {
  const model::ModelConfig llama = accepted(with({{"rope_scaling",
                                                   {{"rope_type", "llama3"},
                                                    {"factor", 8},
                                                    {"low_freq_factor", 1},
                                                    {"high_freq_factor", 4},
                                                    {"original_max_position_embeddings", 8192}}}}));
  EXPECT_EQ(llama.rope.scaling, backend::RopeScaling::llama3);
  EXPECT_EQ(llama.rope.factor, 8);
  EXPECT_EQ(llama.rope.high_freq_factor, 4);
  EXPECT_EQ(llama.rope.original_positions, 8192);
  EXPECT_EQ(llama.max_position_embeddings, 40960);
  const model::ModelConfig linear =
      accepted(with({{"rope_scaling", {{"type", "linear"}, {"factor", 4}}}}));
  EXPECT_EQ(linear.rope.scaling, backend::RopeScaling::linear);
  EXPECT_EQ(linear.rope.factor, 4);
}

TEST(ConfigFiles, OtherScalingsAreRefusedByName) {
  for (const char* type : {"dynamic", "longrope", "su", "mrope", "YARN", ""})
    for (const char* key : {"rope_type", "type"})
      for (const std::string place : {"rope_scaling", "rope_parameters"})
        expect_error(with({{place, {{key, type}, {"factor", 4.0}}}}), "unsupported_config",
                     {place + "." + key, std::string("\"") + type + "\"", "yarn"});
  expect_error(with({{"rope_scaling", {{"rope_type", 1}}}}), "unsupported_config",
               {"rope_type", "1"});
  expect_error(with({{"partial_rotary_factor", 0.5}}), "unsupported_config",
               {"partial_rotary_factor", "0.5"});
}

TEST(ConfigFiles, ImpossibleNumbersOfAScalingAreRefusedByName) {
  const auto expect_bad = [](const char* type, const char* key, const Json& value) {
    Json scaling = {{"rope_type", type},
                    {"factor", 4},
                    {"low_freq_factor", 1},
                    {"high_freq_factor", 4},
                    {"original_max_position_embeddings", 8192}};
    scaling[key] = value;
    expect_error(with({{"rope_scaling", scaling}}), "invalid_config", {key});
  };
  for (const char* type : {"yarn", "llama3", "linear"})
    for (const Json& value : {Json("4"), Json(0), Json(0.5), Json(-1), Json(true), Json(1e300)})
      expect_bad(type, "factor", value);
  for (const char* key : {"beta_fast", "beta_slow"})
    for (const Json& value : {Json("32"), Json(-1), Json(1e300)}) expect_bad("yarn", key, value);
  expect_bad("yarn", "beta_fast", 0.5);  // below beta_slow
  expect_bad("yarn", "attention_factor", 0);
  expect_bad("yarn", "truncate", 1);
  expect_bad("yarn", "mscale", "1");
  for (const char* type : {"yarn", "llama3"})
    for (const Json& value : {Json(0), Json(1.5), Json("1")})
      expect_bad(type, "original_max_position_embeddings", value);
  expect_bad("llama3", "high_freq_factor", 1);
  expect_bad("llama3", "low_freq_factor", nullptr);
  expect_error(with({{"rope_theta", 1}, {"rope_scaling", {{"type", "yarn"}, {"factor", 2}}}}),
               "invalid_config", {"rope_theta", "above 1"});
  expect_error(with({{"max_position_embeddings", 1 << 30},
                     {"rope_scaling", {{"type", "yarn"}, {"factor", 4}}}}),
               "invalid_config", {"factor", "2^31"});
  for (const char* key : {"rope_scaling", "rope_parameters"})
    expect_error(with({{key, "yarn"}}), "invalid_config", {key, "yarn"});
}

}  // namespace
}  // namespace trinity::testing
