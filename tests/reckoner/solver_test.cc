// What the demo pool computes: answers to questions as people write them, and what it leaves alone.
#include "reckoner/solver.h"

#include <gtest/gtest.h>

namespace trinity::reckoner {
namespace {

std::string answer_to(std::string_view question, Care care = Care::careful) {
  const auto solution = solve(question, care);
  if (!solution) return "(nothing)";
  return solution->refusal.empty() ? solution->answer : "(" + solution->refusal + ")";
}

using Cases = std::vector<std::pair<const char*, const char*>>;

void expect_answers(const Cases& cases) {
  for (const auto& [question, answer] : cases) EXPECT_EQ(answer_to(question), answer) << question;
}

TEST(Reckoner, Expressions) {
  expect_answers({
      {"What is 2 + 3 * 4?", "14"},
      {"Compute (2+3)*4.", "20"},
      {"2 ^ 10", "1024"},
      {"2**3**2 = ?", "512"},
      {"-2^2", "-4"},
      {"(-2)^2", "4"},
      {"what is 0.1 + 0.2", "0.3"},
      {"10 / 4", "2.5"},
      {"1/3", "1/3 (about 0.333333)"},
      {"17 mod 5", "2"},
      {"-17 % 5", "3"},
      {"15% of 80", "12"},
      {"What is 12 percent of 50?", "6"},
      {"5!", "120"},
      {"1,000 * 1,000", "1000000"},
      {"What is seven times eight?", "56"},
      {"three squared plus four squared", "25"},
      {"What is 144 divided by 12?", "12"},
      {"2 to the power of 100", "1267650600228229401496703205376"},
      {"7 × 6 − 2", "40"},
      {"13 x 12", "156"},
      {"2^-2", "0.25"},
      {"((((1))))+1", "2"},
      {"(-1)^99999", "-1"},
      {"1/0", "(1 / 0 divides by zero and has no value)"},
      {"What is 10^40?",
       "(10^40 is not a fraction of numbers of at most 38 digits, and I do not "
       "round)"},
  });
  EXPECT_NO_FATAL_FAILURE(answer_to(std::string(5000, '(') + "1+1"));
}

TEST(Reckoner, SomebodyInAHurry) {
  EXPECT_EQ(answer_to("2 + 3 * 4", Care::hasty), "20");
  EXPECT_EQ(answer_to("2 * 3 + 4", Care::hasty), "10");
  EXPECT_EQ(answer_to("How many times does the letter r occur in strawberry?", Care::hasty), "2");
}

TEST(Reckoner, Numbers) {
  expect_answers({
      {"Is 1009 prime?", "yes"},
      {"Is 1001 a prime number?", "no"},
      {"Is 1 prime?", "no"},
      {"What are the prime factors of 360?", "2 * 2 * 2 * 3 * 3 * 5"},
      {"Factor 1001", "7 * 11 * 13"},
      {"gcd of 12 and 18", "6"},
      {"Greatest common divisor of 48, 36 and 60?", "12"},
      {"What is the lcm of 4 and 6?", "12"},
      {"What is the square root of 144?", "12"},
      {"square root of 2", "(the root of 2 is irrational, between 1 and 2, and I do not round)"},
      {"What is the sum of 1, 2, 3 and 4?", "10"},
      {"Average of 1, 2 and 4", "7/3 (about 2.33333)"},
      {"Which is the largest: 3, 9 or 4?", "9"},
      {"smallest of 3, -9, 4", "-9"},
      {"Is 9999999999999999 prime?", "(9999999999999999 is too large for me to factor by trial)"},
  });
}

TEST(Reckoner, Units) {
  expect_answers({
      {"Convert 10 km to miles", "about 6.21371 miles"},
      {"How many feet are in 3 metres?", "about 9.84252 feet"},
      {"12 inches in cm", "30.48 cm"},
      {"What is 100 °C in Fahrenheit?", "212 fahrenheit"},
      {"-40 degrees F in celsius", "-40 celsius"},
      {"How many minutes are in 2.5 hours?", "150 minutes"},
      {"1 GiB in bytes", "1073741824 bytes"},
      {"how many grams are in a pound", "453.59237 g"},
      {"Convert 5 kg to miles", "(nothing)"},
  });
}

TEST(Reckoner, Texts) {
  expect_answers({
      {"How many words are in \"the quick brown fox\"?", "4"},
      {"How many characters are in \"héllo\"?", "5"},
      {"How many letters are in \"a-b c\"?", "3"},
      {"How many r's are in strawberry?", "3"},
      {"How many times does the letter s occur in the word \"Mississippi\"?", "4"},
      {"What is the most frequent word in \"a rose is a rose and a thorn\"?", "a"},
      {"Reverse \"stressed\"", "desserts"},
      {"Sort these words: pear, apple, fig", "apple, fig, pear"},
      {"Sort these numbers: 10, 9, 2.5, -3", "-3, 2.5, 9, 10"},
      {"Sort in descending order: 1, 3, 2", "3, 2, 1"},
      {"Is “A man, a plan, a canal: Panama” a palindrome?", "yes"},
      {"Put \"shout\" into uppercase", "SHOUT"},
  });
}

TEST(Reckoner, Dates) {
  expect_answers({
      {"What day of the week was 2024-02-29?", "Thursday"},
      {"Which day of the week is July 4, 1776?", "Thursday"},
      {"What weekday is 1st of January 2000?", "Saturday"},
      {"How many days are between 2024-01-01 and 2024-03-01?", "60 days"},
      {"How many days from 1 March 2023 to 1 March 2024?", "366 days"},
      {"What date is 30 days after 2024-01-31?", "2024-03-01"},
      {"Which date is 2 weeks before 2024-03-01?", "2024-02-16"},
      {"Is 1900 a leap year?", "no"},
      {"Is 2000 a leap year?", "yes"},
      {"What day of the week is February 30, 2024?", "(there is no such day in the calendar)"},
  });
}

TEST(Reckoner, Layout) {
  EXPECT_EQ(answer_to("Format this JSON: {\"a\":[1,2],\"b\":{}}"),
            "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");
  EXPECT_EQ(answer_to("Minify this JSON: { \"a\" : 1 }"), "{\"a\":1}");
  EXPECT_EQ(answer_to("Is this valid JSON: {\"a\":1,}"), "no");
  EXPECT_EQ(answer_to("Please format this JSON: {\"a\":").substr(0, 27),
            "(this is not valid JSON: th");
  EXPECT_EQ(
      answer_to("Indent this code:\n```c\nint main() {\nif (x) {\nreturn \"}\"[0];\n}\n}\n```"),
      "int main() {\n  if (x) {\n    return \"}\"[0];\n  }\n}");
}

TEST(Reckoner, WhatItLeavesAlone) {
  for (const char* question :
       {"", "Write a poem about the sea.", "Who was Ada Lovelace?", "Why is the sky blue?",
        "Call me at 555", "What is the meaning of 42?", "Explain quicksort.", "\xff\xfe\x00",
        "What day is today?", "((((((("})
    EXPECT_EQ(answer_to(question), "(nothing)") << question;
}

// Sums and products of small numbers against the machine's own arithmetic.
TEST(Reckoner, AgreesWithTheMachine) {
  std::uint64_t state = 12345;
  const auto next = [&](std::uint64_t range) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % range;
  };
  for (int round = 0; round < 300; ++round) {
    // A flat expression of + - *, computed with the usual precedence.
    std::string text = std::to_string(1 + next(99));
    std::int64_t sum = 0, term = std::stoll(text);
    for (std::size_t i = 0, count = 1 + next(6); i < count; ++i) {
      const std::int64_t value = static_cast<std::int64_t>(1 + next(99));
      const char op = "+-*"[next(3)];
      text += std::string(" ") + op + " " + std::to_string(value);
      if (op == '*') {
        term *= value;
      } else {
        sum += term;
        term = op == '+' ? value : -value;
      }
    }
    EXPECT_EQ(answer_to("What is " + text + "?"), std::to_string(sum + term)) << text;
  }
}

TEST(Reckoner, AnswersAreRecognised) {
  EXPECT_TRUE(gives_answer("To add:\n- 2 + 2 = 4\nAnswer: 4", "4"));
  EXPECT_FALSE(gives_answer("Answer: 14", "4"));
  EXPECT_FALSE(gives_answer("It is 4.\nAnswer: 5", "4"));
  EXPECT_TRUE(gives_answer("I first had 5.\nAnswer: 5\nNo!\nAnswer: 4", "4"));
  EXPECT_TRUE(gives_answer("The result is 4.", "4"));
  EXPECT_FALSE(gives_answer("The result is 4.5", "4"));
  EXPECT_FALSE(gives_answer("The result is -4", "4"));
  EXPECT_TRUE(gives_answer("It was a thursday.", "Thursday"));
  EXPECT_FALSE(gives_answer("", "4"));
}

}  // namespace
}  // namespace trinity::reckoner
