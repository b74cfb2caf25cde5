// Strict JSON: accepted documents mean what they say, everything else gets a typed error that names
// the byte.
#include "base/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace trinity {
namespace {

using nlohmann::json;

/// What an independent reader makes of a value of ours.
json reference(const Json& value) { return json::parse(json_text(value)); }

std::string tag_of(const std::string& text, const JsonLimits& limits = {}) {
  const auto value = parse_json(text, limits);
  return value ? "accepted" : value.error().tag;
}

TEST(Json, reads_every_kind_of_value) {
  const auto value = parse_json(
      " {\"a\": [1, -2, 2.5, true, false, null, \"x\\u00e9\\n\"], \"b\": {\"c\": {}, \"d\": []}} "
      "\n");
  ASSERT_TRUE(value);
  const json expected = {{"a", {1, -2, 2.5, true, false, nullptr, "x\u00e9\n"}},
                         {"b", {{"c", json::object()}, {"d", json::array()}}}};
  EXPECT_EQ(reference(*value), expected);
  EXPECT_EQ(parse_json("18446744073709551615")->to_uint64(), 18446744073709551615u);
  EXPECT_EQ(parse_json("-9223372036854775808")->to_int64(), INT64_MIN);
  EXPECT_EQ(*parse_json("\"top\""), "top");
}

TEST(Json, refuses_what_is_not_strict_json) {
  for (const std::string text : {"",
                                 " ",
                                 "{",
                                 "}",
                                 "[1,]",
                                 "{\"a\":1,}",
                                 "{\"a\"}",
                                 "{a:1}",
                                 "{'a':1}",
                                 "[1 2]",
                                 "01",
                                 "+1",
                                 ".5",
                                 "1.",
                                 "1e",
                                 "0x10",
                                 "NaN",
                                 "Infinity",
                                 "-Infinity",
                                 "[NaN]",
                                 "nul",
                                 "True",
                                 "\"a",
                                 "\"\\x\"",
                                 "\"\\ud800\"",
                                 "\"\\udc00\"",
                                 "\"\t\"",
                                 "\"\n\"",
                                 "{} {}",
                                 "{}x",
                                 "1 1",
                                 "[] // note",
                                 "/* note */ []",
                                 "\xEF\xBB\xBF{}",
                                 "1e999",
                                 "[-1e999]",
                                 "[",
                                 "]",
                                 "[[]",
                                 "{\"a\":[}"}) {
    EXPECT_EQ(tag_of(text), "invalid_json") << ::testing::PrintToString(text);
  }
}

TEST(Json, refuses_nul_bytes_wherever_they_stand) {
  const std::string document = "{\"a\": [1, \"b\"]}";
  for (std::size_t at = 0; at <= document.size(); ++at) {
    std::string text = document;
    text.insert(at, 1, '\0');
    EXPECT_EQ(tag_of(text), "invalid_json") << at;
  }
}

TEST(Json, refuses_duplicate_keys_in_any_object) {
  EXPECT_EQ(tag_of(R"({"a":1,"a":1})"), "duplicate_key");
  EXPECT_EQ(tag_of(R"([{"x":{"a":1,"b":2,"a":3}}])"), "duplicate_key");
  EXPECT_EQ(tag_of(R"({"a":1,"\u0061":2})"), "duplicate_key")
      << "the same key, written differently";
  EXPECT_EQ(tag_of(R"({"":1,"":1})"), "duplicate_key");
  EXPECT_EQ(tag_of(R"({"a":{"a":{"a":1}},"b":{"a":1}})"), "accepted");
}

TEST(Json, refuses_invalid_utf8_also_in_strings) {
  EXPECT_EQ(tag_of("\"\xC0\x80\""), "invalid_utf8");
  EXPECT_EQ(tag_of("\"\xED\xA0\x80\""), "invalid_utf8");
  EXPECT_EQ(tag_of("{} \xFF"), "invalid_utf8");
}

TEST(Json, counts_depth_in_containers) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(tag_of(nested(64)), "accepted");
  EXPECT_EQ(tag_of(nested(65)), "json_too_deep");
  EXPECT_EQ(tag_of(std::string(1'000'000, '[')), "json_too_deep");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(tag_of(objects), "json_too_deep");
  EXPECT_EQ(tag_of("[[],[],[[]]]", JsonLimits{.max_depth = 3}), "accepted");
  EXPECT_EQ(tag_of("[[],[],[[]]]", JsonLimits{.max_depth = 2}), "json_too_deep");
  EXPECT_EQ(tag_of("1", JsonLimits{.max_depth = 0}), "accepted");
}

TEST(Json, limits_the_length) {
  EXPECT_EQ(tag_of("[1]", JsonLimits{.max_bytes = 3}), "accepted");
  EXPECT_EQ(tag_of("[1] ", JsonLimits{.max_bytes = 3}), "json_too_long");
}

TEST(Json, names_the_byte_where_it_goes_wrong) {
  const auto message = [](std::string_view text) { return parse_json(text).error().message; };
  EXPECT_NE(message("[1,x]").find("byte 3"), std::string::npos) << message("[1,x]");
  EXPECT_NE(message("\"ab\xFF\"").find("byte 3"), std::string::npos);
  EXPECT_NE(message(R"({"a":1,"a":2})").find("byte 10"), std::string::npos)
      << message(R"({"a":1,"a":2})");
  EXPECT_NE(message(std::string(65, '[')).find("byte 65"), std::string::npos);
}

TEST(Json, reads_back_random_documents) {
  std::mt19937_64 random(3);
  const auto text_of = [&] {
    std::string text;
    for (std::uint64_t i = random() % 6; i > 0; --i) text += static_cast<char>(random() % 127 + 1);
    return random() % 4 == 0 ? text + "\u20ac\U0001F600" : text;
  };
  const auto build = [&](auto self, int depth) -> json {
    const std::uint64_t kind = random() % (depth > 4 ? 6 : 8);
    if (kind == 0) return nullptr;
    if (kind == 1) return random() % 2 == 0;
    if (kind == 2) return random();
    if (kind == 3) return -static_cast<std::int64_t>(random() >> 1);
    if (kind == 4)
      return std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 200) - 150);
    if (kind == 5) return text_of();
    json container = kind == 6 ? json::array() : json::object();
    for (std::uint64_t i = random() % 5; i > 0; --i) {
      if (kind == 6) {
        container.push_back(self(self, depth + 1));
      } else {
        container[text_of()] = self(self, depth + 1);
      }
    }
    return container;
  };
  for (int round = 0; round < 2000; ++round) {
    const json document = build(build, 0);
    const auto value = parse_json(document.dump(round % 3 == 0 ? 2 : -1, ' ', round % 2 == 0));
    ASSERT_TRUE(value) << value.error().message << document;
    ASSERT_EQ(reference(*value), document);
  }
}

TEST(Json, is_never_laxer_than_the_library_on_damaged_documents) {
  std::mt19937_64 random(4);
  const std::string document =
      R"({"key": [1, -2.5e3, "text \u00e9", true, null], "other": {"nested": [[], {}]}, "z": "é"})";
  ASSERT_TRUE(parse_json(document));
  std::size_t accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = document;
    for (std::uint64_t i = random() % 3 + 1; i > 0; --i) {
      const std::size_t at = random() % text.size();
      if (random() % 3 == 0)
        text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
      else if (random() % 2 == 0)
        text.erase(at, 1);
      else
        text.insert(at, 1, document[random() % document.size()]);
    }
    const auto value = parse_json(text);
    if (!value) {
      ASSERT_FALSE(value.error().tag.empty());
      continue;
    }
    ++accepted;
    ASSERT_TRUE(json::accept(text)) << text;
    ASSERT_EQ(reference(*value), json::parse(text)) << text;
  }
  EXPECT_GT(accepted, 500u);
}

}  // namespace
}  // namespace trinity
