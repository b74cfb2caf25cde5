#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <random>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

Outcome route(const Words& extra, const std::string& input = {}) {
  return run(with_model("route", extra), input);
}

std::string conversations(int count) {
  std::string input;
  for (int i = 0; i < count; ++i) {
    std::string text = "question ";
    text.append(static_cast<std::size_t>(i * 7 % 40), 'q').append(std::to_string(i));
    input += user_record(i, text).dump();
    input += "\n";
  }
  return input;
}

/// What must not depend on how a record was computed.
Json invariant_part(Json record) {
  record.erase("timings_ms");
  return record;
}

TEST(RouteCommand, RecordsHoldTheWholeDecision) {
  const Outcome outcome = route({"--json"}, user_record("x", "abc").dump() + "\n");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json record = Json::parse(outcome.out);
  EXPECT_EQ(record["id"], "x");
  EXPECT_EQ(record["agent_logits"].size(), 7u);
  EXPECT_EQ(record["role_logits"].size(), 3u);
  EXPECT_EQ(record["profile"], "cpu_f32");
  const Json profile = Json::parse(run({"profiles", "cpu_f32", "--json"}).out)["profiles"][0];
  EXPECT_EQ(record["exactness"], profile["exactness"]);
  EXPECT_EQ(record["input_mode"], "plain");
  EXPECT_EQ(record["tiny_router"], false);
  EXPECT_EQ(record["hidden_index"].get<int>(), record["token_count"].get<int>() - 2);
  for (const char* key : {"role_name", "transcript_hash", "trace_messages_hash", "route_hash"}) {
    EXPECT_TRUE(record[key].is_string()) << key;
  }
  for (const char* key : {"agent", "role"}) {
    EXPECT_TRUE(record["margins"][key].is_number()) << key;
  }
  for (const char* key : {"tokenize", "queue", "prefill", "head", "total"}) {
    EXPECT_TRUE(record["timings_ms"][key].is_number()) << key;
  }
  const std::vector<double> agents = record["agent_logits"];
  EXPECT_EQ(record["agent_id"], std::max_element(agents.begin(), agents.end()) - agents.begin());
}

TEST(RouteCommand, LogitsRestoreAnF32Exactly) {
  const Json record = Json::parse(route({"--json", "abc"}).out);
  for (const char* key : {"agent_logits", "role_logits"}) {
    for (const Json& logit : record[key]) {
      const double value = logit.get<double>();
      EXPECT_EQ(std::bit_cast<std::uint64_t>(value),
                std::bit_cast<std::uint64_t>(static_cast<double>(static_cast<float>(value))));
    }
  }
}

TEST(RouteCommand, APromptIsOneUserMessage) {
  Json from_argument = Json::parse(route({"--json", "abc"}).out);
  Json from_record = Json::parse(route({"--json"}, user_record(1, "abc").dump()).out);
  from_record.erase("id");
  EXPECT_EQ(invariant_part(from_argument), invariant_part(from_record));
}

TEST(RouteCommand, DashAndNoArgumentAndAFileAreTheSameInput) {
  const TemporaryFolder folder;
  const std::string input = conversations(3);
  const auto file = folder.put("in.jsonl", input);
  const auto decisions = [](const Outcome& outcome) {
    std::vector<Json> records = records_of(outcome);
    for (Json& record : records) record = invariant_part(record);
    return records;
  };
  const auto expected = decisions(route({"--json"}, input));
  EXPECT_EQ(expected.size(), 3u);
  EXPECT_EQ(decisions(route({"--json", "-"}, input)), expected);
  EXPECT_EQ(decisions(route({"--json", "--input", file.string()})), expected);
  EXPECT_EQ(decisions(route({"--json", "--input", "-"}, input)), expected);
}

TEST(RouteCommand, DecisionsDoNotDependOnBatchThreadsOrCache) {
  const std::string input = conversations(23);
  std::vector<Json> expected = records_of(route({"--json"}, input));
  ASSERT_EQ(expected.size(), 23u);
  const std::vector<Words> variants = {{"--batch", "1"},
                                       {"--batch", "5", "--threads", "1"},
                                       {"--batch", "4096", "--no-prefix-cache"},
                                       {"--batch", "4", "--prefix-cache", "1"},
                                       {"--prefix-cache", "0"},
                                       {"--threads", "2", "--full"}};
  for (const Words& variant : variants) {
    Words words = {"--json"};
    words.insert(words.end(), variant.begin(), variant.end());
    const std::vector<Json> records = records_of(route(words, input));
    ASSERT_EQ(records.size(), expected.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
      EXPECT_EQ(invariant_part(records[i]), invariant_part(expected[i])) << variant[0];
    }
  }
}

TEST(RouteCommand, BadLinesAreAnsweredInTheirPlaceAndTheOthersStillRouted) {
  const std::string too_long = Json{{"text", std::string(small_max_tokens + 1, 'z')}}.dump();
  const std::string input = user_record(0, "abc").dump() + "\n" +  //
                            "not json\n" +                         //
                            "{\"id\":2,\"messages\":\"abc\"}\n" +  //
                            "\n" +                            // blank lines count, but only that
                            "{\"id\":4,\"messages\":[]}\n" +  //
                            too_long + "\n" +                 //
                            "{\"text\":\"\"}\n" +             //
                            "{\"messages\":[{\"role\":\"user\",\"content\":\"\xED\xA0\x80\"}]}\n" +
                            "{\"text\":\"\\ud800\"}\n" +  //
                            user_record(9, "abc").dump();
  const Words expected_tags = {"",
                               "invalid_json",
                               "invalid_messages",
                               "empty_transcript",
                               "input_too_long",
                               "empty_transcript",
                               "invalid_utf8",
                               "lone_surrogate",
                               ""};
  const std::vector<int> expected_lines = {1, 2, 3, 5, 6, 7, 8, 9, 10};
  for (const char* batch : {"1", "3", "100"}) {
    const Outcome outcome = route({"--json", "--batch", batch}, input);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.err.find("7 of 9 records failed"), std::string::npos) << outcome.err;
    const std::vector<Json> records = records_of(outcome);
    ASSERT_EQ(records.size(), expected_tags.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (expected_tags[i].empty()) {
        EXPECT_TRUE(records[i].contains("agent_id")) << records[i];
        continue;
      }
      const Json& error = records[i]["error"];
      EXPECT_EQ(error["tag"], expected_tags[i]) << records[i];
      EXPECT_EQ(error["line"], expected_lines[i]) << records[i];
      const std::string message = error["message"];
      EXPECT_TRUE(message.starts_with("line " + std::to_string(expected_lines[i]) + ": "))
          << message;
      EXPECT_EQ(error.size(), 3u);
    }
    EXPECT_EQ(records[2]["id"], 2);
    EXPECT_FALSE(records[1].contains("id"));
  }
}

TEST(RouteCommand, AnInputWithoutRecordsIsAnError) {
  for (const char* input : {"", "\n", "  \n\t\n"}) {
    const Outcome outcome = route({"--json"}, input);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(Json::parse(outcome.out)["error"]["tag"], "empty_input") << outcome.out;
    EXPECT_NE(outcome.err.find("no record"), std::string::npos) << outcome.err;
    EXPECT_EQ(route({}, input).out, "");
  }
}

TEST(RouteCommand, AnInvalidPromptIsRefusedWithStatus1) {
  const Outcome outcome = route({"--json", "abc\xFF"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(Json::parse(outcome.out)["error"]["tag"], "invalid_utf8");
  EXPECT_EQ(lines_of(outcome.err).size(), 2u) << outcome.err;  // the head in use, the failure
}

TEST(RouteCommand, SamplingIsReproducibleWithASeedAndRecorded) {
  const Words sample = {"--json", "--agent-selection", "sample", "--role-selection", "sample"};
  const auto with = [&](const Words& extra) {
    Words words = sample;
    words.insert(words.end(), extra.begin(), extra.end());
    return Json::parse(route(words).out);
  };
  const Json first = with({"--seed", "42", "--temperature", "2", "abc"});
  EXPECT_EQ(invariant_part(first),
            invariant_part(with({"--seed", "42", "--temperature", "2", "abc"})));
  EXPECT_EQ(first["selection_seeds"]["agent"], Json::array({42, 43, 44}));
  EXPECT_EQ(first["selection_seeds"]["role"], Json::array({59, 73, 85}));
  EXPECT_EQ(first["selection_modes"]["agent"], "sample");
  EXPECT_EQ(first["selection_temperature"], 2.0);
  EXPECT_EQ(with({"--seed", "1,2,3", "abc"})["selection_seeds"]["role"], Json::array({18, 33, 46}));
  const std::vector<double> probabilities = first["agent_probabilities"];
  EXPECT_NEAR(std::accumulate(probabilities.begin(), probabilities.end(), 0.0), 1, 1e-12);
}

TEST(RouteCommand, ProbabilitiesAppearForArgmaxOnlyOnRequest) {
  EXPECT_FALSE(Json::parse(route({"--json", "abc"}).out).contains("agent_probabilities"));
  EXPECT_EQ(
      Json::parse(route({"--json", "--probabilities", "abc"}).out)["role_probabilities"].size(),
      3u);
}

TEST(RouteCommand, InputModesAndSpecialTokensReachTheTokenizer) {
  const auto tokens = [](const Words& extra) {
    Words words = {"--json", "a<|x|>b"};
    words.insert(words.end(), extra.begin(), extra.end());
    return Json::parse(route(words).out)["token_count"].get<int>();
  };
  EXPECT_GT(tokens({"--input-mode", "chat"}), tokens({"--input-mode", "chat_raw"}));
  EXPECT_GT(tokens({"--input-mode", "chat_raw"}), tokens({}));
  EXPECT_EQ(tokens({}) - tokens({"--special"}), 4);  // five bytes become one token
  const Outcome developer = route({"--json", "--input-mode", "chat_raw"},
                                  "{\"messages\":[{\"role\":\"developer\",\"content\":\"x\"}]}\n");
  EXPECT_EQ(Json::parse(developer.out)["error"]["tag"], "unsupported_message_role");
}

TEST(RouteCommand, IdsComeBackAsTheyWereGiven) {
  const std::string id = R"({"user":98765432109876543210,"n":[-0,0.12345678901234567890]})";
  const Outcome outcome = route({"--json"}, "{\"id\":" + id + ",\"text\":\"abc\"}\n{\"id\":" + id +
                                                ",\"text\":\"\\ud83d\"}\n");
  const Words lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 2u);
  for (const std::string& line : lines)
    EXPECT_TRUE(line.starts_with("{\"id\":" + id + ",")) << line;
  EXPECT_EQ(Json::parse(lines[1])["error"]["tag"], "lone_surrogate");
}

TEST(RouteCommand, AnArrayAndAnIndentedRecordAreTheSameAsLines) {
  Json list = Json::array();
  std::string lines;
  for (int i = 0; i < 3; ++i) {
    list.push_back(user_record(i, "question " + std::to_string(i)));
    lines += list.back().dump() + "\n";
  }
  const auto decided = [](const std::string& input) {
    std::vector<Json> records = records_of(route({"--json"}, input));
    for (Json& record : records) record = invariant_part(record);
    return records;
  };
  const std::vector<Json> expected = decided(lines);
  ASSERT_EQ(expected.size(), 3u);
  EXPECT_EQ(decided(list.dump()), expected);
  EXPECT_EQ(decided(list.dump(2)), expected);
  EXPECT_EQ(decided("\xEF\xBB\xBF" + lines), expected);
  EXPECT_EQ(decided(list[0].dump(4) + "\n" + list[1].dump() + "\r\n" + list[2].dump(1)), expected);
}

TEST(RouteCommand, WhatAMessageSaysIsRoutedWhateverItsForm) {
  const auto tokens = [](const std::string& mode, const std::string& messages) {
    const Outcome outcome =
        route({"--json", "--input-mode", mode}, "{\"messages\":" + messages + "}\n");
    const Json record = Json::parse(outcome.out);
    return record.contains("error") ? -1 : record["token_count"].get<int>();
  };
  for (const std::string mode : {"plain", "chat", "chat_raw"}) {
    EXPECT_EQ(tokens(mode, R"([{"role":"user","content":[{"type":"text","text":"abc"}]}])"),
              tokens(mode, R"([{"role":"user","content":"abc"}])"));
    const int silent =
        tokens(mode, R"([{"role":"user","content":"a"},{"role":"assistant","content":""}])");
    for (const std::string call :
         {R"("content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}])",
          R"("content":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}}])",
          R"("content":"","reasoning_content":"abc")"})
      EXPECT_GT(
          tokens(mode, R"([{"role":"user","content":"a"},{"role":"assistant",)" + call + "}]"),
          silent)
          << mode << call;
    EXPECT_GT(tokens(mode, R"([{"role":"tool","content":"x"}])"), 0);
  }
}

TEST(RouteCommand, AnInputThatIsNoTextIsNamed) {
  for (const char* command : {"route", "extract", "tokenize"}) {
    const Outcome zero = run(with_model(command, {"--input", "/dev/zero"}));
    EXPECT_EQ(zero.status, 1);
    EXPECT_NE(zero.err.find("no text"), std::string::npos) << zero.err;
    const Outcome wide = run(with_model(command), std::string("\xFF\xFE{\0}\0\n\0", 8));
    EXPECT_NE(wide.err.find("UTF-16"), std::string::npos) << wide.err;
    const Outcome record =
        run(with_model(command, {"--json"}), std::string("\xFF\xFE{\0}\0\n\0", 8));
    ASSERT_EQ(lines_of(record.out).size(), 1u) << command << record.out;
    EXPECT_EQ(Json::parse(record.out)["error"]["tag"], "unsupported_encoding") << command;
  }
  const Outcome plain = route({}, "Is 1009 prime?\n");
  EXPECT_EQ(plain.status, 1);
  EXPECT_NE(plain.err.find("argument in quotes"), std::string::npos) << plain.err;
}

TEST(RouteCommand, TextForPeopleIsATableInInputOrder) {
  const Outcome outcome = route({}, user_record("first", "abc").dump() + "\nnonsense\n" +
                                        user_record("third", "abc").dump() + "\n");
  EXPECT_EQ(outcome.status, 1);
  const Words lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 5u) << outcome.out;
  EXPECT_NE(lines[0].find("agent"), std::string::npos);
  EXPECT_TRUE(lines[2].starts_with("  first "));
  EXPECT_TRUE(lines[3].starts_with("  line 2 "));
  EXPECT_TRUE(lines[4].starts_with("  third "));
}

TEST(RouteCommand, ACardShowsEveryLogit) {
  const Outcome outcome = route({"abc"});
  EXPECT_EQ(outcome.status, 0);
  for (const char* word : {"agents", "roles", "Worker", "Thinker", "Verifier", "cpu_f32"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word;
  }
}

TEST(RouteCommand, SaysWhichHeadItFound) {
  const Outcome outcome = route({"--json", "abc"});
  EXPECT_NE(outcome.err.find("router_head.safetensors"), std::string::npos) << outcome.err;
}

TEST(RouteCommand, SurvivesHostileLines) {
  std::mt19937 random(17);
  const std::string valid = user_record("id", "some text \xC3\xA9 <|x|>").dump();
  std::string input;
  int count = 0;
  for (int i = 0; i < 400; ++i) {
    std::string line = valid;
    for (int change = 0; change < 3; ++change) {
      const std::size_t at = random() % line.size();
      switch (random() % 4) {
        case 0:
          line[at] = static_cast<char>(random());
          break;
        case 1:
          line.erase(at, 1 + random() % 5);
          break;
        case 2:
          line.insert(at, std::string(1 + random() % 4, "{}[]\",:\\"[random() % 8]));
          break;
        default:
          line.insert(at, line.substr(at, random() % 20));
      }
      if (line.empty()) line = "x";
    }
    std::replace(line.begin(), line.end(), '\n', ' ');
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    input += line + "\n";
    ++count;
  }
  const Outcome outcome = route({"--json"}, input);
  EXPECT_TRUE(outcome.status == 0 || outcome.status == 1) << outcome.status << outcome.err;
  const std::vector<Json> records = records_of(outcome);
  ASSERT_EQ(records.size(), static_cast<std::size_t>(count));
  for (const Json& record : records) {
    EXPECT_NE(record.contains("agent_id"), record.contains("error")) << record;
  }
}

}  // namespace
}  // namespace trinity::testing
