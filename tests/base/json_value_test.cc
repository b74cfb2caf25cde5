// The JSON value: how it is made, read, changed and compared, and that what it writes is byte for
// byte what nlohmann-json, which wrote every file of this project before, would write.
#include "base/json_value.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <span>
#include <vector>

#include "base/json.h"

namespace trinity {
namespace {

using Reference = nlohmann::ordered_json;

std::string reference_text(const Reference& value, int indent = -1) {
  return value.dump(indent, ' ', false, Reference::error_handler_t::replace);
}

std::string again(std::string_view text) { return json_text(*parse_json(text)); }

TEST(JsonValue, BracesMakeObjectsOfPairsAndListsOfAnythingElse) {
  EXPECT_EQ(json_text({{"a", 1}, {"b", {{"c", nullptr}}}}), R"({"a":1,"b":{"c":null}})");
  EXPECT_EQ(json_text(Json{1, "two", 3.5, true}), R"([1,"two",3.5,true])");
  EXPECT_EQ(json_text({{"a", {1, 2}}, {"b", {"x", "y"}}}), R"({"a":[1,2],"b":["x","y"]})");
  EXPECT_EQ(json_text(Json{{"a", 1}, 2}), R"([["a",1],2])");
  EXPECT_EQ(json_text(Json::array({"a", 1})), R"(["a",1])");
  EXPECT_EQ(json_text(Json::array({{"a", 1}})), R"([["a",1]])");
  EXPECT_EQ(json_text(Json::array()), "[]");
  EXPECT_EQ(json_text(Json::object()), "{}");
  const Json nothing = {};
  EXPECT_TRUE(nothing.is_null());
  // A list that happens to look like a pair stays a list: only braces in the source make objects.
  const Json pair = Json::array({"key", 1});
  EXPECT_EQ(json_text(Json::array({pair, pair})), R"([["key",1],["key",1]])");
  EXPECT_EQ(json_text(Json{pair, pair}), R"([["key",1],["key",1]])");
}

TEST(JsonValue, TakesTextsNumbersOptionalsAndContainers) {
  const std::string text = "text";
  const std::vector<float> floats = {0.5F, -1.0F};
  const std::map<std::string, int> counts = {{"a", 1}, {"b", 2}};
  const Json made = {{"string", text},
                     {"view", std::string_view(text)},
                     {"literal", "text"},
                     {"small", std::uint8_t{7}},
                     {"large", std::numeric_limits<std::uint64_t>::max()},
                     {"least", std::numeric_limits<std::int64_t>::min()},
                     {"float", 0.1F},
                     {"some", std::optional(3)},
                     {"none", std::optional<std::string>()},
                     {"list", floats},
                     {"span", std::span(floats).first(1)},
                     {"flags", std::vector<bool>{true, false}},
                     {"map", counts}};
  EXPECT_EQ(json_text(made),
            R"({"string":"text","view":"text","literal":"text","small":7,)"
            R"("large":18446744073709551615,"least":-9223372036854775808,)"
            R"("float":0.10000000149011612,"some":3,"none":null,"list":[0.5,-1.0],"span":[0.5],)"
            R"("flags":[true,false],"map":{"a":1,"b":2}})");
}

TEST(JsonValue, ReadsAMemberThatIsNotThereAsNull) {
  const Json value = {{"list", {1, 2}}, {"text", "x"}};
  EXPECT_TRUE(value["absent"].is_null());
  EXPECT_TRUE(value["absent"]["deeper"][7].is_null());
  EXPECT_TRUE(value["list"][2].is_null());
  EXPECT_TRUE(value["text"]["x"].is_null());
  EXPECT_EQ(value.find("absent"), nullptr);
  EXPECT_EQ(value["text"].find("x"), nullptr);
  EXPECT_EQ(value["list"].back(), 2);
  EXPECT_TRUE(Json::array().back().is_null());
  std::size_t elements = 0;
  for (const Json& one : value["text"]) elements += static_cast<std::size_t>(one.size() + 1);
  for (const Json& one : value) elements += static_cast<std::size_t>(one.size() + 1);
  EXPECT_EQ(elements, 0u) << "only arrays have elements";
}

TEST(JsonValue, GettersSayWhetherTheValueFits) {
  const std::uint64_t large = std::uint64_t{1} << 63;
  EXPECT_EQ(Json(large).to_int64(), std::nullopt);
  EXPECT_EQ(Json(large).to_uint64(), large);
  EXPECT_EQ(Json(-1).to_uint64(), std::nullopt);
  EXPECT_EQ(Json(-1).to_int64(), -1);
  EXPECT_EQ(Json(7).to_uint64(), 7u);
  EXPECT_EQ(Json(1.0).to_int64(), std::nullopt);
  EXPECT_EQ(Json(2).to_double(), 2.0);
  EXPECT_EQ(Json("2").to_double(), std::nullopt);
  EXPECT_EQ(Json(true).to_bool(), true);
  EXPECT_EQ(Json(1).to_bool(), std::nullopt);
  EXPECT_EQ(Json("text").as_string(), "text");
  EXPECT_EQ(Json(1).as_string(), "");
  EXPECT_EQ(Json("1").as_int64(), 0);
  EXPECT_FALSE(Json(1.0).is_number_integer());
  EXPECT_FALSE(Json(-1).is_number_unsigned());
  EXPECT_TRUE(Json(large).is_number_integer());
}

TEST(JsonValue, KeepsMembersInTheOrderTheyCameAndFindsThemAmongMany) {
  Json object;
  for (int i = 0; i < 3000; ++i) object[std::to_string(i * 7919 % 3000)] = i;
  EXPECT_EQ(object.size(), 3000u);
  for (int i = 0; i < 3000; ++i) EXPECT_EQ(object[std::to_string(i * 7919 % 3000)], i);
  EXPECT_FALSE(object.contains("3000"));
  int place = 0;
  for (const auto& [key, value] : object.items()) EXPECT_EQ(value, place++) << key;
  for (int i = 0; i < 2995; ++i) object.erase(std::to_string(i));
  object.erase("no such key");
  EXPECT_EQ(object.size(), 5u);
  object["2999"] = "new";
  EXPECT_EQ(object["2999"], "new");
  EXPECT_EQ(object.size(), 5u);
  EXPECT_TRUE(object.contains("2995"));
  const Json copy = object;
  object.clear();
  EXPECT_FALSE(object.contains("2995"));
  EXPECT_TRUE(copy.contains("2995"));
}

TEST(JsonValue, ChangesInPlace) {
  Json value;
  value["list"].push_back(1);
  value["list"].push_back({{"a", 2}});
  value["list"][3] = "filled";
  value["object"]["inner"] = {1.5};
  EXPECT_EQ(json_text(value), R"({"list":[1,{"a":2},null,"filled"],"object":{"inner":[1.5]}})");
  value.update({{"list", 0}, {"more", true}});
  EXPECT_EQ(json_text(value), R"({"list":0,"object":{"inner":[1.5]},"more":true})");
  value = value["object"]["inner"];  // a part of itself
  EXPECT_EQ(json_text(value), "[1.5]");
  Json moved = std::move(value);
  EXPECT_EQ(json_text(moved), "[1.5]");
  Json text = "long enough to be on the heap, whatever the library";
  EXPECT_EQ(text.take_string().size(), 51u);
  moved.push_back(moved);
  EXPECT_EQ(json_text(moved), "[1.5,[1.5]]");
}

TEST(JsonValue, EqualMeansTheSameValue) {
  EXPECT_EQ(*parse_json(R"({"a":1,"b":[2,3]})"), *parse_json(R"({"b":[2.0,3],"a":1})"));
  EXPECT_NE(*parse_json(R"({"a":1})"), *parse_json(R"({"a":1,"b":null})"));
  EXPECT_NE(*parse_json("[1,2]"), *parse_json("[2,1]"));
  EXPECT_EQ(Json(1), Json(1.0));
  EXPECT_EQ(*parse_json("-0"), 0);
  EXPECT_EQ(*parse_json("1e1"), 10);
  EXPECT_NE(Json(-1), Json(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_NE(Json(0), Json(false));
  EXPECT_NE(Json(0), Json(nullptr));
  EXPECT_NE(Json("1"), Json(1));
  // Two ids that are the same double are not the same id.
  EXPECT_NE(*parse_json("36893488147419103232"), *parse_json("36893488147419103233"));
  EXPECT_EQ(*parse_json("1.10"), *parse_json("1.1"));
}

TEST(JsonValue, SortsTheMembersOfEveryObject) {
  EXPECT_EQ(json_text(sorted_by_key(*parse_json(R"({"b":[{"z":1,"y":2}],"a":{"d":1,"c":2}})"))),
            R"({"a":{"c":2,"d":1},"b":[{"y":2,"z":1}]})");
}

TEST(JsonNumbers, ComeBackAsTheyWereGiven) {
  for (const char* text : {"0",
                           "-0",
                           "-0.0",
                           "18446744073709551615",
                           "18446744073709551616",
                           "36893488147419103233",
                           "-9223372036854775808",
                           "-9223372036854775809",
                           "123456789012345678901234567890",
                           "0.1",
                           "0.10",
                           "1.0",
                           "1e3",
                           "1E3",
                           "1e+3",
                           "1.0e-7",
                           "3.141592653589793238462643383279",
                           "0.1000000000000000055511151231257827021181583404541015625",
                           "1e-400",
                           "5e-324",
                           "1.7976931348623157e+308"})
    EXPECT_EQ(again(text), text);
  EXPECT_EQ(again(R"({"id":36893488147419103233,"x":[1.50,-0]})"),
            R"({"id":36893488147419103233,"x":[1.50,-0]})");
  const Json large = *parse_json("36893488147419103233");
  EXPECT_TRUE(large.is_number());
  EXPECT_FALSE(large.is_number_integer());
  EXPECT_EQ(large.as_double(), 36893488147419103232.0);
  EXPECT_EQ(Json(large), large) << "a copy keeps the text";
  EXPECT_EQ(json_text(Json(large)), "36893488147419103233");
  EXPECT_EQ(parse_json("-0")->to_int64(), 0);
}

TEST(JsonNumbers, AreWrittenAsTheyAlwaysWere) {
  EXPECT_EQ(json_text(Json{0.1, 1.0, -0.0, 1e-5, 1e14, 1e15, 123456789.0, 5e-324}),
            "[0.1,1.0,-0.0,1e-05,100000000000000.0,1e+15,123456789.0,5e-324]");
  EXPECT_EQ(json_text(Json{std::nan(""), std::numeric_limits<double>::infinity()}), "[null,null]");
  std::mt19937_64 random(11);
  const auto expect_same = [](double value) {
    ASSERT_EQ(json_text(value), reference_text(value)) << std::bit_cast<std::uint64_t>(value);
  };
  for (int round = 0; round < 20'000; ++round) {
    const std::uint64_t bits = random();
    expect_same(std::bit_cast<double>(bits));
    expect_same(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    expect_same(static_cast<double>(bits >> 11) * 0x1p-53);
    expect_same(static_cast<double>(static_cast<std::int64_t>(bits >> 20)) / 1000.0);
    expect_same(std::round(std::ldexp(static_cast<double>(bits % 100'000), round % 60 - 30)));
  }
  for (int exponent = -325; exponent < 309; ++exponent)
    for (const double digits : {1.0, 1.5, 9.999, 123.0})
      expect_same(digits * std::pow(10.0, exponent));
}

TEST(JsonStrings, AreEscapedAndRepairedAsTheyAlwaysWere) {
  std::string all;
  for (int c = 0; c < 0x90; ++c) all += static_cast<char>(c);
  EXPECT_EQ(json_text(all), reference_text(all));
  const std::string parts[] = {"a",        "\"",       "\x1f",     "\x7f",     "\xC2",
                               "\xC3\xA9", "\xE2\x82", "\xE0\x80", "\xED\xA0", "\xF0\x9F\x98\x80",
                               "\xF0\x9F", "\xF4\x90", "\x80",     "\xFF",     "\xE2\x82\xAC"};
  std::mt19937_64 random(12);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::uint64_t i = random() % 6; i > 0; --i)
      text += random() % 4 == 0 ? std::string(1, static_cast<char>(random() % 256))
                                : parts[random() % std::size(parts)];
    ASSERT_EQ(json_text(text), reference_text(text)) << ::testing::PrintToString(text);
  }
}

TEST(JsonText, OfRandomDocumentsIsByteForByteTheReferences) {
  std::mt19937_64 random(13);
  const auto build = [&](auto self, int depth) -> std::pair<Json, Reference> {
    switch (random() % (depth > 4 ? 5 : 7)) {
      case 0:
        return {nullptr, nullptr};
      case 1: {
        const bool flag = random() % 2 == 0;
        return {flag, flag};
      }
      case 2: {
        const auto number = static_cast<std::int64_t>(random()) >> random() % 60;
        return {number, number};
      }
      case 3: {
        const double number = std::ldexp(static_cast<double>(random()), -60);
        return {number, number};
      }
      case 4: {
        const std::string text(random() % 5, static_cast<char>(random() % 128));
        return {text, text};
      }
      case 5: {
        std::pair<Json, Reference> list = {Json::array(), Reference::array()};
        for (std::uint64_t i = random() % 5; i > 0; --i) {
          auto one = self(self, depth + 1);
          list.first.push_back(std::move(one.first));
          list.second.push_back(std::move(one.second));
        }
        return list;
      }
      default: {
        std::pair<Json, Reference> object = {Json::object(), Reference::object()};
        for (std::uint64_t i = random() % 30; i > 0; --i) {
          const std::string key = std::to_string(random() % 40);
          auto one = depth > 2 ? std::pair<Json, Reference>(1, 1) : self(self, depth + 1);
          object.first[key] = std::move(one.first);
          object.second[key] = std::move(one.second);
        }
        return object;
      }
    }
  };
  for (int round = 0; round < 1000; ++round) {
    const auto [ours, reference] = build(build, 0);
    for (const int indent : {-1, 0, 2})
      ASSERT_EQ(json_text(ours, indent), reference_text(reference, indent));
  }
}

}  // namespace
}  // namespace trinity
