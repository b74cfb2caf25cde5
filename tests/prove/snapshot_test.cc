// Snapshots: where they are found, how they are read and written.
#include "prove/eval/snapshot.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/temporary_folder.h"
#include "prove/lab_support.h"

namespace trinity::testing {
namespace {

using nlohmann::json;

constexpr const char* kFile = "qwen_router_prompt_eval_logits.json";

prove::EvalSnapshot small_snapshot() {
  prove::EvalSnapshot snapshot;
  snapshot.generated_at = prove::timestamp_now();
  snapshot.cases.push_back({"a", 1, 2, 7, 0.25, 1.5, {0.1, -0.0000001}, {3}, "t", "r"});
  return snapshot;
}

TEST(Snapshots, SNP1_AnExplicitPathIsTakenEvenIfMissing) {
  const std::vector<std::string> names = {"cuda_exla"};
  EXPECT_EQ(prove::find_snapshot("/tmp/explicit.json", "/", names), "/tmp/explicit.json");
  EXPECT_EQ(prove::load_snapshot("/no/such/snapshot.json").error().kind, ErrorKind::missing);
}

TEST(Snapshots, SNP2_SNP3_SNP4_TheFileOfTheProfileOrNone) {
  const TemporaryFolder folder;
  const std::vector<std::string> names = {"alias", "fake"};
  EXPECT_EQ(prove::find_snapshot("", folder.path(), names), std::nullopt);  // SNP-4
  folder.put(std::string("examples/fixtures/") + kFile, "{}");
  EXPECT_EQ(prove::find_snapshot("", folder.path(), names), std::nullopt);  // SNP-3
  const std::string of_fake = std::string("examples/fixtures/runtime_profiles/fake/") + kFile;
  std::filesystem::create_directories(folder / of_fake);  // a folder is no file
  EXPECT_EQ(prove::find_snapshot("", folder.path(), names), std::nullopt);
  std::filesystem::remove(folder / of_fake);
  folder.put(of_fake, "{}");
  EXPECT_EQ(prove::find_snapshot("", folder.path(), names), folder / of_fake);  // SNP-2
  const std::string of_alias = std::string("examples/fixtures/runtime_profiles/alias/") + kFile;
  folder.put(of_alias, "{}");
  EXPECT_EQ(prove::find_snapshot("", folder.path(), names), folder / of_alias)
      << "the asked-for name";
  const std::vector<std::string> hostile = {"../fake", "plugin:/a/b", ""};
  EXPECT_EQ(prove::find_snapshot("", folder.path(), hostile), std::nullopt);
}

TEST(Snapshots, WhatIsWrittenIsReadBack) {
  prove::EvalSnapshot snapshot = small_snapshot();
  snapshot.profile = "cpu_f32";
  snapshot.fidelity_mode = "reference";
  snapshot.producer = "p";
  snapshot.model = "m";
  snapshot.margin_floors = backend::MarginFloors{0.24, 1.06};
  const std::string text = prove::snapshot_json(snapshot);
  const prove::EvalSnapshot read = take(prove::read_snapshot(text, "test"));
  EXPECT_EQ(prove::snapshot_json(read), text);
  EXPECT_EQ(read.cases[0].agent_logits, snapshot.cases[0].agent_logits);
  EXPECT_EQ(read.margin_floors->role, 1.06);
  EXPECT_TRUE(text.ends_with("}\n"));
}

TEST(Snapshots, OptionalKeysAreLeftOutWhenUnknown) {
  const json document = json::parse(prove::snapshot_json(small_snapshot()));
  EXPECT_EQ(document.size(), 3u) << document;
  EXPECT_EQ(document["schema_version"], 1);
  EXPECT_EQ(document["cases"][0].size(), 10u);
}

TEST(Snapshots, BrokenOnesAreRefused) {
  const auto tag = [](const std::string& pointer, const json& value) {
    json document = json::parse(prove::snapshot_json(small_snapshot()));
    document[json::json_pointer(pointer)] = value;
    const auto read = prove::read_snapshot(document.dump(), "test");
    return read ? std::string("ok") : read.error().tag;
  };
  EXPECT_EQ(tag("/schema_version", 3), "unsupported_schema_version");
  for (const auto& [key, value] :
       std::initializer_list<std::pair<const char*, json>>{{"id", 1},
                                                           {"agent_id", -1},
                                                           {"role_id", 1000},
                                                           {"token_count", 1.5},
                                                           {"agent_margin", "x"},
                                                           {"role_margin", nullptr},
                                                           {"agent_logits_rounded", {"x"}},
                                                           {"role_logits_rounded", 1},
                                                           {"transcript_hash", 1},
                                                           {"route_hash", nullptr}})
    EXPECT_EQ(tag("/cases/0/" + std::string(key), value), "invalid_snapshot") << key;
  EXPECT_EQ(tag("/cases", 1), "invalid_snapshot");
  EXPECT_EQ(tag("/margin_floors", {{"agent", 1}}), "invalid_snapshot");
  json twice = json::parse(prove::snapshot_json(small_snapshot()));
  twice["cases"].push_back(twice["cases"][0]);
  EXPECT_EQ(prove::read_snapshot(twice.dump(), "t").error().tag, "invalid_snapshot");
}

TEST(Snapshots, TheTimeIsIsoWithMicroseconds) {
  const std::string now = prove::timestamp_now();
  ASSERT_EQ(now.size(), std::string("2026-05-20T23:09:18.183509Z").size()) << now;
  EXPECT_EQ(now[10], 'T');
  EXPECT_EQ(now[19], '.');
  EXPECT_EQ(now.back(), 'Z');
}

TEST(Timestamps, BeforeTheEpochToo) {
  using namespace std::chrono;
  EXPECT_EQ(prove::timestamp_of(system_clock::time_point(microseconds(1))),
            "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(prove::timestamp_of(system_clock::time_point(microseconds(-203448))),
            "1969-12-31T23:59:59.796552Z");
}

}  // namespace
}  // namespace trinity::testing
