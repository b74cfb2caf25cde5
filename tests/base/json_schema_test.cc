// JSON schemas and their patterns: against Python's jsonschema, and what neither client nor model
// must be able to do.
#include "base/json_schema.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "base/pattern.h"

namespace trinity::testing {
namespace {

Json json(const std::string& text) {
  Result<Json> parsed = parse_json(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Json();
}

std::string error_tag(const std::string& schema) {
  const auto read = JsonSchema::read(json(schema));
  return read ? "" : read.error().tag;
}

std::string fault(const std::string& schema, const std::string& value) {
  const auto read = JsonSchema::read(json(schema));
  EXPECT_TRUE(read) << read.error().message;
  return read ? read->fault_of(json(value)).value_or("") : "unread";
}

TEST(JsonSchema, AgreesWithAnotherImplementation) {
  // make_json_schema_cases.py has written them.
  const auto text = read_text_file(
      std::filesystem::path(TRINITY_SOURCE_DIR) / "tests/base/json_schema_cases.jsonl", 1 << 20);
  ASSERT_TRUE(text) << text.error().message;
  int cases = 0;
  for (std::size_t begin = 0; begin < text->size(); ++cases) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    const Json one = json(text->substr(begin, end - begin));
    begin = end + 1;
    const auto schema = JsonSchema::read(one["schema"]);
    ASSERT_TRUE(schema) << schema.error().message << "\n" << json_text(one["schema"]);
    const auto found = schema->fault_of(one["value"]);
    EXPECT_EQ(!found, one["valid"].as_bool()) << json_text(one) << "\n" << found.value_or("");
  }
  EXPECT_EQ(cases, 300);
}

TEST(JsonSchema, SaysWhereTheFaultIs) {
  const std::string schema =
      R"({"type":"object","properties":{"items":{"type":"array","items":{"type":"object",)"
      R"("properties":{"price":{"minimum":0}}}}},"additionalProperties":false,"required":["items"]})";
  EXPECT_EQ(fault(schema, R"({"items":[{},{"price":-1}]})"),
            "/items/1/price: must be at least 0, but is -1");
  EXPECT_EQ(fault(schema, "{}"), "the whole value: must have the member items");
  EXPECT_EQ(fault(schema, R"({"items":[],"a/b":1})"),
            "/a~1b: is a member that the schema does not know");
  EXPECT_EQ(fault(R"({"type":["string","null"]})", "3"),
            "the whole value: must be of the type string or null, but is 3 (number)");
  EXPECT_EQ(fault("{\"type\":\"integer\"}", "2.0"), "");
  EXPECT_EQ(fault("true", "[]"), "");
  EXPECT_NE(fault("false", "[]"), "");
}

TEST(JsonSchema, RefusesWhatItCannotCheck) {
  for (const char* bad :
       {"3", R"({"type":"text"})", R"({"type":[]})", R"({"minimum":"3"})", R"({"required":"a"})",
        R"({"properties":[]})", R"({"anyOf":[]})", R"({"items":3})", R"({"minLength":-1})",
        R"({"multipleOf":0})", R"({"pattern":"("})", R"({"patternProperties":{"[":{}}})",
        R"({"$ref":"#/$defs/none"})", R"({"$ref":"#"})",
        R"({"$ref":"#/a","a":{"$ref":"#/b"},"b":{"$ref":"#/a"}})",
        R"({"anyOf":[{"type":"null"},{"$ref":"#"}]})"})
    EXPECT_EQ(error_tag(bad), "invalid_schema") << bad;
  for (const char* bad :
       {R"s({"$ref":"https://example.org/schema"})s", R"s({"$ref":"other.json#/a"})s",
        R"s({"$ref":"#anchor"})s", R"s({"unevaluatedProperties":false})s",
        R"s({"$dynamicRef":"#a"})s", R"s({"pattern":"(?=a)"})s", R"s({"pattern":"(a)\\1"})s",
        R"s({"pattern":"a{5000}"})s"})
    EXPECT_EQ(error_tag(bad), "unsupported_schema") << bad;
  Json deep = Json::object();
  for (int n = 0; n < 70; ++n) {
    Json outer = Json::object();
    outer["not"] = std::move(deep);
    deep = std::move(outer);
  }
  EXPECT_EQ(JsonSchema::read(deep).error().tag, "unsupported_schema");
  EXPECT_EQ(error_tag(R"({"title":")" + std::string(70'000, 'x') + "\"}"), "unsupported_schema");
}

TEST(JsonSchema, FollowsReferencesThatGoRound) {
  const std::string tree =
      R"({"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#"}}},)"
      R"("required":["name"]})";
  EXPECT_EQ(fault(tree, R"({"name":1,"children":[{"name":2},{"name":3,"children":[]}]})"), "");
  EXPECT_EQ(fault(tree, R"({"name":1,"children":[{"name":2,"children":[{}]}]})"),
            "/children/0/children/0: must have the member name");
}

TEST(JsonSchema, IsNotToBeWornOut) {
  // Doubling references: 2^60 ways through it.
  std::string schema = R"({"$ref":"#/d0")";
  for (int n = 0; n < 60; ++n) {
    const std::string next = R"({"$ref":"#/d)" + std::to_string(n + 1) + "\"}";
    schema += R"(,"d)" + std::to_string(n) + R"(":{"allOf":[)" + next + "," + next + "]}";
  }
  schema += R"(,"d60":{"type":"object"}})";
  EXPECT_NE(fault(schema, "{}").find("too large"), std::string::npos);
  std::string list = "[0";
  for (int n = 1; n < 20'000; ++n) list += "," + std::to_string(n);
  EXPECT_NE(fault(R"({"uniqueItems":true})", list + "]").find("too large"), std::string::npos);
  const std::string letters(100'000, 'a');
  EXPECT_NE(fault(R"({"pattern":"^(a|b|ab)*c$"})", "\"" + letters + "\""), "");
  EXPECT_EQ(fault(R"({"pattern":"^(a|b|ab)*$"})", "\"" + letters + "\""), "");
}

TEST(Pattern, MatchesAsSchemasMeanIt) {
  struct Case {
    const char *pattern, *text;
    bool found;
  };
  for (const Case& one : std::initializer_list<Case>{
           {"", "", true},
           {"b", "abc", true},
           {"^b", "abc", false},
           {"c$", "abc", true},
           {"^a.c$", "abc", true},
           {"^a.c$", "a\nc", false},
           {"^(foo|bar)+$", "foobarfoo", true},
           {"^(foo|bar)+$", "foobarfo", false},
           {"^a{2,3}$", "aa", true},
           {"^a{2,3}$", "aaaa", false},
           {"^a{2,}$", "aaaaa", true},
           {"^a{0}b$", "b", true},
           {"^{$", "{", true},
           {"a{,2}", "a{,2}", true},
           {"^[a-c1-3_-]+$", "a2_-c", true},
           {"^[^\\d\\s]+$", "abc", true},
           {"^[^\\d\\s]+$", "ab1", false},
           {"^\\w+@\\w+\\.(com|org)$", "me@example.org", true},
           {"^\\S\\D\\W$", "ab!", true},
           {"\\bcat\\b", "a cat!", true},
           {"\\bcat\\b", "concat", false},
           {"^\\u00fc\\x41\\t$", "üA\t", true},
           {"^\\ud83d\\ude00$", "😀", true},
           {"^.$", "😀", true},
           {"^(?:a*)*$", "aaa", true},
           {"^(?<year>\\d{4})$", "2026", true},
           {"^a+?b??$", "aa", true},
           {"^\\/\\.\\-$", "/.-", true},
           {"x*", "", true},
           {"^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false}}) {
    const auto pattern = Pattern::compile(one.pattern);
    ASSERT_TRUE(pattern) << one.pattern << ": " << pattern.error().message;
    EXPECT_EQ(pattern->found_in(one.text), one.found) << one.pattern << " in " << one.text;
  }
  for (const char* bad : {"(", ")", "[", "*", "a**", "a{3,2}", "[z-a]", "\\", "\\x1", "\xff"})
    EXPECT_EQ(Pattern::compile(bad).error().tag, "invalid_pattern") << bad;
  for (const char* bad : {"(?=a)", "(?!a)", "(?<=a)", "\\1", "\\p{L}", "((a{100}){100}){100}"})
    EXPECT_EQ(Pattern::compile(bad).error().tag, "unsupported_pattern") << bad;
}

}  // namespace
}  // namespace trinity::testing
