#include <gtest/gtest.h>

#include <cmath>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

Outcome extract(const Words& extra, const std::string& input = {}) {
  return run(with_model("extract", extra), input);
}

TEST(ExtractCommand, GivesTheVectorAtTheTokenBeforeTheLast) {
  const Outcome outcome = extract({}, "{\"id\":\"x\",\"ids\":[1,2,3,4,5]}\n");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json record = Json::parse(outcome.out);
  EXPECT_EQ(record["id"], "x");
  EXPECT_EQ(record["token_count"], 5);
  EXPECT_EQ(record["hidden_index"], 3);
  EXPECT_EQ(record["profile"], "cpu_f32");
  EXPECT_EQ(record["tiny_router"], false);
  EXPECT_EQ(record["hidden"].size(), static_cast<std::size_t>(small_hidden_size));
}

TEST(ExtractCommand, OneTokenIsReadAtPositionZero) {
  const Json record = Json::parse(extract({}, "{\"ids\":[9]}\n").out);
  EXPECT_EQ(record["token_count"], 1);
  EXPECT_EQ(record["hidden_index"], 0);
}

TEST(ExtractCommand, AllPositionsHoldARowForEveryToken) {
  const std::string input = "{\"ids\":[1,2,3,4,5]}\n{\"ids\":[7]}\n";
  const std::vector<Json> all = records_of(extract({"--all-positions", "--json"}, input));
  const std::vector<Json> one = records_of(extract({}, input));
  ASSERT_EQ(all.size(), 2u);
  ASSERT_EQ(all[0]["hidden"].size(), 5u);
  ASSERT_EQ(all[1]["hidden"].size(), 1u);
  for (const Json& row : all[0]["hidden"]) {
    EXPECT_EQ(row.size(), static_cast<std::size_t>(small_hidden_size));
  }
  for (std::size_t record = 0; record < 2; ++record) {
    const Json& row = all[record]["hidden"][one[record]["hidden_index"].get<std::size_t>()];
    for (int i = 0; i < small_hidden_size; ++i) {
      const double a = row[i], b = one[record]["hidden"][i];
      EXPECT_NEAR(a, b, 1e-4 * (1 + std::abs(b)));
    }
  }
}

TEST(ExtractCommand, MessagesAndTheirTranscriptGiveTheSameVector) {
  const std::string input =
      "{\"messages\":[{\"role\":\"user\",\"content\":\"abc\"},{\"role\":\"x\",\"content\":\"\"}]}\n"
      "{\"text\":\"user: abc\\nx: \"}\n";
  const std::vector<Json> records = records_of(extract({}, input));
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0]["token_count"], records[1]["token_count"]);
  EXPECT_EQ(records[0]["hidden"], records[1]["hidden"]);
}

TEST(ExtractCommand, FullAndSkippingGiveTheSameBits) {
  const std::string input = "{\"ids\":[1,2,3,4,5,6,7,8,9,10,11,12]}\n";
  EXPECT_EQ(Json::parse(extract({}, input).out)["hidden"],
            Json::parse(extract({"--full", "--no-prefix-cache"}, input).out)["hidden"]);
}

}  // namespace
}  // namespace trinity::testing
