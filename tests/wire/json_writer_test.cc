#include "wire/json_writer.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

#include "base/json.h"

namespace trinity::wire {
namespace {

using Json = nlohmann::json;

TEST(JsonWriter, FloatsReadBackBitForBit) {
  std::mt19937 random(11);
  std::vector<float> values = {0.0F,
                               -0.0F,
                               1.0F,
                               0.1F,
                               std::numeric_limits<float>::max(),
                               -std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::min(),
                               std::numeric_limits<float>::denorm_min(),
                               -1.17549435e-38F};
  while (values.size() < 100'000) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isfinite(value)) values.push_back(value);
  }
  std::string text;
  ASSERT_TRUE(append_json_floats(text, values));
  const Json parsed = Json::parse(text);
  ASSERT_EQ(parsed.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float read = static_cast<float>(parsed[i].get<double>());
    ASSERT_EQ(std::bit_cast<std::uint32_t>(read), std::bit_cast<std::uint32_t>(values[i]))
        << values[i];
  }
}

TEST(JsonWriter, FloatsAreSpelledAsShortAsTheyReadBack) {
  std::string text;
  ASSERT_TRUE(append_json_floats(
      text, std::vector<float>{0.1F, -0.0F, 1.0F, -0.10425831F, 3.4028235e38F, 1e-45F, 16777216}));
  EXPECT_EQ(text, "[0.1,-0.0,1,-0.10425831,3.4028235e+38,1e-45,16777216]");
}

TEST(JsonWriter, RefusesValuesThatJsonCannotHold) {
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    std::string text;
    EXPECT_FALSE(append_json_floats(text, std::vector<float>{1.0F, value}));
  }
}

TEST(JsonWriter, AppendsIdsOfEveryLengthAfterWhatIsThere) {
  std::string text = "x";
  append_json_ids(text, std::vector<std::int32_t>{0, -2147483648, 2147483647, 151668});
  EXPECT_EQ(text, "x[0,-2147483648,2147483647,151668]");
  text.clear();
  append_json_ids(text, std::vector<std::int32_t>{});
  EXPECT_EQ(text, "[]");
}

}  // namespace
}  // namespace trinity::wire
