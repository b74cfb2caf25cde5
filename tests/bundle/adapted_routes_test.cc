// Routes of an adapted model against recorded ones, from a bundle, a compact bundle and the vector
// itself, which must be the same model to the last bit.
#include <fmt/format.h>
#include <trinity/router.h>

#include <algorithm>
#include <cmath>

#include "backend_registry/registry.h"
#include "bundle/exporter.h"
#include "router/router_support.h"
#include "support/conformance.h"

namespace trinity::testing {
namespace {

using nlohmann::json;

constexpr const char* kVector = "hf_oracle/svf/router_es_vector.safetensors";

/// Bundles of the oracle's model; one of each for a process.
std::filesystem::path oracle_bundle(TieMode tie_mode, bool compact, bool merge = false) {
  static const TemporaryFolder folder;
  bundle::ExportOptions options;
  options.model = conformance_path("hf_oracle/models/realvocab_bf16");
  options.vector = conformance_path(kVector);
  options.layers = {2};
  options.adaptation.tie_mode = tie_mode;
  options.compact = compact;
  options.merge = merge;
  options.out = folder / fmt::format("{}_{}_{}", tie_mode_name(tie_mode), compact, merge);
  if (std::filesystem::exists(options.out)) return options.out;
  const auto backend = take(backend::create_backend("cpu_f32", {1}));
  const auto plan = take(bundle::plan_export(options));
  take(bundle::run_export(*backend, options, *plan, {}, {}));
  return options.out;
}

RouterOptions base_options(const std::string& profile) {
  RouterOptions options;
  options.model = conformance_path("hf_oracle/models/realvocab_bf16");
  options.tokenizer = conformance_path("qwen3_tokenizer/tokenizer.json");
  options.profile = profile;
  options.threads = 1;
  return options;
}

RouterOptions with_bundle(const std::string& profile, const std::filesystem::path& bundle) {
  RouterOptions options = base_options(profile);
  options.bundle = bundle;
  return options;
}

RouterOptions with_vector(const std::string& profile, TieMode tie_mode) {
  RouterOptions options = base_options(profile);
  options.vector = conformance_path(kVector);
  options.layers = {2};
  options.tie_mode = tie_mode;
  return options;
}

struct Recorded {
  std::string id;
  Conversation messages;
  bool special = true;
  json f32;
};

std::vector<Recorded> recorded(TieMode tie_mode) {
  const std::string mode = tie_mode == TieMode::embed_offsets ? "separate" : "last_write";
  std::vector<Recorded> all;
  for (const char* set : {"plain", "extra_plain"}) {
    std::map<std::string, json> inputs;
    for (const json& entry : read_records(fmt::format("hf_oracle/route/{}.jsonl", set)))
      inputs[entry.at("id")] = entry;
    for (const json& entry :
         read_records(fmt::format("hf_oracle/svf/routed_{}_{}.jsonl", mode, set)))
      all.push_back({entry.at("id"), messages_of(inputs.at(entry.at("id")).at("messages")),
                     entry.at("tokenize") == "special", entry.at("f32")});
  }
  return all;
}

Decision route(Router& router, const Recorded& record) {
  InputOptions input;
  input.parse_special_tokens = record.special;
  return take(router.route(record.messages, input));
}

class AdaptedRoutes : public ::testing::TestWithParam<TieMode> {
 protected:
  void SetUp() override {
    TRINITY_REQUIRE_CONFORMANCE("hf_oracle/svf/routed_separate_plain.jsonl");
    TRINITY_REQUIRE_CONFORMANCE("qwen3_tokenizer/tokenizer.json");
  }
  static void expect_recorded(Router& router) {
    double worst = 0;
    int compared = 0;
    const auto records = recorded(GetParam());
    ASSERT_EQ(records.size(), 54U);
    for (const Recorded& record : records) {
      SCOPED_TRACE(record.id);
      const Decision decision = route(router, record);
      const auto logits = record.f32.at("logits").get<std::vector<double>>();
      ASSERT_EQ(decision.logits.size(), logits.size());
      for (size_t i = 0; i < logits.size(); ++i)
        worst = std::max(worst, std::abs(decision.logits[i] - logits[i]));
      if (record.f32.at("agent_margin") > 0.1 && record.f32.at("role_margin") > 0.1) {
        EXPECT_EQ(decision.agent_id, record.f32.at("agent"));
        EXPECT_EQ(decision.role_id, record.f32.at("role"));
        ++compared;
      }
    }
    EXPECT_LE(worst, 0.05);
    EXPECT_GT(compared, 40);
    RecordProperty("worst_logit_error", std::to_string(worst));
  }
};

INSTANTIATE_TEST_SUITE_P(TieModes, AdaptedRoutes,
                         ::testing::Values(TieMode::embed_offsets, TieMode::last_write),
                         [](const auto& mode) { return tie_mode_name(mode.param); });

TEST_P(AdaptedRoutes, ABundleRoutesAsRecorded) {
  const auto router = load(with_bundle("cpu_f32", oracle_bundle(GetParam(), false)));
  EXPECT_EQ(router->info().tie_mode, GetParam());
  expect_recorded(*router);
}

TEST_P(AdaptedRoutes, ACompactBundleRoutesAsRecorded) {
  expect_recorded(*load(with_bundle("cpu_f32", oracle_bundle(GetParam(), true))));
}

TEST_P(AdaptedRoutes, AVectorRoutesAsRecorded) {
  expect_recorded(*load(with_vector("cpu_f32", GetParam())));
}

TEST_P(AdaptedRoutes, AllWaysAreTheSameModelToTheLastBit) {
  const TemporaryFolder cache;
  for (const char* profile : {"cpu_f32", "cpu_bf16"}) {
    RouterOptions cold = with_vector(profile, GetParam());
    cold.adaptation_cache = cache / profile;
    std::vector<std::pair<std::string, RouterOptions>> ways = {
        {"bundle", with_bundle(profile, oracle_bundle(GetParam(), false))},
        {"merged", with_bundle(profile, oracle_bundle(GetParam(), false, true))},
        {"compact", with_bundle(profile, oracle_bundle(GetParam(), true))},
        {"vector", with_vector(profile, GetParam())},
        {"cold cache", cold},
        {"warm cache", cold}};
    std::vector<std::vector<float>> first;
    for (const auto& [name, options] : ways) {
      auto loaded = Router::load(options);
      if (!loaded && loaded.error().tag == "profile_unavailable") break;
      const Router router = take(std::move(loaded));
      std::vector<std::vector<float>> hidden;
      const auto records = recorded(GetParam());
      for (size_t i = 0; i < records.size(); i += 6) {
        InputOptions input;
        input.parse_special_tokens = records[i].special;
        const RouterQuery query = records[i].messages;
        hidden.push_back(take(std::move(router.extract_batch({&query, 1}, input).front())).hidden);
      }
      if (first.empty()) first = hidden;
      EXPECT_EQ(hidden, first) << profile << ", " << name;
    }
    EXPECT_FALSE(std::filesystem::is_empty(cache.path()));
  }
}

TEST(AdaptedRouter, TheCacheIsNotTrusted) {
  TRINITY_REQUIRE_CONFORMANCE("hf_oracle/svf/routed_separate_plain.jsonl");
  TRINITY_REQUIRE_CONFORMANCE("qwen3_tokenizer/tokenizer.json");
  const TemporaryFolder cache;
  RouterOptions options = with_vector("cpu_f32", TieMode::embed_offsets);
  options.adaptation_cache = cache.path();
  const RouterQuery query = Conversation{{"user", "Is 1009 prime?"}};
  const std::string fresh = fingerprint(load(options)->route(query));
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(cache.path()))
    files.push_back(entry.path());
  ASSERT_EQ(files.size(), 2U);
  for (const auto& file : files) {
    const std::string good = slurp(file);
    for (const auto& bad : {std::string(), good.substr(0, good.size() / 2), good + "x"}) {
      std::ofstream(file, std::ios::binary) << bad;
      EXPECT_EQ(fingerprint(load(options)->route(query)), fresh);
    }
    std::ofstream(file, std::ios::binary) << good;
  }
  // A folder that cannot be made costs time only.
  options.adaptation_cache = cache.put("file", "") / "below";
  EXPECT_EQ(fingerprint(load(options)->route(query)), fresh);
}

TEST(AdaptedRouter, WhatDoesNotBelongTogetherIsRefused) {
  TRINITY_REQUIRE_CONFORMANCE("hf_oracle/svf/routed_separate_plain.jsonl");
  TRINITY_REQUIRE_CONFORMANCE("qwen3_tokenizer/tokenizer.json");
  const auto tag = [](const RouterOptions& options) {
    const auto router = Router::load(options);
    return router ? std::string("ok") : router.error().tag;
  };
  const auto bundle = oracle_bundle(TieMode::embed_offsets, false);
  RouterOptions both = with_vector("cpu_f32", TieMode::embed_offsets);
  both.bundle = bundle;
  EXPECT_EQ(tag(both), "bundle_and_vector");
  RouterOptions no_model;
  no_model.bundle = bundle;
  EXPECT_EQ(tag(no_model), "adaptation_without_model");
  RouterOptions tied = with_bundle("cpu_f32", bundle);
  tied.tie_mode = TieMode::last_write;
  EXPECT_EQ(tag(tied), "tie_mode_mismatch");
  RouterOptions layers = with_vector("cpu_f32", TieMode::embed_offsets);
  layers.layers = {1, 2};
  EXPECT_EQ(tag(layers), "router_vector_size_mismatch");
  RouterOptions other = with_bundle("cpu_f32", bundle);
  other.model = small_model();
  other.tokenizer.clear();
  EXPECT_EQ(tag(other), "shape_mismatch");
}

}  // namespace
}  // namespace trinity::testing
