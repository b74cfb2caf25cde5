// Walking a checked JSON text in place, and printing values as chat templates do.
#include "wire/json_slice.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "wire/template_json.h"

namespace trinity::wire {
namespace {

using nlohmann::json;

/// The tree that the slices show, built by walking all of them.
json tree_of(const JsonSlice& value) {
  switch (value.kind()) {
    case JsonSlice::Kind::string:
      return value.string();
    case JsonSlice::Kind::array: {
      json list = json::array();
      for (const JsonSlice& element : value.elements()) list.push_back(tree_of(element));
      return list;
    }
    case JsonSlice::Kind::object: {
      json object = json::object();
      for (const JsonMember& member : value.members()) object[member.key] = tree_of(member.value);
      return object;
    }
    default:
      return json::parse(value.text());
  }
}

json random_value(std::mt19937& random, int depth) {
  static const std::vector<std::string> texts = {
      "", "a\"b", "\\", "]}{[,:", "\n\t\x01", "\xC3\xA9", "\xF0\x9F\x98\x80", "\xEF\xBF\xBF", "/"};
  switch (random() % (depth > 0 ? 7 : 5)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random()) - 2'000'000'000;
    case 3:
      return static_cast<double>(random()) / 1000.0;
    case 4:
      return texts[random() % texts.size()];
    case 5: {
      json list = json::array();
      for (std::size_t i = random() % 4; i-- > 0;) list.push_back(random_value(random, depth - 1));
      return list;
    }
    default: {
      json object = json::object();
      for (std::size_t i = random() % 4; i-- > 0;)
        object[texts[random() % texts.size()]] = random_value(random, depth - 1);
      return object;
    }
  }
}

TEST(JsonSlice, ShowsTheSameTreeAsALibrary) {
  std::mt19937 random(5);
  for (int round = 0; round < 500; ++round) {
    const json value = random_value(random, 5);
    for (const std::string& text : {value.dump(), value.dump(2), value.dump(-1, ' ', true),
                                    " \r\n" + value.dump(1, '\t') + "\n "}) {
      const CheckedJson checked = check_json(text);
      ASSERT_TRUE(checked.status) << text;
      EXPECT_EQ(tree_of(*checked.value), value) << text;
    }
  }
}

TEST(JsonSlice, DecodesEveryEscape) {
  EXPECT_EQ(JsonSlice(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00\u0000")").string(),
            std::string("\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\0", 19));
}

TEST(JsonSlice, KeepsTheSpellingOfEveryValue) {
  const std::string text = R"({ "a" : 1.50 , "b":[ 1E5,{} ,"\u0041" ] })";
  const CheckedJson checked = check_json(text);
  ASSERT_TRUE(checked.status);
  EXPECT_EQ(checked.value->find("a")->text(), "1.50");
  EXPECT_EQ(checked.value->find("b")->elements()[2].text(), R"("\u0041")");
  EXPECT_FALSE(checked.value->find("c"));
}

TEST(JsonSlice, ChecksKeysAtEveryLevel) {
  for (const char* text : {R"({"a":1,"a":2})", R"([{"b":{"a":1,"b":0,"\u0061":2}}])"}) {
    const CheckedJson checked = check_json(text);
    ASSERT_FALSE(checked.status);
    EXPECT_EQ(checked.status.error().tag, "duplicate_key");
    EXPECT_TRUE(checked.value);
  }
  EXPECT_TRUE(check_json(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})").status);
}

// The right sides are what Python's json.dumps(json.loads(text), ensure_ascii=False) prints.
TEST(TemplateJson, PrintsWhatPythonPrints) {
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {R"({"city":"Paris","days":[1,2]})", R"({"city": "Paris", "days": [1, 2]})"},
      {R"({"z":1,"a":{},"m":[]})", R"({"z": 1, "a": {}, "m": []})"},
      {"[1.0,1e2,1E5,0.1,-0.0,-0,1e16,1e15,123456789012345680.0,1e-4,1e-5,1.5e-7,2.50,1e22,5e-324]",
       "[1.0, 100.0, 100000.0, 0.1, -0.0, 0, 1e+16, 1000000000000000.0, 1.2345678901234568e+17, "
       "0.0001, 1e-05, 1.5e-07, 2.5, 1e+22, 5e-324]"},
      {"[12345678901234567890123,true,false,null]", "[12345678901234567890123, true, false, null]"},
      {R"(["\u00e9\u20ac\ud83d\ude00","\"\\\/","\n\t\r\b\f\u0001\u001f\u007f"])",
       "[\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\", \"\\\"\\\\/\", "
       "\"\\n\\t\\r\\b\\f\\u0001\\u001f\x7F\"]"},
      {R"("<tool_call> & 'x'")", R"("<tool_call> & 'x'")"}};
  for (const auto& [text, expected] : pairs) {
    const CheckedJson checked = check_json(text);
    ASSERT_TRUE(checked.status) << text;
    std::string printed;
    append_template_json(printed, *checked.value);
    EXPECT_EQ(printed, expected);
  }
}

}  // namespace
}  // namespace trinity::wire
