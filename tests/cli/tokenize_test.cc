#include <gtest/gtest.h>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

Outcome tokenize(const Words& extra, const std::string& input = {}) {
  return run(with_model("tokenize", extra), input);
}

TEST(TokenizeCommand, TextOfTheCommandLineBecomesOneLine) {
  const Outcome outcome = tokenize({"abc a"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "{\"schema_version\":1,\"ids\":[257,258]}\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(tokenize({""}).out, "{\"schema_version\":1,\"ids\":[]}\n");
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

TEST(TokenizeCommand, AddedTokensAreTextUnlessAsked) {
  const std::string input = "{\"text\":\"a<|x|>\"}\n";
  EXPECT_EQ(tokenize({}, input).out, "{\"schema_version\":1,\"ids\":[97,60,124,120,124,62]}\n");
  EXPECT_EQ(tokenize({"--special", "--json"}, input).out,
            "{\"schema_version\":1,\"ids\":[97,259]}\n");
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

TEST(TokenizeCommand, DecodeReverses) {
  const std::string input = "{\"id\":1,\"ids\":[257,258,259]}\n{\"ids\":[]}\n";
  EXPECT_EQ(tokenize({"--decode"}, input).out,
            "{\"id\":1,\"schema_version\":1,\"text\":\"abc a<|x|>\"}\n"
            "{\"schema_version\":1,\"text\":\"\"}\n");
  EXPECT_EQ(tokenize({"--decode", "257, 258"}).out, "{\"schema_version\":1,\"text\":\"abc a\"}\n");
}

TEST(TokenizeCommand, IdsOfPartOfACharacterKeepTheirBytes) {
  const Json record = Json::parse(tokenize({"--decode", "97,195"}).out);
  EXPECT_EQ(record["text"], "a\xEF\xBF\xBD");
  EXPECT_EQ(record["bytes_hex"], "61c3");
}

TEST(TokenizeCommand, UnknownIdsAreAnError) {
  const Outcome outcome = tokenize({"--decode"}, "{\"ids\":[100000]}\n{\"ids\":[97]}\n");
  EXPECT_EQ(outcome.status, 1);
  const std::vector<Json> records = records_of(outcome);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0]["error"]["tag"], "unknown_token_id");
  EXPECT_EQ(records[0]["error"]["line"], 1);
  EXPECT_EQ(records[1]["text"], "a");
}

TEST(TokenizeCommand, BadLinesGetErrorObjectsInTheirPlace) {
  const Outcome outcome = tokenize({}, "{\"text\":\"abc\"}\n{\"id\":5}\n{\"text\":\"\xC3\"}\nx\n");
  EXPECT_EQ(outcome.status, 1);
  const std::vector<Json> records = records_of(outcome);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0]["ids"], Json::array({257}));
  EXPECT_EQ(records[1]["id"], 5);
  EXPECT_EQ(records[1]["error"]["tag"], "invalid_record");
  EXPECT_EQ(records[2]["error"]["tag"], "invalid_utf8");
  EXPECT_EQ(records[3]["error"]["tag"], "invalid_json");
  EXPECT_EQ(records[3]["error"]["line"], 4);
}

TEST(TokenizeCommand, ALargeTextPasses) {
  const std::string text(3'000'000, 'z');
  const Outcome outcome = tokenize({}, Json{{"text", text}}.dump() + "\n");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(Json::parse(outcome.out)["ids"].size(), text.size());
}

}  // namespace
}  // namespace trinity::testing
