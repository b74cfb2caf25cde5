// Reading the benchmark's data, and the data set of this repository.
#include "benchmark/dataset.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "base/temporary_folder.h"
#include "prove/eval/cases.h"
#include "prove/lab_support.h"
#include "prove/matrix/op_cases_inputs.h"

namespace trinity::testing {
namespace {

using nlohmann::json;

json record(const std::string& id, const std::string& family, const json& agent, const json& role) {
  return {{"id", id},
          {"family", family},
          {"messages", {{{"role", "user"}, {"content", "What is 2 + 2?"}}}},
          {"expected_agent", agent},
          {"expected_role", role}};
}

/// Families and labels as in older sets of this format; blank lines, one of them with spaces.
std::string five_lines() {
  return fmt::format(
      "{}\n{}\n\n{}\r\n{}\n   \n{}", record("math_001", "math", 0, 2).dump(),
      record("code_001", "coding", 1, 1).dump(), record("proof_001", "proof", 2, 1).dump(),
      record("math_002", "math", 0, 2).dump(), record("coding_002", "coding", 1, 0).dump());
}

std::string tag_of(const std::string& jsonl) {
  const auto set = benchmark::read_benchmark_dataset(jsonl, "set.jsonl");
  return set ? "ok" : set.error().tag;
}

TEST(BenchmarkDataset, BDS_1_CasesHaveFamiliesAndWholeNumbersAsLabels) {
  const TemporaryFolder folder;
  const benchmark::BenchmarkDataset set =
      take(benchmark::load_benchmark_dataset(folder.put("five.jsonl", five_lines())));
  ASSERT_EQ(set.cases.size(), 5U);
  EXPECT_EQ(set.name, "five.jsonl");
  for (const benchmark::BenchmarkCase& one : set.cases) {
    EXPECT_TRUE((std::set<std::string>{"math", "coding", "proof"}).contains(one.family));
    EXPECT_TRUE(one.expected_agent.has_value() && one.expected_role.has_value());
  }
  EXPECT_EQ(set.cases[2].expected_agent, 2);
  EXPECT_EQ(set.cases[4].id, "coding_002");
  EXPECT_EQ(set.ignored_labels, 0U);
  EXPECT_EQ(benchmark::load_benchmark_dataset(folder / "absent").error().kind, ErrorKind::missing);
}

TEST(BenchmarkDataset, OptionalKeysAreKeptAndForeignOnesIgnored) {
  json full = record("a", "f", nullptr, 0);
  full["difficulty"] = "hard";
  full["source"] = "here";
  full["metadata"] = {{"k", 1}};
  full["other"] = {1, 2};
  const auto set = take(benchmark::read_benchmark_dataset(full.dump(), "x/y.jsonl"));
  EXPECT_EQ(set.name, "y.jsonl");
  EXPECT_EQ(set.cases[0].difficulty, "hard");
  EXPECT_EQ(set.cases[0].source, "here");
  EXPECT_EQ(set.cases[0].metadata, "{\"k\":1}");
  EXPECT_FALSE(set.cases[0].expected_agent);
  EXPECT_EQ(set.cases[0].expected_role, 0);
  EXPECT_EQ(
      take(benchmark::read_benchmark_dataset(record("a", "f", 0, 0).dump(), "")).cases[0].metadata,
      "{}");
}

TEST(BenchmarkDataset, MessagesAreReadAsEverywhere) {
  const std::string line =
      R"({"id":"a","family":"f","messages":[{"role":"user","content":[{"type":"text","text":"x"}]},)"
      R"({"role":"assistant","content":null,"tool_calls":[{"function":{"name":"g",)"
      R"("arguments":{"z":1.0,"a":2}}}]}]})";
  const benchmark::BenchmarkCase one =
      take(benchmark::read_benchmark_dataset(line, "s")).cases.at(0);
  EXPECT_EQ(one.messages[0].content, "x");
  EXPECT_EQ(one.messages[1].tool_calls.at(0).arguments, R"({"z": 1.0, "a": 2})");
  const auto image = benchmark::read_benchmark_dataset(
      R"({"id":"a","family":"f","messages":[{"role":"user","content":[{"type":"image"}]}]})", "s");
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().tag, "invalid_record_schema");
  EXPECT_NE(image.error().message.find("image"), std::string::npos) << image.error().message;
}

TEST(BenchmarkDataset, ALabelThatIsNoWholeNumberFromZeroIsNoneAndCounted) {
  for (const json& label : {json(-1), json(1.5), json("2"), json(true), json::array({1}),
                            json(std::uint64_t{1} << 40)}) {
    const auto set =
        take(benchmark::read_benchmark_dataset(record("a", "f", label, 1).dump(), "s"));
    EXPECT_FALSE(set.cases[0].expected_agent) << label;
    EXPECT_EQ(set.cases[0].expected_role, 1);
    EXPECT_EQ(set.ignored_labels, 1U) << label;
  }
}

TEST(BenchmarkDataset, BDS_2_ABadLineIsNamedByItsNumber) {
  for (const std::string bad :
       {"{", "{\"id\":\"a\",\"id\":\"b\"}", "[]", "7", "null", "{} {}", "\xff", "{\"a\":1,}"}) {
    const auto set = benchmark::read_benchmark_dataset(
        fmt::format("{}\n{}\n{}", five_lines(), bad, five_lines()), "set");
    ASSERT_FALSE(set) << bad;
    EXPECT_EQ(set.error().tag, "invalid_jsonl") << bad;
    EXPECT_NE(set.error().message.find("line 8 of set"), std::string::npos) << set.error().message;
  }
}

TEST(BenchmarkDataset, BDS_3_ARecordOfAnotherShapeIsRefused) {
  const auto with = [](const std::string& pointer, const json& value) {
    json one = record("a", "f", 0, 0);
    one[json::json_pointer(pointer)] = value;
    return tag_of(one.dump());
  };
  EXPECT_EQ(tag_of(record("a", "f", 0, 0).dump()), "ok");
  for (const char* key : {"/id", "/family", "/messages"}) {
    EXPECT_EQ(with(key, ""), "invalid_record_schema") << key;
    EXPECT_EQ(with(key, nullptr), "invalid_record_schema") << key;
    EXPECT_EQ(with(key, 7), "invalid_record_schema") << key;
    EXPECT_EQ(with(key, json::array()), "invalid_record_schema") << key;
    json without = record("a", "f", 0, 0);
    without.erase(key + 1);
    EXPECT_EQ(tag_of(without.dump()), "invalid_record_schema") << key;
  }
  EXPECT_EQ(with("/messages/0", "text"), "invalid_record_schema");
  EXPECT_EQ(with("/messages/0/role", 1), "invalid_record_schema");
  EXPECT_EQ(with("/messages/0/content", nullptr), "invalid_record_schema");
}

TEST(BenchmarkDataset, DamagedTextIsReadOrRefusedByName) {
  prove::InputStream stream(5);
  const std::string whole = five_lines();
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (std::int64_t edits = stream.integer(1, 3); edits > 0; --edits) {
      const auto at =
          static_cast<std::size_t>(stream.integer(0, static_cast<std::int64_t>(text.size()) - 1));
      switch (stream.integer(0, 2)) {
        case 0:
          text[at] = static_cast<char>(stream.integer(0, 255));
          break;
        case 1:
          text.erase(at, static_cast<std::size_t>(stream.integer(1, 20)));
          break;
        default:
          text.insert(at, 1, "{}[]\",:\n\\0"[stream.integer(0, 9)]);
          break;
      }
      if (text.empty()) text.push_back(' ');
    }
    const auto set = benchmark::read_benchmark_dataset(text, "set");
    if (set) {
      for (const benchmark::BenchmarkCase& one : set->cases) {
        EXPECT_FALSE(one.id.empty() || one.family.empty() || one.messages.empty());
        EXPECT_GE(one.expected_agent.value_or(0), 0);
      }
      continue;
    }
    ++refused;
    EXPECT_TRUE(set.error().tag == "invalid_jsonl" || set.error().tag == "invalid_record_schema")
        << set.error().tag;
    EXPECT_TRUE(set.error().message.starts_with("line ")) << set.error().message;
  }
  EXPECT_GT(refused, 1000) << "most edits must matter";
}

TEST(BenchmarkDataset, TheBuiltInSetIsTheFileOfTheRepositoryAndCoversEverything) {
  const std::filesystem::path root = TRINITY_SOURCE_DIR;
  const benchmark::BenchmarkDataset built_in = take(benchmark::built_in_benchmark_dataset());
  const benchmark::BenchmarkDataset file =
      take(benchmark::load_benchmark_dataset(root / "lab/benchmark/tasks.jsonl"));
  EXPECT_EQ(built_in.sha256, file.sha256);
  EXPECT_EQ(built_in.name, file.name);
  EXPECT_EQ(built_in.origin, "built in");
  EXPECT_GE(built_in.cases.size(), 150U);
  std::map<std::string, std::size_t> families;
  std::set<std::string> ids;
  std::set<int> agents, roles;
  for (const benchmark::BenchmarkCase& one : built_in.cases) {
    EXPECT_TRUE(ids.insert(one.id).second) << one.id;
    ++families[one.family];
    ASSERT_TRUE(one.expected_agent && one.expected_role) << one.id;
    agents.insert(*one.expected_agent);
    roles.insert(*one.expected_role);
    EXPECT_TRUE((std::set<std::string>{"easy", "medium", "hard"}).contains(one.difficulty));
  }
  EXPECT_GE(families.size(), 6U);
  for (const auto& [family, size] : families) EXPECT_GE(size, 10U) << family;
  EXPECT_EQ(agents, (std::set<int>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(roles, (std::set<int>{0, 1, 2}));
}

TEST(BenchmarkDataset, TheBuiltInSetSharesNoConversationWithOtherDataOfTheTinyRouter) {
  const std::filesystem::path root = TRINITY_SOURCE_DIR;
  std::set<std::string> known;
  for (const prove::EvalCase& one : take(prove::built_in_eval_cases()).cases)
    for (const Message& message : one.messages) known.insert(message.content);
  for (const char* name : {"models/tiny/heldout.jsonl", "models/tiny/demo.jsonl"}) {
    const std::string text = take(read_text_file(root / name, std::size_t{1} << 24));
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const json line = json::parse(text.substr(begin, end - begin));
      for (const json& message : line["messages"]) known.insert(message["content"]);
      begin = end + 1;
    }
  }
  ASSERT_GE(known.size(), 300U);
  for (const benchmark::BenchmarkCase& one : take(benchmark::built_in_benchmark_dataset()).cases)
    for (const Message& message : one.messages)
      EXPECT_TRUE(message.content == "ACCEPT" ||  // the protocol's own word
                  !known.contains(message.content))
          << one.id << ": " << message.content;
}

}  // namespace
}  // namespace trinity::testing
