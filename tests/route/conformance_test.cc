// Head, selection and margins against the routing records of the conformance data.
#include "support/conformance.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "route/head.h"
#include "route/margins.h"
#include "route/selection.h"
#include "tensor/safetensors.h"

namespace trinity {
namespace {

using nlohmann::json;
using testing::conformance_path;

std::vector<json> read_jsonl(const std::string& relative) {
  std::ifstream file(conformance_path(relative));
  std::vector<json> records;
  for (std::string line; std::getline(file, line);) records.push_back(json::parse(line));
  return records;
}

struct RecordSet {
  const char* records;
  const char* hidden_file;
  const char* hidden_prefix;  // tensors <prefix>.hidden_f32 and <prefix>.hidden_bf16
};

class RouteRecords : public ::testing::TestWithParam<RecordSet> {};

// The records hold the f32 product of head and hidden vector; f32 sums differ from ours by less
// than this.
constexpr double kTolerance = 1e-4;

TEST_P(RouteRecords, HeadSelectionAndMarginsAgree) {
  const RecordSet& set = GetParam();
  TRINITY_REQUIRE_CONFORMANCE(set.records);
  TRINITY_REQUIRE_CONFORMANCE(set.hidden_file);
  TRINITY_REQUIRE_CONFORMANCE("hf_oracle/route/router_head.safetensors");
  const auto head = route::Head::load(conformance_path("hf_oracle/route/router_head.safetensors"));
  ASSERT_TRUE(head) << head.error().message;
  ASSERT_EQ(head->num_agents(), 7u);
  const auto hidden = SafetensorsFile::open(conformance_path(set.hidden_file));
  ASSERT_TRUE(hidden) << hidden.error().message;

  const auto records = read_jsonl(set.records);
  ASSERT_GE(records.size(), 16u);
  double largest = 0.0;
  for (const auto& record : records) {
    for (const char* precision : {"f32", "bf16"}) {
      const auto& lane = record.at(precision);
      const auto view = hidden->tensor(std::string(set.hidden_prefix) + ".hidden_" + precision);
      ASSERT_TRUE(view) << view.error().message;
      std::vector<float> row(head->hidden_size());
      ASSERT_TRUE(copy_row_f32(*view, record.at("row").get<std::int64_t>(), row));
      const auto logits = head->logits(row);
      ASSERT_TRUE(logits) << logits.error().message;

      // The recorded logits decide as recorded, with the recorded margins, bit for bit.
      const auto recorded = lane.at("logits").get<std::vector<float>>();
      const auto route = route::select_route(recorded, 7, 3, {});
      ASSERT_TRUE(route);
      EXPECT_EQ(route->agent_id, lane.at("agent")) << record.at("id");
      EXPECT_EQ(route->role_id, lane.at("role")) << record.at("id");
      const Margins margins = route::logit_margins(recorded, 7);
      EXPECT_EQ(*margins.agent, lane.at("agent_margin")) << record.at("id");
      EXPECT_EQ(*margins.role, lane.at("role_margin")) << record.at("id");

      // Our logits of the recorded hidden vector are the recorded ones.
      ASSERT_EQ(logits->size(), recorded.size());
      for (std::size_t i = 0; i < recorded.size(); ++i) {
        largest = std::max(largest, std::fabs(static_cast<double>((*logits)[i]) - recorded[i]));
      }
      if (*margins.agent > 2 * kTolerance && *margins.role > 2 * kTolerance) {
        const auto own = route::select_route(*logits, 7, 3, {});
        EXPECT_EQ(own->agent_id, lane.at("agent")) << record.at("id");
        EXPECT_EQ(own->role_id, lane.at("role")) << record.at("id");
      }
    }
  }
  EXPECT_LT(largest, kTolerance);
  RecordProperty("largest_logit_difference", std::to_string(largest));
}

INSTANTIATE_TEST_SUITE_P(
    HfOracle, RouteRecords,
    ::testing::Values(
        RecordSet{"hf_oracle/route/plain.jsonl", "hf_oracle/route/hidden.safetensors", "plain"},
        RecordSet{"hf_oracle/route/chat.jsonl", "hf_oracle/route/hidden.safetensors", "chat"},
        RecordSet{"hf_oracle/route/extra_plain.jsonl", "hf_oracle/route/hidden.safetensors",
                  "extra_plain"},
        RecordSet{"hf_oracle/route/extra_chat.jsonl", "hf_oracle/route/hidden.safetensors",
                  "extra_chat"},
        RecordSet{"hf_oracle/svf/routed_separate_plain.jsonl",
                  "hf_oracle/svf/routed_hidden.safetensors", "separate.plain"},
        RecordSet{"hf_oracle/svf/routed_last_write_plain.jsonl",
                  "hf_oracle/svf/routed_hidden.safetensors", "last_write.plain"}),
    [](const auto& set) {
      std::string name = set.param.hidden_prefix;
      for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
      return name;
    });

TEST(PromptEvalSnapshot, LogitsDecideAsPublishedWithTheirMargins) {
  TRINITY_REQUIRE_CONFORMANCE("prompt_eval/snapshot_cuda.json");
  std::ifstream file(conformance_path("prompt_eval/snapshot_cuda.json"));
  const json snapshot = json::parse(file);
  ASSERT_EQ(snapshot.at("cases").size(), 37u);
  for (const auto& entry : snapshot.at("cases")) {
    auto logits = entry.at("agent_logits_rounded").get<std::vector<float>>();
    for (const float logit : entry.at("role_logits_rounded")) logits.push_back(logit);
    const auto route = route::select_route(logits, 7, 3, {});
    ASSERT_TRUE(route);
    EXPECT_EQ(route->agent_id, entry.at("agent_id")) << entry.at("id");
    EXPECT_EQ(route->role_id, entry.at("role_id")) << entry.at("id");
    // The snapshot's margins are those of unrounded logits.
    const Margins margins = route::logit_margins(logits, 7);
    EXPECT_NEAR(*margins.agent, entry.at("agent_margin"), 4e-6) << entry.at("id");
    EXPECT_NEAR(*margins.role, entry.at("role_margin"), 4e-6) << entry.at("id");
  }
}

TEST(RouterVector, TheTailOfTheVectorIsAHead) {
  const std::string path = "sakana/trinity_router_es_vector.safetensors";
  TRINITY_REQUIRE_CONFORMANCE(path);
  const auto file = SafetensorsFile::open(conformance_path(path));
  ASSERT_TRUE(file) << file.error().message;
  const auto vector = to_f32(*file->tensor("trinity_router_es_vector"));
  ASSERT_TRUE(vector);
  const auto head = route::Head::from_weights(std::span(*vector).subspan(9216), 10, 1024);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->num_agents(), 7u);
  EXPECT_EQ(head->num_roles(), 3u);
}

TEST(RouterVector, AVectorIsNotMistakenForAHead) {
  const std::string path = "sakana/trinity_router_es_vector.safetensors";
  TRINITY_REQUIRE_CONFORMANCE(path);
  const auto head = route::Head::load(conformance_path(path));
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().tag, "missing_router_head_tensor");
  const auto named = route::Head::load(conformance_path(path), "trinity_router_es_vector");
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().tag, "invalid_head_weights");
}

}  // namespace
}  // namespace trinity
