// Reading sets of cases.
#include "prove/eval/cases.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/temporary_folder.h"
#include "prove/lab_support.h"

namespace trinity::testing {
namespace {

using nlohmann::json;

json small_set() {
  return json::parse(R"({"schema_version": 1, "cases": [
    {"id": "a", "messages": [{"role": "user", "content": "Hi"}],
     "expected": {"agent_id": 1, "role_id": 0}, "tags": ["x"], "notes": "n"},
    {"expected": {"role_id": 2, "agent_id": 6}, "id": "b", "messages": [
       {"content": "first", "role": "user"}, {"role": "assistant", "content": ""},
       {"role": "user", "content_rule": ["second ", {"repeat": "!", "times": 2}]},
       {"role": "assistant", "content": "last"}]}],
    "coverage": {"uncovered_agents": [{"agent_id": 3, "expected_uncovered_reason": "r"}]}})");
}

std::string tag_of(const json& document) {
  const auto set = prove::read_eval_cases(document.dump(), "test");
  return set ? "ok" : set.error().tag;
}

TEST(EvalCases, AreReadInTheOrderOfTheFile) {
  const prove::EvalCaseSet set = take(prove::read_eval_cases(small_set().dump(), "test"));
  ASSERT_EQ(set.cases.size(), 2u);
  EXPECT_EQ(set.origin, "test");
  EXPECT_EQ(set.cases[0].id, "a");
  EXPECT_EQ(set.cases[0].tags, std::vector<std::string>{"x"});
  EXPECT_EQ(set.cases[0].notes, "n");
  EXPECT_EQ(set.cases[1].expected_agent, 6);
  EXPECT_EQ(set.cases[1].expected_role, 2);
  EXPECT_EQ(set.cases[1].messages[2].content, "second !!");
  EXPECT_EQ(prove::case_prompt(set.cases[1]), "second !!");
  ASSERT_EQ(set.uncovered_agents.size(), 1u);
  EXPECT_EQ(set.uncovered_agents[0].agent_id, 3);
}

TEST(EvalCases, WrongDocumentsAreRefusedByName) {
  const auto with = [](const std::string& pointer, const json& value) {
    json document = small_set();
    document[json::json_pointer(pointer)] = value;
    return tag_of(document);
  };
  EXPECT_EQ(tag_of(small_set()), "ok");
  EXPECT_EQ(tag_of(json::array()), "invalid_eval_cases");
  EXPECT_EQ(with("/schema_version", 2), "unsupported_schema_version");
  EXPECT_EQ(with("/cases", json::array()), "invalid_eval_cases");
  EXPECT_EQ(with("/cases/0", 1), "invalid_eval_cases");
  EXPECT_EQ(with("/cases/0/id", ""), "invalid_eval_cases");
  EXPECT_EQ(with("/cases/0/id", "b"), "invalid_eval_cases");
  EXPECT_EQ(with("/cases/0/messages", json::array()), "invalid_eval_cases");
  EXPECT_EQ(with("/cases/0/messages/0/role", nullptr), "invalid_eval_cases");
  EXPECT_EQ(with("/cases/0/messages/0/content", 7), "invalid_eval_cases");
  EXPECT_EQ(with("/cases/0/messages/0/content_rule", json::array()), "invalid_eval_cases");
  EXPECT_EQ(with("/cases/0/expected", nullptr), "invalid_eval_cases");
  EXPECT_EQ(with("/cases/0/expected/agent_id", -1), "invalid_eval_cases");
  EXPECT_EQ(with("/cases/0/expected/role_id", "0"), "invalid_eval_cases");
  EXPECT_EQ(with("/cases/0/tags", "x"), "invalid_eval_cases");
  EXPECT_EQ(with("/coverage/uncovered_agents", 1), "invalid_eval_cases");
  const auto broken = prove::read_eval_cases("{", "some file");
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("some file"), std::string::npos);
  EXPECT_EQ(prove::load_eval_cases("/no/such/cases.json").error().kind, ErrorKind::missing);
}

TEST(EvalCases, MessagesAreReadAsEverywhere) {
  const auto set = prove::read_eval_cases(
      R"({"schema_version":1,"cases":[{"id":"a","expected":{"agent_id":0,"role_id":0},"messages":[
        {"role":"user","content":[{"type":"text","text":"x"},{"type":"text","text":"y"}]},
        {"role":"assistant","content":null,
         "tool_calls":[{"function":{"name":"g","arguments":{"z":1.0,"a":2}}}]},
        {"role":"tool","content_rule":["r"],"tool_call_id":"c"}]}]})",
      "a text");
  ASSERT_TRUE(set) << set.error().message;
  const std::vector<Message>& messages = set->cases[0].messages;
  EXPECT_EQ(messages[0].content, "x\ny");
  EXPECT_EQ(messages[1].tool_calls.at(0).arguments, R"({"z": 1.0, "a": 2})");
  EXPECT_EQ(messages[2].content, "r");
}

TEST(EvalCases, AreSelectedByIdInTheOrderOfTheSet) {
  const std::vector<std::string> ids = {"b", "a"};
  const prove::EvalCaseSet both =
      take(prove::select_eval_cases(take(prove::read_eval_cases(small_set().dump(), "t")), ids));
  EXPECT_EQ(both.cases[0].id, "a");
  EXPECT_EQ(both.cases.size(), 2u);
  const std::vector<std::string> unknown = {"zz"};
  const auto refused =
      prove::select_eval_cases(take(prove::read_eval_cases(small_set().dump(), "t")), unknown);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "unknown_case");
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
}

TEST(EvalCases, TheBuiltInSetIsTheFileOfTheRepository) {
  const prove::EvalCaseSet built_in = take(prove::built_in_eval_cases());
  const prove::EvalCaseSet file = take(prove::load_eval_cases(
      std::filesystem::path(TRINITY_SOURCE_DIR) / "lab/cases/tiny_router.json"));
  ASSERT_EQ(built_in.cases.size(), file.cases.size());
  EXPECT_GE(built_in.cases.size(), 100u);
  std::set<int> agents;
  std::set<int> roles;
  for (std::size_t i = 0; i < file.cases.size(); ++i) {
    EXPECT_EQ(built_in.cases[i].id, file.cases[i].id);
    EXPECT_FALSE(file.cases[i].tags.empty()) << file.cases[i].id;
    agents.insert(file.cases[i].expected_agent);
    roles.insert(file.cases[i].expected_role);
  }
  EXPECT_EQ(agents.size(), 7u) << "every agent is expected somewhere";
  EXPECT_EQ(roles.size(), 3u);
}

}  // namespace
}  // namespace trinity::testing
