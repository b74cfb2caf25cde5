// trinity trace: the record, and its comparison with another one. Conformance: RTR-3.
#include <gtest/gtest.h>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

class Trace : public ::testing::Test {
 protected:
  static Outcome trace(const Words& extra = {}, const Environment& environment = {}) {
    return run(with_model("trace", extra), {}, environment);
  }
  /// The record of the small model, made once.
  static const std::string& own_text() {
    static const std::string text = trace().out;
    return text;
  }
  std::string theirs(const Json& record) const {
    return folder_.put("theirs.json", record.dump()).string();
  }
  /// A comparison with the own record, by the flags.
  Json compared(const Words& extra, int status) const {
    Words words = {"--python-report", theirs(Json::parse(own_text()))};
    words.insert(words.end(), extra.begin(), extra.end());
    const Outcome outcome = trace(words);
    EXPECT_EQ(outcome.status, status) << outcome.err;
    return Json::parse(outcome.out)["comparison"];
  }

  TemporaryFolder folder_;
};

TEST_F(Trace, IsARecordOfTheWholeWayAndTheSameEveryTime) {
  const Json record = Json::parse(own_text());
  EXPECT_EQ(record["schema"], "trinity_sakana_router_trace.v1");
  EXPECT_EQ(record["runtime"], "native.cpp");
  EXPECT_EQ(record["transcript"], "user: What is 6 times 7? Explain briefly.");
  EXPECT_EQ(record["hidden_vector_f32"].size(), static_cast<std::size_t>(small_hidden_size));
  EXPECT_EQ(record["hidden_index"].get<std::size_t>() + 2, record["input_ids"].size());
  EXPECT_EQ(record["logits"].size(), record["agent_logits"].size() + 3);
  EXPECT_FALSE(record.contains("comparison"));
  EXPECT_EQ(trace().out, own_text());
  const Json other = Json::parse(trace({"--message", "Hi"}).out);
  EXPECT_EQ(other["messages"][0]["content"], "Hi");
  EXPECT_NE(other["transcript_sha256"], record["transcript_sha256"]);
}

TEST_F(Trace, AgreesWithRoute) {
  const Json record = Json::parse(own_text());
  const Json decision =
      Json::parse(run(with_model("route", {"--json", "What is 6 times 7? Explain briefly."})).out);
  EXPECT_EQ(record["argmax_agent_id"], decision["agent_id"]);
  EXPECT_EQ(record["argmax_role_id"], decision["role_id"]);
  for (const char* logits : {"agent_logits", "role_logits"}) {
    ASSERT_EQ(record[logits].size(), decision[logits].size());
    for (std::size_t i = 0; i < record[logits].size(); ++i)
      EXPECT_EQ(record[logits][i].get<float>(), decision[logits][i].get<float>()) << logits;
  }
}

TEST_F(Trace, ComparedWithItselfPassesAndWithAChangedOneFails) {
  const std::string out = (folder_ / "ours.json").string();
  Json record = Json::parse(own_text());
  const Outcome same = trace({"--python-report", theirs(record), "--out", out});
  EXPECT_EQ(same.status, 0) << same.err;
  EXPECT_TRUE(same.out.ends_with("=== TRINITY SAKANA ROUTER TRACE: PASS ===\n")) << same.out;
  EXPECT_EQ(Json::parse(slurp(out))["comparison"]["failed_required"], 0);
  EXPECT_TRUE(slurp(out).ends_with("}\n"));

  record["argmax_role_id"] = (record["argmax_role_id"].get<int>() + 1) % 3;
  for (Json& value : record["logits"]) value = -value.get<double>();
  const Outcome changed = trace({"--python-report", theirs(record), "--out", out});
  EXPECT_EQ(changed.status, 1);
  EXPECT_NE(changed.err.find("router trace comparison failed_required=2: argmax_role_id, logits"),
            std::string::npos)
      << changed.err;
  EXPECT_EQ(changed.out.find("PASS"), std::string::npos);
  EXPECT_EQ(Json::parse(slurp(out))["comparison"]["failed_required"], 2) << "written all the same";
}

TEST_F(Trace, RTR_3_AllEightToleranceFlagsAreParsed) {
  const std::vector<std::pair<std::string, double>> flags = {
      {"hidden-max-abs", 0.5},      {"hidden-mean-abs", 0.25},
      {"hidden-min-cosine", 0.125}, {"hidden-max-relative-l2", 2},
      {"logits-max-abs", 3},        {"logits-mean-abs", 4},
      {"logits-min-cosine", 0.75},  {"logits-max-relative-l2", 0.625}};
  const Json defaults = compared({}, 0)["tolerances"];
  EXPECT_EQ(defaults.size(), 8U);
  Words all;
  Json expected;
  for (const auto& [flag, value] : flags) {
    std::string name = flag;
    std::replace(name.begin(), name.end(), '-', '_');
    expected[name] = value;
    all.insert(all.end(), {"--" + flag, std::to_string(value)});
    Json alone = defaults;  // one flag changes one tolerance
    alone[name] = value;
    EXPECT_EQ(compared({"--" + flag, std::to_string(value)}, 0)["tolerances"], alone) << flag;
  }
  EXPECT_EQ(compared(all, 0)["tolerances"], expected);
  EXPECT_EQ(defaults, (Json{{"hidden_max_abs", 0.05},
                            {"hidden_mean_abs", 0.005},
                            {"hidden_min_cosine", 0.99},
                            {"hidden_max_relative_l2", 0.12},
                            {"logits_max_abs", 1.0},
                            {"logits_mean_abs", 0.2},
                            {"logits_min_cosine", 0.99},
                            {"logits_max_relative_l2", 0.10}}));
}

TEST_F(Trace, FourTolerancesDecideAndFourAreOnlyShown) {
  for (const Words& strict : {Words{"--hidden-min-cosine", "1.5"},
                              {"--logits-min-cosine", "1.5"},
                              {"--hidden-max-relative-l2", "-1"},
                              {"--logits-max-relative-l2", "-1"}})
    EXPECT_EQ(compared(strict, 1)["failed_required"], 1) << strict[0];
  for (const Words& shown : {Words{"--hidden-max-abs", "-1"},
                             {"--hidden-mean-abs", "-1"},
                             {"--logits-max-abs", "-1"},
                             {"--logits-mean-abs", "-1"}})
    EXPECT_EQ(compared(shown, 0)["failed_required"], 0) << shown[0];
}

TEST_F(Trace, FlagsHaveEnvironmentNames) {
  const std::string report = theirs(Json::parse(own_text()));
  const Outcome outcome =
      trace({}, {{"TRINITY_PYTHON_REPORT", report}, {"TRINITY_HIDDEN_MAX_ABS", "0.75"}});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(Json::parse(outcome.out)["comparison"]["tolerances"]["hidden_max_abs"], 0.75);
}

TEST_F(Trace, WhatCannotBeReadIsRefused) {
  folder_.put("cut.json", own_text().substr(0, own_text().size() / 2));
  const std::vector<std::pair<Words, int>> calls = {
      {{"--python-report", (folder_ / "absent.json").string()}, 3},
      {{"--python-report", (folder_ / "cut.json").string()}, 1},
      {{"--head", (folder_ / "absent").string()}, 3},
      {{"--bundle", (folder_ / "absent").string()}, 3},
      {{"--hidden-max-abs", "much"}, 2},
      {{"--logits-mean-abs"}, 2},
      {{"--profile", "cpu_bf16"}, 2},  // given twice
      {{"an argument"}, 2},
      {{"--frobnicate"}, 2}};
  for (const auto& [words, status] : calls) {
    const Outcome outcome = trace(words);
    EXPECT_EQ(outcome.status, status) << words[0] << ": " << outcome.err;
    EXPECT_EQ(outcome.out, "") << words[0];
  }
}

TEST_F(Trace, AReportOfAnotherKindFailsEveryCheck) {
  for (const Json& other : {Json::array(), Json::object(), Json(7)}) {
    const Outcome outcome = trace({"--python-report", theirs(other)});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.err.find("failed_required=11"), std::string::npos) << outcome.err;
  }
}

}  // namespace
}  // namespace trinity::testing
