#include <gtest/gtest.h>

#include <algorithm>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

Outcome tokenize(const Words& extra, const std::string& input = {}) {
  return run(with_model("tokenize", extra), input);
}

TEST(TokenizeCommand, NeedsNothingButTheTokenizerFile) {
  const TemporaryFolder folder;
  folder.put("only/tokenizer.json", small_tokenizer_json().dump());
  const Outcome outcome = run({"tokenize", "--model", folder / "only", "abc"});
  EXPECT_EQ(outcome.out, "{\"schema_version\":1,\"ids\":[257]}\n");
}

TEST(TokenizeCommand, WhatTheFileDoesOtherwiseThanOthersIsNoted) {
  const TemporaryFolder folder;
  auto json = small_tokenizer_json();
  json["added_tokens"][0]["id"] = 500;
  folder.put("gap/tokenizer.json", json.dump());
  const Outcome outcome = run({"tokenize", "--special", "--model", folder / "gap", "<|x|>"});
  EXPECT_EQ(outcome.out, "{\"schema_version\":1,\"ids\":[500]}\n");
  EXPECT_NE(outcome.err.find("500"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("259"), std::string::npos) << outcome.err;
}

TEST(TokenizeCommand, LinesComeBackInOrderWithTheirIds) {
  std::string input;
  for (int i = 0; i < 300; ++i)
    input += Json{{"id", i}, {"text", std::string(i, 'a')}}.dump() + "\n";
  for (const char* batch : {"1", "7", "4096"}) {
    const Outcome outcome = tokenize({"--batch", batch}, input);
    ASSERT_EQ(outcome.status, 0);
    const std::vector<Json> records = records_of(outcome);
    ASSERT_EQ(records.size(), 300u);
    for (int i = 0; i < 300; ++i) {
      EXPECT_EQ(records[i]["id"], i);
      EXPECT_EQ(records[i]["ids"].size(), static_cast<std::size_t>(i));
    }
  }
}

TEST(TokenizeCommand, ALargeTextPasses) {
  const std::string text(1'200'000, 'z');
  const Outcome outcome = tokenize({}, Json{{"text", text}}.dump() + "\n");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const auto commas =
      std::count(outcome.out.begin() + outcome.out.find('['), outcome.out.end(), ',');
  EXPECT_EQ(static_cast<std::size_t>(commas) + 1, text.size());
}

}  // namespace
}  // namespace trinity::testing
