// Specs of pools: the forms they come in, what is refused and in which order, the built-in pools.
#include "provider/spec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/json.h"

namespace trinity::provider {
namespace {

Json json_of_text(std::string_view text) { return *parse_json(text); }

std::string tag_of(const Result<SpecPool>& result) { return result ? "" : result.error().tag; }

ProviderSpec spec_of(std::int64_t id, Provider provider = Provider::mock) {
  ProviderSpec made;
  made.id = id;
  made.provider = provider;
  made.model = "m";
  return made;
}

TEST(SpecPool, PP_1_OneFormOfAllFields) {
  const auto read =
      read_spec(json_of_text(R"({"id":"0","provider":"openai","model":"gpt-4o-mini"})"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->id, 0);
  EXPECT_EQ(read->provider, Provider::openai);
  EXPECT_EQ(read->name, "agent_0");
  EXPECT_EQ(read->timeout_ms, 30'000);
  EXPECT_EQ(read->max_tokens, 200);
  EXPECT_EQ(read->temperature, 0.2);
  EXPECT_TRUE(read->enabled);
  EXPECT_TRUE(read->metadata.is_object());
  const auto eleventh = read_spec(json_of_text(R"({"id":10,"provider":"mock","model":"m"})"));
  ASSERT_TRUE(eleventh);
  EXPECT_EQ(eleventh->name, "agent_10");
}

TEST(SpecPool, PP_1_SymbolsAreTexts) {
  const auto read = read_spec(json_of_text(
      R"({":id":1,":provider":":openai-compatible",":model":"m",":base_url":"http://x",":name":"b"})"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->provider, Provider::openai_compatible);
  EXPECT_EQ(read->name, "b");
  EXPECT_EQ(read->base_url, "http://x");
  const auto spaced =
      read_spec(json_of_text(R"({"id":1,"provider":" Agent-Session-Manager ","model":"m"})"));
  ASSERT_TRUE(spaced);
  EXPECT_EQ(spaced->provider, Provider::agent_session_manager);
}

TEST(SpecPool, PP_2_IdsAreUnique) {
  EXPECT_EQ(tag_of(read_pool(json_of_text(R"([{"id":0,"provider":"mock","model":"a"},
                                      {"id":"0","provider":"mock","model":"b"}])"))),
            "duplicate_provider_ids");
}

TEST(SpecPool, NamesAreUniqueAndIdsHaveNoGaps) {
  EXPECT_EQ(tag_of(read_pool(json_of_text(R"([{"id":0,"name":"a","provider":"mock","model":"a"},
                                      {"id":1,"name":"a","provider":"mock","model":"b"}])"))),
            "duplicate_provider_names");
  EXPECT_EQ(tag_of(checked_pool({spec_of(0), spec_of(2)})), "non_contiguous_ids");
  EXPECT_EQ(tag_of(checked_pool({spec_of(1)})), "non_contiguous_ids");
  EXPECT_EQ(tag_of(checked_pool({})), "non_contiguous_ids");
  // The order of checks: what comes first is told first.
  EXPECT_EQ(tag_of(checked_pool({spec_of(3), spec_of(3), spec_of(7, Provider::openai_compatible)})),
            "duplicate_provider_ids");
  EXPECT_EQ(tag_of(checked_pool({spec_of(1, Provider::openai_compatible)})), "non_contiguous_ids");
}

TEST(SpecPool, PP_3_ACompatibleServerHasAnAddress) {
  const auto read =
      read_spec(json_of_text(R"({"id":0,"provider":"openai_compatible","model":"m"})"));
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->base_url);
  EXPECT_EQ(tag_of(checked_pool({*read})), "invalid_openai_compatible_spec");
}

TEST(SpecPool, PP_4_UnknownProvidersAreNamed) {
  for (const char* entry : {R"({"id":0,"provider":"bogus_ai","model":"m"})",
                            R"({"id":0,"provider":":bogus_ai","model":"m"})"}) {
    const auto read = read_spec(json_of_text(entry));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().tag, "unknown_provider");
    EXPECT_NE(read.error().message.find("unknown provider"), std::string::npos);
    EXPECT_NE(read.error().message.find("bogus_ai"), std::string::npos);
  }
}

TEST(SpecPool, TextsOfErrors) {
  const std::vector<std::array<const char*, 3>> cases = {
      {R"({"provider":"mock","model":"m"})", "invalid_id", "invalid id"},
      {R"({"id":-1,"provider":"mock","model":"m"})", "invalid_id", "invalid id"},
      {R"({"id":1.5,"provider":"mock","model":"m"})", "invalid_id", "invalid id"},
      {R"({"id":"x","provider":"mock","model":"m"})", "invalid_id", "invalid id"},
      {R"({"id":0,"provider":"mock","model":" "})", "invalid_model", "model cannot be empty"},
      {R"({"id":0,"provider":"mock"})", "invalid_model", "model cannot be empty"},
      {R"({"id":0,"provider":"mock","model":"m","timeout_ms":0})", "invalid_integer",
       "invalid integer value"},
      {R"({"id":0,"provider":"mock","model":"m","max_tokens":"many"})", "invalid_integer",
       "invalid integer value"},
      {R"({"id":0,"provider":"mock","model":"m","temperature":-0.1})", "invalid_number",
       "invalid number value"},
      {R"({"id":0,"provider":"mock","model":"m","temperature":[]})", "invalid_number",
       "invalid number value"},
      {R"({"id":0,"provider":"mock","model":"m","name":" "})", "unknown_provider_name",
       "unknown provider name"},
      {R"({"id":0,"provider":"mock","model":"m","base_url":""})", "invalid_base_url", "base_url"},
      {R"("mock")", "invalid_provider_entry", "invalid provider entry"}};
  for (const auto& [entry, tag, text] : cases) {
    const auto read = read_spec(json_of_text(entry));
    ASSERT_FALSE(read) << entry;
    EXPECT_EQ(read.error().tag, tag) << entry;
    EXPECT_NE(read.error().message.find(text), std::string::npos) << read.error().message;
  }
  EXPECT_EQ(tag_of(read_pool(json_of_text(R"({"id":0})"))), "invalid_pool");
}

TEST(SpecPool, PP_5_PP_12_PP_14_PP_15_TheDefaultPool) {
  const auto pool = named_pool("default");
  ASSERT_TRUE(pool);
  ASSERT_EQ(pool->size(), 7u);
  const std::vector<std::string> names = {
      "fast_openai",   "default_reasoning", "compact_reasoning", "backup_openai",
      "fast_openai_2", "reasoner_2",        "fallback_openai"};
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ((*pool)[i].id, static_cast<std::int64_t>(i));
    EXPECT_EQ((*pool)[i].name, names[i]);
    EXPECT_EQ((*pool)[i].provider, Provider::openai);
    EXPECT_EQ((*pool)[i].model, "gpt-4o-mini");
  }
  EXPECT_NE((*pool)[0].model, "gpt-5");
}

TEST(SpecPool, PP_6_PP_16_TheSessionPool) {
  const auto pool = named_pool("gemini_cli_asm");
  ASSERT_TRUE(pool);
  ASSERT_EQ(pool->size(), 7u);
  for (std::size_t i = 0; i < 7; ++i) {
    const ProviderSpec& one = (*pool)[i];
    EXPECT_EQ(one.id, static_cast<std::int64_t>(i));
    EXPECT_EQ(one.provider, Provider::asm_provider);
    EXPECT_STREQ(provider_name(one.provider), "asm");
    EXPECT_EQ(one.model, "gemini-3.1-flash-lite-preview");
    EXPECT_EQ(one.timeout_ms, 180'000);
    EXPECT_EQ(one.max_tokens, 256);
    EXPECT_EQ(one.temperature, 0.0);
    EXPECT_EQ(one.metadata["query_opts"]["lane"].as_string(), "sdk");
    EXPECT_EQ(one.metadata["stream_timeout_ms"].as_int64(), 180'000);
    const Json& payload = one.metadata["model_payload"];
    EXPECT_EQ(payload["provider"].as_string(), "gemini");
    EXPECT_EQ(payload["requested_model"].as_string(), one.model);
    EXPECT_EQ(payload["resolved_model"].as_string(), one.model);
  }
}

TEST(SpecPool, PPM_1_PP_13_TheMockPool) {
  const auto pool = named_pool("mock");
  ASSERT_TRUE(pool);
  ASSERT_EQ(pool->size(), 7u);
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ((*pool)[i].id, static_cast<std::int64_t>(i));
    EXPECT_EQ((*pool)[i].provider, Provider::mock);
    EXPECT_EQ((*pool)[i].model, "mock-agent-" + std::to_string(i));
  }
}

TEST(SpecPool, PPM_2_MocksAreWrittenInBothForms) {
  const auto from_json = read_pool(json_of_text(R"([{"id":0,"provider":"mock","model":"a"},
                                            {"id":1,"provider":":mock","model":"b"}])"));
  ASSERT_TRUE(from_json) << from_json.error().message;
  ProviderSpec first = spec_of(0), second = spec_of(1);
  first.model = "a";
  second.model = "b";
  const auto from_values = checked_pool({second, first});
  ASSERT_TRUE(from_values);
  EXPECT_EQ(*from_json, *from_values);
}

TEST(SpecPool, PP_7_AListIsOrderedAndKeepsItsIds) {
  const auto pool = read_pool(json_of_text(R"([{"id":1,"provider":"mock","model":"b"},
                                       {"id":0,"provider":"mock","model":"a"}])"));
  ASSERT_TRUE(pool);
  ASSERT_EQ(pool->size(), 2u);
  EXPECT_EQ((*pool)[0].id, 0);
  EXPECT_EQ((*pool)[1].model, "b");
}

TEST(SpecPool, PP_8_EveryProviderIsAccepted) {
  for (const char* name : {"gemini", "gemini_ex", "asm", "agent_session_manager", "anthropic"}) {
    Json entry = json_of_text(R"({"id":0,"model":"m"})");
    entry["provider"] = name;
    const auto read = read_spec(entry);
    ASSERT_TRUE(read) << name;
    EXPECT_STREQ(provider_name(read->provider), name);
  }
}

TEST(SpecPool, PP_9_AddressesAreKept) {
  const auto read = read_spec(json_of_text(
      R"({"id":0,"provider":"openai","model":"m","base_url":"https://proxy.example/v1"})"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->base_url, "https://proxy.example/v1");
  const auto again = read_spec(spec_json(*read));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *read);
}

TEST(SpecPool, ConfiguredPoolsReplaceTheBuiltInOnes) {
  const NamedPools configured = {{"mine", {spec_of(0)}}};
  EXPECT_TRUE(named_pool("mine", configured));
  EXPECT_EQ(tag_of(named_pool("default", configured)), "unknown_pool");
  EXPECT_EQ(tag_of(named_pool("nope")), "unknown_pool");
}

TEST(SpecPool, SlotsLeadToSpecs) {
  ProviderSpec off = spec_of(1);
  off.enabled = false;
  const SpecPool pool = *checked_pool({spec_of(0), off, spec_of(2)});
  EXPECT_EQ(spec_of_slot(pool, 2)->id, 2);
  EXPECT_EQ(spec_of_slot(pool, 1).error().tag, "provider_disabled");
  EXPECT_EQ(spec_of_slot(pool, 3).error().tag, "unknown_agent");
  EXPECT_EQ(spec_of_slot(pool, 5, {{5, 2}})->id, 2);
  EXPECT_EQ(spec_of_slot(pool, 0, {{5, 2}}).error().tag, "unknown_agent");

  EXPECT_TRUE(check_pool_size(pool, 3));
  EXPECT_EQ(check_pool_size(pool, 7).error().tag, "pool_smaller_than_head");
  SlotMap all;
  for (std::int64_t slot = 0; slot < 7; ++slot) all[slot] = slot % 2;
  EXPECT_TRUE(check_pool_size(pool, 7, all));
  all[6] = 9;
  EXPECT_EQ(check_pool_size(pool, 7, all).error().tag, "unknown_agent");
  all.erase(6);
  EXPECT_EQ(check_pool_size(pool, 7, all).error().tag, "unknown_agent");
}

}  // namespace
}  // namespace trinity::provider
