// Harmless noise: what it changes in a question, and how flips are counted.
#include "benchmark/robustness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "prove/lab_support.h"
#include "router/model_files.h"

namespace trinity::testing {
namespace {

TEST(Paraphrases, TheBuiltInPairsAreFortyOrMoreAndDiffer) {
  const auto pairs = take(benchmark::built_in_paraphrases());
  EXPECT_GE(pairs.size(), 40U);
  std::set<std::string> ids, texts;
  for (const benchmark::Paraphrase& pair : pairs) {
    EXPECT_TRUE(ids.insert(pair.id).second) << pair.id;
    EXPECT_TRUE(texts.insert(pair.text).second) << pair.text;
    EXPECT_TRUE(texts.insert(pair.paraphrase).second) << pair.paraphrase;
  }
}

TEST(Paraphrases, ABadLineIsRefusedByNumber) {
  for (const std::string bad :
       {R"({"id":"a","text":"x"})", R"({"id":"a","text":"","paraphrase":"y"})", "[]", "7"}) {
    const auto result =
        benchmark::read_paraphrases("{\"id\":\"a\",\"text\":\"x\",\"paraphrase\":\"y\"}\n\n" + bad);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().tag, "invalid_paraphrases");
    EXPECT_NE(result.error().message.find("line 3"), std::string::npos) << result.error().message;
  }
  EXPECT_FALSE(benchmark::read_paraphrases(""));
  EXPECT_FALSE(benchmark::read_paraphrases("{"));
}

TEST(Noise, ChangesTheFormAndNothingElse) {
  const benchmark::Paraphrase pair{"p", "Is it so?", "Is that right?"};
  EXPECT_EQ(benchmark::noisy_question(pair, "").front().content, "Is it so?");
  EXPECT_EQ(benchmark::noisy_question(pair, "trailing_space").front().content, "Is it so? ");
  EXPECT_EQ(benchmark::noisy_question(pair, "first_letter_case").front().content, "is it so?");
  EXPECT_EQ(benchmark::noisy_question({"p", "is it?", ""}, "first_letter_case").front().content,
            "Is it?");
  EXPECT_EQ(benchmark::noisy_question({"p", "4 + 4", ""}, "first_letter_case").front().content,
            "4 + 4");
  EXPECT_EQ(benchmark::noisy_question(pair, "paraphrase").front().content, "Is that right?");
  EXPECT_EQ(benchmark::noisy_question(pair, "role_name").front().role, "User");
  EXPECT_EQ(benchmark::noisy_question(pair, "role_name").front().content, pair.text);
}

TEST(Noise, LeavesTheConversationAroundTheQuestionAsItIs) {
  const benchmark::Paraphrase pair{
      "p", "and you?", "", {{"user", "Hi"}, {"assistant", "Hi!"}}, {{"x", "y"}}};
  for (const std::string& kind : benchmark::noise_kinds()) {
    const std::vector<Message> noisy = benchmark::noisy_question(pair, kind);
    ASSERT_EQ(noisy.size(), 4U);
    for (const std::size_t other : {0U, 1U, 3U}) {
      EXPECT_EQ(noisy[other].role, benchmark::noisy_question(pair, "")[other].role);
      EXPECT_EQ(noisy[other].content, benchmark::noisy_question(pair, "")[other].content);
    }
    const bool same = noisy[2].role == "user" && noisy[2].content == "and you?";
    EXPECT_EQ(same, kind == "paraphrase") << kind << ": there is none";
  }
  EXPECT_EQ(benchmark::noisy_question({"p", "", ""}, "first_letter_case").front().content, "");
}

TEST(Noise, TheQuestionOfACaseIsTheLastMessageOfTheUser) {
  prove::EvalCaseSet set;
  set.cases.resize(3);
  set.cases[0].messages = {{"user", "a"}, {"assistant", "b"}, {"user", "c"}, {"assistant", "d"}};
  set.cases[1].messages = {{"system", "e"}};
  set.cases[2].messages = {{"user", "f"}};
  const auto questions = take(benchmark::questions_of(set));
  ASSERT_EQ(questions.size(), 2U);
  EXPECT_EQ(questions[0].text, "c");
  EXPECT_EQ(questions[0].before.size(), 2U);
  EXPECT_EQ(questions[0].after.size(), 1U);
  for (const std::size_t i : {0U, 1U}) {
    const auto& original = set.cases[i == 0 ? 0 : 2].messages;
    const auto rebuilt = benchmark::noisy_question(questions[i], "");
    ASSERT_EQ(rebuilt.size(), original.size());
    for (std::size_t m = 0; m < rebuilt.size(); ++m)
      EXPECT_EQ(rebuilt[m].content, original[m].content);
  }
  set.cases = {set.cases[1]};
  EXPECT_EQ(benchmark::questions_of(set).error().tag, "invalid_eval_cases");
}

TEST(Noise, QuantilesAreNearestRanks) {
  const std::vector<double> values = {1, 2, 3, 4};
  EXPECT_EQ(benchmark::quantile(values, 0), 1);
  EXPECT_EQ(benchmark::quantile(values, 0.5), 2);
  EXPECT_EQ(benchmark::quantile(values, 0.51), 3);
  EXPECT_EQ(benchmark::quantile(values, 1), 4);
  EXPECT_EQ(benchmark::quantile({}, 0.5), 0);
}

TEST(Noise, FlipsOfTheTinyRouterAddUp) {
  const auto files = take(router::open_tiny_router());
  const model::ModelConfig config = take(files->config());
  const route::Head head = take(files->head());
  auto pairs = take(benchmark::built_in_paraphrases());
  pairs.resize(8);
  pairs.push_back(
      {"same", "4 + 4 = 8, is it?", "4 + 4 = 8, is it?"});  // noise that changes nothing
  const auto lanes = take(prove::named_lanes(std::vector<std::string>{"cpu_f32"}, 1));
  const benchmark::RobustnessReport report = take(benchmark::try_robustness(
      lanes.lanes, {config, files->tensors(), head}, take(files->tokenizer()), pairs));
  ASSERT_EQ(report.verdicts.size(), benchmark::noise_kinds().size());
  for (const benchmark::NoiseVerdict& one : report.verdicts) {
    const bool leaves_last = one.kind == "paraphrase" || one.kind == "first_letter_case";
    EXPECT_EQ(one.questions, pairs.size() - (leaves_last ? 1 : 0)) << one.kind;
    EXPECT_EQ(one.flips.size(), one.flipped_margins.size());
    EXPECT_EQ(one.questions, one.flipped_margins.size() + one.held_margins.size());
    EXPECT_LE(std::max(one.agent_flips, one.role_flips), one.flips.size());
    EXPECT_GE(one.agent_flips + one.role_flips, one.flips.size());
    EXPECT_TRUE(std::is_sorted(one.held_margins.begin(), one.held_margins.end()));
    for (const benchmark::NoiseFlip& flip : one.flips)
      EXPECT_TRUE(flip.before.agent != flip.after.agent || flip.before.role != flip.after.role);
  }
  const auto record = take(parse_json(json_text(benchmark::robustness_record(report))));
  EXPECT_EQ(record["verdicts"].size(), report.verdicts.size());
}

}  // namespace
}  // namespace trinity::testing
