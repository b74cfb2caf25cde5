// The schemas of docs/schemas/: there is one for every record, they are held against what is in the
// repository, and they refuse what is wrong. What commands print is checked wherever a test runs
// one (record_check.cc).
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/json_schema.h"
#include "cli/record_check.h"
#include "cli/test_model.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

const fs::path source_root = TRINITY_SOURCE_DIR;

/// Commands by the names under which the help lists them: two spaces, the name, what it does.
Words commands_below(const Words& group) {
  Words call = group;
  call.push_back("--help");
  Words names;
  bool behind = group.empty();
  for (const std::string& line : lines_of(run(call).out)) {
    behind = behind || line == "Subcommands:";
    if (!behind || !line.starts_with("  ") || line.size() < 3) continue;
    if (line[2] < 'a' || line[2] > 'z') continue;
    names.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  return names;
}

TEST(Schemas, ThereIsOneForEveryCommandThatPrintsJson) {
  std::size_t count = 0;
  const auto look_at = [&count](const Words& words, const std::string& name) {
    Words call = words;
    call.push_back("--help");
    if (run(call).out.find("--json") == std::string::npos) return;
    ++count;
    EXPECT_NE(printed_schema(name, {}), "") << name;
  };
  for (const std::string& name : commands_below({})) {
    const bool group =
        name == "lab" || name == "vector" || name == "parity" || name == "pool" || name == "trace";
    if (!group || name == "trace") look_at({name}, name);
    if (!group) continue;
    const Words below = commands_below({name});
    EXPECT_GE(below.size(), name == "trace" ? 1u : 2u) << name;
    for (const std::string& one : below) look_at({name, one}, name + " " + one);
  }
  EXPECT_GE(count, 31u);
}

TEST(Schemas, FilesOfTheRepositoryAreWhatTheySay) {
  std::size_t count = 0;
  const auto check = [&count](const std::string& schema, const std::string& text,
                              const fs::path& path) {
    ++count;
    EXPECT_EQ(JsonSchemas::ours().fault_of(schema, Json::parse(text)), "") << path;
  };
  for (const auto& [folder, schema] :
       std::map<std::string, std::string>{{"lab/cases", "eval_cases"},
                                          {"lab/snapshots", "snapshot"},
                                          {"lab/golden", "exact_bits"},
                                          {"pins", "pin"}})
    for (const auto& entry : fs::directory_iterator(source_root / folder))
      if (entry.path().extension() == ".json") check(schema, slurp(entry.path()), entry.path());
  for (const auto& [file, schema] :
       std::map<std::string, std::string>{{"lab/benchmark/tasks.jsonl", "task"},
                                          {"lab/robustness/paraphrases.jsonl", "paraphrase"},
                                          {"models/tiny/demo.jsonl", "demo_case"}})
    for (const std::string& line : lines_of(slurp(source_root / file))) check(schema, line, file);
  for (const auto& entry : fs::directory_iterator(source_root / "tests/coordinate/golden"))
    for (const std::string& line : lines_of(slurp(entry.path())))
      check("trace_event", line, entry.path());
  EXPECT_GE(count, 250u);
}

TEST(Schemas, RecordsThatNoOtherTestPrintsAreWhatTheySay) {
  for (const char* name : {"profiles", "backends", "doctor", "version"})
    EXPECT_EQ(lines_of(run({name, "--json"}).out).size(), 1u) << name;
  if (TRINITY_HAS_BENCH) {
    EXPECT_GE(lines_of(run({"bench", "--list", "--json"}).out).size(), 5u);
    EXPECT_GE(lines_of(run({"bench", "tokenize", "--short", "--json"}).out).size(), 1u);
  }
  for (const char* way : {"softmax", "sample"})
    EXPECT_EQ(
        run({"route", "--json", "--agent-selection", way, "--role-selection", way, "Hi"}).status,
        0);
}

TEST(Schemas, EachRefusesWhatItDoesNotName) {
  const JsonSchemas& schemas = JsonSchemas::ours();
  EXPECT_GE(schemas.names().size(), 44u);
  for (const std::string& name : schemas.names()) {
    if (name == "common") continue;  // parts of the others
    for (const Json& wrong : {Json::object(), Json{{"schema_version", 2}}, Json::array(), Json()})
      EXPECT_NE(schemas.fault_of(name, wrong), "") << name << " takes " << wrong;
  }
  Json decision = Json::parse(run({"route", "--json", "Hi"}).out);
  decision["surprise"] = 1;
  EXPECT_EQ(schemas.fault_of("decision", decision), "$.surprise is not in the schema");
  decision.erase("surprise");
  decision["margins"]["agent"] = "wide";
  EXPECT_EQ(schemas.fault_of("decision", decision), "$.margins.agent is a string, not \"number\"");
  decision.erase("margins");
  EXPECT_EQ(schemas.fault_of("decision", decision), "$ lacks margins");
}

/// Every place of a schema must be one that the validator can follow.
void expect_known(const std::string& file, const Json& schema) {
  if (schema.is_array())
    for (const Json& one : schema) expect_known(file, one);
  if (!schema.is_object()) return;
  if (schema.contains("$ref") && schema["$ref"].is_string()) {
    const std::string reference = schema["$ref"];
    const std::size_t hash = reference.find('#');
    std::string name = reference.substr(0, hash);
    name = name.empty() ? file : fs::path(name).stem().string();
    ASSERT_TRUE(fs::exists(source_root / "docs/schemas" / (name + ".json"))) << file << reference;
    const Json::json_pointer place(reference.substr(hash + 1));
    EXPECT_TRUE(JsonSchemas::ours().document(name).contains(place)) << file << ": " << reference;
  }
  for (const auto& [key, member] : schema.items()) expect_known(file, member);
}

TEST(Schemas, ReferencesLeadSomewhereAndTheListNamesEverySchema) {
  const std::string list = slurp(source_root / "docs/schemas/README.md");
  for (const std::string& name : JsonSchemas::ours().names()) {
    expect_known(name, JsonSchemas::ours().document(name));
    EXPECT_NE(list.find("(" + name + ".json)"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace trinity::testing
