// Hashes against the published snapshot and the routing records of the conformance data.
#include "support/conformance.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "hash/canonical.h"
#include "hash/rounding.h"
#include "tensor/safetensors.h"

namespace trinity::hash {
namespace {

using nlohmann::json;
using testing::conformance_path;

std::vector<json> read_cases(const std::string& relative) {
  std::ifstream file(conformance_path(relative));
  return json::parse(file).at("cases");
}

std::vector<json> read_jsonl(const std::string& relative) {
  std::ifstream file(conformance_path(relative));
  std::vector<json> records;
  for (std::string line; std::getline(file, line);) records.push_back(json::parse(line));
  return records;
}

std::vector<Message> messages_of(const json& list) {
  std::vector<Message> messages;
  for (const auto& entry : list) {
    messages.push_back(
        {entry.at("role").get<std::string>(), entry.at("content").get<std::string>()});
  }
  return messages;
}

// The messages in the byte form of the evaluation hash.
Term evaluation_term(const std::vector<Message>& messages) {
  List list;
  for (const auto& message : messages) {
    list.emplace_back(Map{{{Symbol{"role"}, message.role}, {Symbol{"content"}, message.content}}});
  }
  return list;
}

bool is_compressed(const std::vector<Message>& messages) {
  const auto bytes = encode_term_compressed(evaluation_term(messages));
  return static_cast<unsigned char>((*bytes)[1]) == 80;
}

TEST(PromptEvalSnapshot, N3TranscriptAndRouteHashesOfAllCases) {
  TRINITY_REQUIRE_CONFORMANCE("prompt_eval/cases.json");
  TRINITY_REQUIRE_CONFORMANCE("prompt_eval/snapshot_cuda.json");
  std::map<std::string, json> snapshot;
  for (const auto& entry : read_cases("prompt_eval/snapshot_cuda.json")) {
    snapshot[entry.at("id")] = entry;
  }
  const auto cases = read_cases("prompt_eval/cases.json");
  ASSERT_EQ(cases.size(), 37u);
  for (const auto& entry : cases) {
    const auto& expected = snapshot.at(entry.at("id"));
    EXPECT_EQ(*transcript_hash(messages_of(entry.at("messages"))), expected.at("transcript_hash"))
        << entry.at("id");
    auto logits = expected.at("agent_logits_rounded").get<std::vector<double>>();
    for (const double logit : expected.at("role_logits_rounded")) logits.push_back(logit);
    EXPECT_EQ(*route_hash(expected.at("agent_id"), expected.at("role_id"), logits),
              expected.at("route_hash"))
        << entry.at("id");
  }
}

TEST(PromptEvalSnapshot, N3CompressedSizeBoundary) {
  TRINITY_REQUIRE_CONFORMANCE("prompt_eval/cases.json");
  std::map<std::string, std::vector<Message>> cases;
  std::set<std::string> plain;
  for (const auto& entry : read_cases("prompt_eval/cases.json")) {
    const auto messages = messages_of(entry.at("messages"));
    cases[entry.at("id")] = messages;
    if (!is_compressed(messages)) plain.insert(entry.at("id").get<std::string>());
  }
  EXPECT_EQ(plain, (std::set<std::string>{"unicode_emoji", "math_direct", "empty_user"}));

  // latex_math saves exactly the six bytes that the rule asks for, unicode_emoji only two.
  EXPECT_EQ(encode_term(evaluation_term(cases.at("latex_math")))->size(), 108u);
  EXPECT_EQ(encode_term_compressed(evaluation_term(cases.at("latex_math")))->size(), 108u);
  EXPECT_TRUE(is_compressed(cases.at("latex_math")));
  EXPECT_EQ(encode_term(evaluation_term(cases.at("unicode_emoji")))->size(), 113u);
}

TEST(PromptEvalSnapshot, N3TraceMessagesOfVerificationAfterWorker) {
  TRINITY_REQUIRE_CONFORMANCE("prompt_eval/cases.json");
  for (const auto& entry : read_cases("prompt_eval/cases.json")) {
    if (entry.at("id") != "verification_after_worker") continue;
    EXPECT_EQ(*trace_messages_hash(messages_of(entry.at("messages"))),
              "2c2b43cae6155370016a93a863e720938c978ebe9a271233909bb38da6271061");
    return;
  }
  FAIL() << "the case is missing";
}

class RouteRecords : public ::testing::TestWithParam<const char*> {};

TEST_P(RouteRecords, ReproduceEveryHashAndRounding) {
  TRINITY_REQUIRE_CONFORMANCE(GetParam());
  const auto records = read_jsonl(GetParam());
  ASSERT_GE(records.size(), 16u);
  for (const auto& record : records) {
    const std::string id = record.at("id");
    if (record.contains("messages")) {
      const auto messages = messages_of(record.at("messages"));
      EXPECT_EQ(*transcript_hash(messages), record.at("transcript_hash")) << id;
      EXPECT_EQ(*trace_messages_hash(messages), record.at("trace_messages_hash")) << id;
    }
    if (record.contains("chat_messages")) {
      EXPECT_EQ(*transcript_hash(messages_of(record.at("chat_messages"))),
                record.at("chat_messages_hash"))
          << id;
    }
    for (const char* text : {"transcript", "rendered"}) {
      if (!record.contains(text)) continue;
      EXPECT_EQ(sha256_hex(std::string_view(record.at(text).get_ref<const std::string&>())),
                record.at(std::string(text) + "_sha256"))
          << id;
    }
    if (record.contains("ids")) {
      EXPECT_EQ(token_ids_sha256(record.at("ids").get<std::vector<std::int32_t>>()),
                record.at("token_ids_sha256"))
          << id;
    }
    for (const char* precision : {"f32", "bf16"}) {
      const auto& lane = record.at(precision);
      const auto logits = lane.at("logits").get<std::vector<double>>();
      const auto rounded = lane.at("logits_rounded").get<std::vector<double>>();
      std::vector<double> own;
      for (const double logit : logits) own.push_back(round_decimal(logit, 6));
      EXPECT_EQ(own, rounded) << id;
      EXPECT_EQ(*route_hash(lane.at("agent"), lane.at("role"), rounded), lane.at("route_hash"))
          << id;
      EXPECT_EQ(*route_hash(lane.at("agent"), lane.at("role"),
                            std::vector<float>(logits.begin(), logits.end())),
                lane.at("route_hash"))
          << id;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(HfOracle, RouteRecords,
                         ::testing::Values("hf_oracle/route/plain.jsonl",
                                           "hf_oracle/route/chat.jsonl",
                                           "hf_oracle/route/extra_plain.jsonl",
                                           "hf_oracle/route/extra_chat.jsonl",
                                           "hf_oracle/svf/routed_separate_plain.jsonl",
                                           "hf_oracle/svf/routed_separate_extra_plain.jsonl",
                                           "hf_oracle/svf/routed_last_write_plain.jsonl",
                                           "hf_oracle/svf/routed_last_write_extra_plain.jsonl"),
                         [](const auto& file) {
                           std::string name = file.param;
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

TEST(RouterVector, N3HashesOfFileHeadAndOffsets) {
  const std::string safetensors = "sakana/trinity_router_es_vector.safetensors";
  TRINITY_REQUIRE_CONFORMANCE(safetensors);
  EXPECT_EQ(*sha256_file(conformance_path(safetensors)),
            "b9bf105b818cc32f3a25877b75adce1ec65e5201d524b929d217eb045a6ffa05");
  const auto file = SafetensorsFile::open(conformance_path(safetensors));
  ASSERT_TRUE(file) << file.error().message;
  const auto view = file->tensor("trinity_router_es_vector");
  ASSERT_TRUE(view) << view.error().message;
  const auto vector = to_f32(*view);
  ASSERT_TRUE(vector) << vector.error().message;
  ASSERT_EQ(vector->size(), 9216u + 10240u);
  EXPECT_EQ(f32_sha256(std::span(*vector).first(9216)),
            "e11b4bc8b7e378d995b12b342c9527eacf45bb673022bd06524b51b36fc83f7a");
  EXPECT_EQ(f32_sha256(std::span(*vector).subspan(9216)),
            "1897dfc218680a0bbdbd095c25857931f1c4842de81611574ea8bcc6a20342c3");
}

TEST(RouterVector, N3HashOfTheNumpyFile) {
  TRINITY_REQUIRE_CONFORMANCE("sakana/sakana_model_iter_60.npy");
  EXPECT_EQ(*sha256_file(conformance_path("sakana/sakana_model_iter_60.npy")),
            "769f64ee4e01080ff67e64a677ed3ce5268da69cdf7a44810accb096ef64ab10");
}

}  // namespace
}  // namespace trinity::hash
