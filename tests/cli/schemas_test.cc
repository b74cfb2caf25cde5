// What commands print is what docs/schemas/ says.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/json_schema.h"
#include "cli/run_program.h"
#include "cli/test_model.h"

namespace trinity::testing {
namespace {

using Json = nlohmann::json;

const std::filesystem::path schemas = std::filesystem::path(TRINITY_SOURCE_DIR) / "docs/schemas";

JsonSchema schema_named(const std::string& name) {
  std::ifstream file(schemas / (name + ".json"));
  EXPECT_TRUE(file.is_open()) << name;
  return JsonSchema(Json::parse(file));
}

void expect_lines_of(const std::string& name, const Words& call, const std::string& input = "") {
  const JsonSchema schema = schema_named(name);
  const Outcome outcome = run(call, input);
  std::string shown;
  for (const std::string& word : call) shown += word + " ";
  const auto lines = lines_of(outcome.out);
  ASSERT_FALSE(lines.empty()) << shown << outcome.err;
  for (const std::string& line : lines)
    EXPECT_EQ(schema.fault_of(Json::parse(line)), "") << shown << line.substr(0, 300);
}

const char* const kRecords =
    "{\"id\":7,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}\n"
    "{\"id\":{\"a\":[1,null]},\"text\":\"x y\"}\n"
    "{\"ids\":[70,71,72]}\n";

TEST(Schemas, Decisions) {
  expect_lines_of("decision", {"route", "--json"}, kRecords);
  for (const char* way : {"softmax", "sample"})
    expect_lines_of("decision",
                    {"route", "--json", "--agent-selection", way, "--role-selection", way},
                    kRecords);
  expect_lines_of("decision", with_model("route", {"--json", "Hi"}));
  expect_lines_of("demo", {"demo", "--json"});
}

TEST(Schemas, Failures) {
  expect_lines_of("error", {"route", "--json"},
                  "{\"id\":[1],\"text\":\"\"}\n{\"messages\":5}\n{\"id\":2\n");
  expect_lines_of("error", {"route", "--json", "--model", "/nowhere"});
  expect_lines_of("error", {"route", "--json", "--no-such-flag"});
  expect_lines_of("error", {"eval", "--json", "--cases", "/nowhere"});
  expect_lines_of("error", {"verify", "--json", "/nowhere"});
}

TEST(Schemas, VectorsAndIds) {
  expect_lines_of("hidden", {"extract"}, kRecords);
  expect_lines_of("hidden", {"extract", "--all-positions"}, kRecords);
  expect_lines_of("token_ids", {"tokenize"}, "{\"id\":\"a\",\"text\":\"Hi\"}\n{\"text\":\"\"}\n");
  expect_lines_of("text", {"tokenize", "--decode"}, "{\"id\":1,\"ids\":[70,71]}\n");
}

TEST(Schemas, WhatThereIs) {
  for (const char* name : {"profiles", "backends", "doctor", "version"})
    expect_lines_of(name, {name, "--json"});
  expect_lines_of("benchmark", {"bench", "--list", "--json"});
}

TEST(Schemas, EverySchemaNamesTheVersionAndRefusesWhatItDoesNotName) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(schemas)) {
    if (entry.path().extension() != ".json") continue;
    ++count;
    const JsonSchema schema = schema_named(entry.path().stem().string());
    EXPECT_NE(schema.fault_of(Json::object()), "") << entry.path();
    EXPECT_NE(schema.fault_of(Json{{"schema_version", 2}}), "") << entry.path();
    EXPECT_NE(schema.fault_of(Json::array()), "") << entry.path();
  }
  EXPECT_GE(count, 11u);
}

}  // namespace
}  // namespace trinity::testing
