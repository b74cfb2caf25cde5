// Routes of the recorded conversations: text → ids → hidden vector → logits → decision.
//
// Recorded once with an independent implementation, in f32 and in bf16. Exact where nothing is
// rounded (ids, counts, hashes), within stated limits where it is; a decision must agree when
// neither margin is small.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "backend/plugin_lanes.h"
#include "router/profile.h"
#include "router/router_support.h"
#include "tensor/safetensors.h"

namespace trinity::testing {
namespace {

using nlohmann::json;

constexpr double kF32Margin = 0.01;
constexpr double kBf16Margin = 0.5;

struct Record {
  std::string set, id;
  Conversation messages;                    // what is routed
  InputMode input_mode = InputMode::plain;  // how
  bool parse_special = true;
  std::string text, transcript_hash;
  json values;
};

/// In the chat sets the two messages that were rendered are routed as they are.
std::vector<Record> read_set(const std::string& set) {
  std::vector<Record> records;
  const bool chat = set.find("chat") != std::string::npos;
  for (const json& entry : read_records("hf_oracle/route/" + set + ".jsonl")) {
    Record record;
    record.set = set;
    record.id = entry.at("id");
    record.messages = messages_of(entry.at(chat ? "chat_messages" : "messages"));
    record.input_mode = chat ? InputMode::chat_raw : InputMode::plain;
    record.parse_special = entry.at("tokenize") == "special";
    record.text = entry.at(chat ? "rendered" : "transcript");
    record.transcript_hash = entry.at(chat ? "chat_messages_hash" : "transcript_hash");
    record.values = entry;
    records.push_back(std::move(record));
  }
  return records;
}

const std::vector<Record>& all_records() {
  static const std::vector<Record> records = [] {
    std::vector<Record> all;
    for (const char* set : {"plain", "chat", "extra_plain", "extra_chat"})
      for (Record& record : read_set(set)) all.push_back(std::move(record));
    return all;
  }();
  return records;
}

RouterOptions oracle_options(const std::string& profile) {
  RouterOptions options;
  options.model = conformance_path("hf_oracle/models/realvocab_bf16");
  options.tokenizer = conformance_path("qwen3_tokenizer/tokenizer.json");
  options.head = conformance_path("hf_oracle/route/router_head.safetensors");
  options.profile = profile;
  options.threads = 1;
  return options;
}

/// Records with the same options are routed in one batch.
std::vector<Result<Decision>> route_all(Router& router, std::span<const Record> records) {
  std::vector<Result<Decision>> decisions(records.size());
  std::map<std::pair<InputMode, bool>, std::vector<size_t>> groups;
  for (size_t i = 0; i < records.size(); ++i)
    groups[{records[i].input_mode, records[i].parse_special}].push_back(i);
  for (const auto& [key, members] : groups) {
    InputOptions input;
    input.input_mode = key.first;
    input.parse_special_tokens = key.second;
    std::vector<QueryView> queries;
    for (const size_t i : members) queries.emplace_back(records[i].messages);
    auto results = router.route_batch(queries, input, hashed());
    for (size_t n = 0; n < members.size(); ++n) decisions[members[n]] = std::move(results[n]);
  }
  return decisions;
}

class RouteRecords : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    TRINITY_REQUIRE_CONFORMANCE("hf_oracle/route/router_head.safetensors");
    TRINITY_REQUIRE_CONFORMANCE("qwen3_tokenizer/tokenizer.json");
    const auto profile = router::resolve_profile(GetParam());
    if (!profile && profile.error().tag == "profile_unavailable")
      GTEST_SKIP() << "SKIPPED: " << profile.error().message;
    router = load(oracle_options(GetParam()));
    ASSERT_EQ(all_records().size(), 107u);
  }

  /// The slow lanes take a few records of each set, the fast ones all.
  std::vector<Record> records() const {
    if (GetParam().rfind("reference", 0) != 0) return all_records();
    std::vector<Record> some;
    for (size_t i = 0; i < all_records().size(); i += 9)
      if (all_records()[i].values.at("token_count") < 120) some.push_back(all_records()[i]);
    return some;
  }

  std::unique_ptr<Router> router;
};

TEST_P(RouteRecords, N8_LogitsAndDecisionsAgreeWithTheRecordedOnes) {
  const bool bf16_order = GetParam() == "reference_bf16";
  const bool exact_lane =
      !bf16_order && GetParam() != "cpu_bf16" && GetParam().find("int8") == std::string::npos;
  const json::json_pointer recorded(bf16_order ? "/bf16" : "/f32");
  const double margin = exact_lane ? kF32Margin : kBf16Margin;
  const auto chosen = records();
  ASSERT_GE(chosen.size(), 8u);
  const auto decisions = route_all(*router, chosen);
  double worst = 0;
  int compared = 0;
  for (size_t i = 0; i < chosen.size(); ++i) {
    SCOPED_TRACE(chosen[i].set + " " + chosen[i].id);
    ASSERT_TRUE(decisions[i]) << decisions[i].error().message;
    const Decision& decision = *decisions[i];
    const json& want = chosen[i].values.at(recorded);
    const auto logits = want.at("logits").get<std::vector<double>>();
    ASSERT_EQ(decision.logits.size(), 10u);
    for (size_t n = 0; n < logits.size(); ++n) {
      const double error = std::abs(decision.logits[n] - logits[n]);
      worst = std::max(worst, error);
      if (exact_lane) {
        EXPECT_LE(error, 1e-3);
      }
      if (bf16_order) {
        EXPECT_LE(error, 0.4);
      }
    }
    if (want.at("agent_margin") > margin && want.at("role_margin") > margin) {
      EXPECT_EQ(decision.agent_id, want.at("agent"));
      EXPECT_EQ(decision.role_id, want.at("role"));
      ++compared;
    }
  }
  EXPECT_GT(compared, static_cast<int>(chosen.size() / 3));
  RecordProperty("worst_logit_error", std::to_string(worst));
  RecordProperty("decisions_compared", compared);
}

TEST_P(RouteRecords, CountsAndHashesAgree) {
  const auto chosen = records();
  const auto decisions = route_all(*router, chosen);
  for (size_t i = 0; i < chosen.size(); ++i) {
    SCOPED_TRACE(chosen[i].set + " " + chosen[i].id);
    ASSERT_TRUE(decisions[i]);
    const Decision& decision = *decisions[i];
    EXPECT_EQ(decision.token_count, chosen[i].values.at("token_count"));
    EXPECT_EQ(decision.hidden_index, chosen[i].values.at("hidden_index"));
    EXPECT_EQ(decision.transcript_hash, chosen[i].transcript_hash);
    if (chosen[i].input_mode == InputMode::plain) {
      EXPECT_EQ(decision.trace_messages_hash, chosen[i].values.at("trace_messages_hash"));
    }
    ASSERT_TRUE(decision.route_hash);
    EXPECT_EQ(decision.route_hash->size(), 64u);
    EXPECT_EQ(decision.profile, router->info().profile);
    EXPECT_EQ(decision.input_mode, chosen[i].input_mode);
    EXPECT_FALSE(decision.tiny_router);
    // Margins are those of the logits.
    auto agents = decision.logits;
    agents.resize(7);
    std::sort(agents.rbegin(), agents.rend());
    EXPECT_DOUBLE_EQ(*decision.margins.agent, double{agents[0]} - double{agents[1]});
  }
}

TEST_P(RouteRecords, OneByOneIsTheSameAsTogether) {
  // Lanes that promise equal decisions only are judged by those above.
  if (!backend::promises_bits(router::resolve_profile(GetParam())->exactness) ||
      !held_to_bits(GetParam()))
    return;
  const auto chosen = records();
  const auto together = route_all(*router, chosen);
  for (size_t i = 0; i < chosen.size(); i += 5)
    for (const bool full : {false, true}) {
      InputOptions input;
      input.input_mode = chosen[i].input_mode;
      input.parse_special_tokens = chosen[i].parse_special;
      input.full = full;
      EXPECT_EQ(fingerprint(router->route(chosen[i].messages, input, hashed())),
                fingerprint(together[i]))
          << chosen[i].set << " " << chosen[i].id;
    }
}

INSTANTIATE_TEST_SUITE_P(Lanes, RouteRecords,
                         ::testing::Values("cpu_f32", "cpu_bf16", "cpu_int8", "reference",
                                           "reference_bf16", "reference_exact",
                                           "reference_exact_int8", "mlx", "mlx_fast",
                                           plugin_lane("plugin_openblas")),
                         [](const auto& lane) { return plugin_lane_name(lane.param); });

TEST(RouteRecordsText, TextIdsAndHiddenVectorsAgree) {
  TRINITY_REQUIRE_CONFORMANCE("hf_oracle/route/hidden.safetensors");
  TRINITY_REQUIRE_CONFORMANCE("qwen3_tokenizer/tokenizer.json");
  const auto router = load(oracle_options("cpu_f32"));
  const auto hidden =
      take(SafetensorsFile::open(conformance_path("hf_oracle/route/hidden.safetensors")));
  for (const Record& record : all_records()) {
    SCOPED_TRACE(record.set + " " + record.id);
    InputOptions input;
    input.input_mode = record.input_mode;
    input.parse_special_tokens = record.parse_special;
    const RouterQuery query = record.messages;
    const Extraction got = take(std::move(router->extract_batch({&query, 1}, input).front()));
    EXPECT_EQ(got.text, record.text);
    EXPECT_EQ(got.ids, record.values.at("ids").get<Ids>());
    const auto rows = take(to_f32(take(hidden.tensor(record.set + ".hidden_f32"))));
    const auto begin = rows.begin() + record.values.at("row").get<int64_t>() * 64;
    ASSERT_EQ(got.hidden.size(), 64u);
    for (size_t i = 0; i < 64; ++i) {
      const double want = begin[static_cast<std::ptrdiff_t>(i)];
      EXPECT_LE(std::abs(got.hidden[i] - want), 1e-4 * (1 + std::abs(want)));
    }
    // The recorded text and ids are read alike.
    InputOptions as_text;
    as_text.parse_special_tokens = record.parse_special || record.input_mode == InputMode::chat_raw;
    EXPECT_EQ(
        take(
            std::move(router->extract_batch(std::vector<RouterQuery>{RawText{record.text}}, as_text)
                          .front()))
            .hidden,
        got.hidden);
    EXPECT_EQ(take(std::move(router->extract_batch(std::vector<RouterQuery>{got.ids}, {}).front()))
                  .hidden,
              got.hidden);
  }
}

TEST(RouteRecordsText, TheVocabularyIsFoundBesideTheModels) {
  TRINITY_REQUIRE_CONFORMANCE("hf_oracle/route/plain.jsonl");
  TRINITY_REQUIRE_CONFORMANCE("qwen3_tokenizer/tokenizer.json");
  RouterOptions options = oracle_options("cpu_f32");
  options.tokenizer.clear();
  const auto router = load(options);
  const Record& record = all_records().front();
  const RouterQuery query = record.messages;
  EXPECT_EQ(take(std::move(router->extract_batch({&query, 1}).front())).ids,
            record.values.at("ids").get<Ids>());
}

}  // namespace
}  // namespace trinity::testing
