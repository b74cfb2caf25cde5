// Selection options as text and JSON.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "base/json.h"
#include "route/selection.h"

namespace trinity {
namespace {

std::string error_of(const Json& options) {
  const auto result = route::parse_selection_options(options);
  return result ? "no error" : result.error().tag;
}

std::string message_of(const Json& options) {
  const auto result = route::parse_selection_options(options);
  return result ? "no error" : result.error().message;
}

TEST(SelectionOptions, CRO1AnEmptyObjectIsTheDefault) {
  const auto options = route::parse_selection_options(Json::object());
  ASSERT_TRUE(options);
  EXPECT_EQ(options->agent_selection, SelectionMode::argmax);
  EXPECT_EQ(options->role_selection, SelectionMode::argmax);
  EXPECT_FALSE(options->return_probabilities);
  EXPECT_EQ(options->temperature, 1.0);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(options->seed));
}

TEST(SelectionOptions, CRO3ReadsModesInAnySpelling) {
  for (const char* name : {"softmax", "softmax-argmax", "softmax_argmax", "  SoftMax-ArgMax\n"}) {
    const auto mode = route::parse_selection_mode("agent_selection", name);
    ASSERT_TRUE(mode) << name;
    EXPECT_EQ(*mode, SelectionMode::softmax);
  }
  EXPECT_EQ(*route::parse_selection_mode("role_selection", " SAMPLE "), SelectionMode::sample);
  EXPECT_EQ(*route::parse_selection_mode("role_selection", "argmax"), SelectionMode::argmax);
}

TEST(SelectionOptions, CRO3NamesTheOptionAndTheUnknownMode) {
  EXPECT_EQ(message_of({{"agent_selection", "greedy"}}),
            "agent_selection must be :argmax, :softmax, :softmax_argmax, or :sample, got "
            "\"greedy\"");
  EXPECT_EQ(message_of({{"role_selection", 7}}),
            "role_selection must be :argmax, :softmax, :softmax_argmax, or :sample, got 7");
  EXPECT_EQ(error_of({{"role_selection", ""}}), "invalid_selection_mode");
  EXPECT_EQ(error_of({{"agent_selection", nullptr}}), "invalid_selection_mode");
}

TEST(SelectionOptions, ReadsEveryKey) {
  const auto options = route::parse_selection_options({{"agent_selection", "sample"},
                                                       {"role_selection", "softmax"},
                                                       {"return_probabilities", true},
                                                       {"temperature", 0.5},
                                                       {"seed", {1, 2, 3}}});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->agent_selection, SelectionMode::sample);
  EXPECT_EQ(options->role_selection, SelectionMode::softmax);
  EXPECT_TRUE(options->return_probabilities);
  EXPECT_EQ(options->temperature, 0.5);
  EXPECT_EQ(std::get<SeedTriple>(options->seed), (SeedTriple{1, 2, 3}));
}

TEST(SelectionOptions, ReadsIntegerSeedsOfEitherSign) {
  EXPECT_EQ(std::get<std::int64_t>(route::parse_selection_options({{"seed", -5}})->seed), -5);
  EXPECT_EQ(std::get<std::int64_t>(route::parse_selection_options({{"seed", 42}})->seed), 42);
  const auto wide =
      route::parse_selection_options({{"seed", std::numeric_limits<std::uint64_t>::max()}});
  EXPECT_EQ(std::get<std::int64_t>(wide->seed), -1);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(
      route::parse_selection_options({{"seed", nullptr}})->seed));
}

TEST(SelectionOptions, RefusesOtherSeeds) {
  for (const Json& seed :
       {Json(1.5), Json("1"), Json(true), Json::array({1, 2}), Json::array({1, 2, 3, 4}),
        Json::array({1, 2, "3"}), Json::array({1.0, 2, 3}), Json::object()}) {
    EXPECT_EQ(error_of({{"seed", seed}}), "invalid_seed") << json_text(seed);
  }
}

TEST(SelectionOptions, RefusesOtherTypesRangesAndKeys) {
  for (const Json& temperature : {Json(0), Json(-1.0), Json("1"), Json(nullptr), Json(false)}) {
    EXPECT_EQ(error_of({{"temperature", temperature}}), "invalid_temperature")
        << json_text(temperature);
  }
  EXPECT_EQ(error_of({{"return_probabilities", 1}}), "invalid_selection_options");
  EXPECT_EQ(error_of({{"temprature", 1.0}}), "unknown_option");
  EXPECT_NE(message_of({{"temprature", 1.0}}).find("temprature"), std::string::npos);
  EXPECT_EQ(error_of(Json::array()), "invalid_selection_options");
  EXPECT_EQ(error_of(Json("argmax")), "invalid_selection_options");
}

TEST(SelectionSeedText, ReadsOneIntegerOrThree) {
  EXPECT_EQ(std::get<std::int64_t>(*route::parse_selection_seed("42")), 42);
  EXPECT_EQ(std::get<std::int64_t>(*route::parse_selection_seed(" -7 ")), -7);
  EXPECT_EQ(std::get<SeedTriple>(*route::parse_selection_seed("1,2,3")), (SeedTriple{1, 2, 3}));
  EXPECT_EQ(std::get<SeedTriple>(*route::parse_selection_seed(" 1 , 2 , 3 ")),
            (SeedTriple{1, 2, 3}));
}

TEST(SelectionSeedText, RefusesEverythingElse) {
  for (const char* text : {"", " ", "x", "1.5", "1,2", "1,2,3,4", "1,,3", ",", "1,2,3,", "1 2 3",
                           "99999999999999999999"}) {
    const auto seed = route::parse_selection_seed(text);
    ASSERT_FALSE(seed) << text;
    EXPECT_EQ(seed.error().tag, "invalid_seed");
  }
}

}  // namespace
}  // namespace trinity
