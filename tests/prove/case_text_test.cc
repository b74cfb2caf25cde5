// Message contents that are made from rules.
#include "prove/eval/case_text.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/sha256.h"

namespace trinity::testing {
namespace {

/// SHA-256 of 1,000 words of seed 7, computed with an implementation in another language.
constexpr const char* kWordsHash =
    "ed9aee9421b4644cc27ad226af7653d049b2588186ed59118d31c55c2f1b9fc8";

std::string text_of(const std::string& rule) {
  const auto text = prove::generate_case_text(*parse_json(rule));
  return text ? *text : text.error().tag;
}

TEST(CaseText, JoinsPartsInOrder) {
  EXPECT_EQ(text_of(R"(["a", {"repeat": "bc", "times": 3}, "d"])"), "abcbcbcd");
  EXPECT_EQ(text_of("[]"), "");
  EXPECT_EQ(text_of(R"([{"repeat": "", "times": 18446744073709551615}])"), "invalid_eval_cases")
      << "a count that no loop ends";
  EXPECT_EQ(text_of(R"([{"repeat": "x", "times": 0}])"), "");
}

TEST(CaseText, WordsAreFrozen) {
  EXPECT_EQ(prove::pseudo_words(0, 7), "");
  EXPECT_EQ(prove::pseudo_words(2500, 11).size() > 10000, true);
  // A prefix of a longer draw, another seed another text.
  EXPECT_TRUE(prove::pseudo_words(100, 7).starts_with(prove::pseudo_words(40, 7)));
  EXPECT_NE(prove::pseudo_words(40, 7), prove::pseudo_words(40, 8));
  EXPECT_EQ(sha256_hex(prove::pseudo_words(1000, 7)), kWordsHash);
}

TEST(CaseText, RefusesWrongRules) {
  for (const char* rule :
       {R"("text")", "{}", "[1]", R"([{"repeat": "a"}])", R"([{"repeat": "a", "times": -1}])",
        R"([{"repeat": "a", "times": 1, "more": 2}])", R"([{"words": 3}])",
        R"([{"words": 1.5, "seed": 1}])", R"([{"repeat": 5, "times": 1}])", "[null]", "[[]]"})
    EXPECT_EQ(text_of(rule), "invalid_eval_cases") << rule;
}

TEST(CaseText, RefusesTextsThatAreTooLarge) {
  EXPECT_EQ(text_of(R"([{"repeat": "abcd", "times": 99999999999}])"), "invalid_eval_cases");
  EXPECT_EQ(text_of(R"([{"words": 99999999999, "seed": 1}])"), "invalid_eval_cases");
  EXPECT_EQ(text_of(R"([{"repeat": "a", "times": 4000000}, {"repeat": "a", "times": 4000000}])"),
            "invalid_eval_cases");
}

}  // namespace
}  // namespace trinity::testing
