// trinity lab on adapted models: a router vector, and the bundle that is exported from it.
#include <gtest/gtest.h>

#include "cli/test_model.h"
#include "tensor/npy.h"

namespace trinity::testing {
namespace {

constexpr int kAdaptedOffsets =
    9 * small_hidden_size;  // seven matrices of a layer, embedding, LM head
constexpr int kAdaptedOutputs = 5;

/// The small model's router vector, the bundle made of it and a set of cases.
class LabAdapted : public ::testing::Test {
 protected:
  LabAdapted() {
    std::vector<float> values(kAdaptedOffsets + kAdaptedOutputs * small_hidden_size);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = 0.2F * (static_cast<float>(i * 7919 % 1009) / 1009.0F - 0.5F);
    const TensorView view{
        DType::f32, {static_cast<std::int64_t>(values.size())}, std::as_bytes(std::span(values))};
    if (!write_npy(folder_ / "vector.npy", view)) throw std::runtime_error("no vector");
    const Outcome made = run(with_model(
        "export", {"--vector", vector_, "--layers", "1", "--out", (folder_ / "bundle").string()}));
    EXPECT_EQ(made.status, 0) << made.err;
    Json cases = {{"schema_version", 1}, {"cases", Json::array()}};
    for (const char* text : {"What is 6 * 7?", "Is 1009 prime?", "Warum ist der Himmel blau?"})
      cases["cases"].push_back({{"id", text},
                                {"messages", {{{"role", "user"}, {"content", text}}}},
                                {"expected", {{"agent_id", 0}, {"role_id", 0}}}});
    folder_.put("cases.json", cases.dump());
  }

  Json lab(const std::string& name, const Words& extra) const {
    Words words = {"lab",        name,      "--model", small_model().string(),
                   "--profiles", "cpu_f32", "--cases", (folder_ / "cases.json").string(),
                   "--json"};
    words.insert(words.end(), extra.begin(), extra.end());
    const Outcome outcome = run(words, {}, {{"TRINITY_CACHE_DIR", ""}});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return Json::parse(outcome.out);
  }

  TemporaryFolder folder_;
  std::string vector_ = (folder_ / "vector.npy").string();
  Words by_vector_ = {"--vector", vector_, "--layers", "1"};
  Words by_bundle_ = {"--bundle", (folder_ / "bundle").string()};
};

/// Smallest and largest margin of every kind of noise: figures of the model that was asked.
std::vector<double> margins_of(const Json& record) {
  std::vector<double> margins;
  for (const Json& one : record["verdicts"])
    for (const char* group : {"agent_margins_held", "agent_margins_flipped"})
      if (!one[group].is_null())
        margins.insert(margins.end(), {one[group]["min"], one[group]["max"]});
  return margins;
}

TEST_F(LabAdapted, RobustnessAsksTheAdaptedModel) {
  const Json base = lab("robustness", {}), vector = lab("robustness", by_vector_),
             bundle = lab("robustness", by_bundle_);
  EXPECT_NE(margins_of(base), margins_of(vector));
  const auto first = margins_of(vector), second = margins_of(bundle);
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i)
    EXPECT_NEAR(first[i], second[i], 0.02) << "the bundle stores bf16";
  EXPECT_NE(vector["model"].get<std::string>().find("adapted by the router vector " + vector_),
            std::string::npos);
  EXPECT_NE(bundle["model"].get<std::string>().find("bundle"), std::string::npos);
}

TEST_F(LabAdapted, WhatWasAssumedOfTheModelIsSaid) {
  const std::filesystem::path model = folder_ / "models/m";
  std::filesystem::create_directories(model);
  std::filesystem::create_directories(folder_ / "models/other_tokenizer");
  for (const char* name : {"config.json", "model.safetensors", "router_head.safetensors"})
    std::filesystem::copy_file(small_model() / name, model / name);
  std::filesystem::copy_file(small_model() / "tokenizer.json",
                             folder_ / "models/other_tokenizer/tokenizer.json");
  for (const char* command : {"matrix", "robustness"}) {
    const Outcome outcome = run({"lab", command, "--model", model.string(), "--profiles", "cpu_f32",
                                 "--cases", (folder_ / "cases.json").string()});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("other_tokenizer"), std::string::npos) << command << outcome.err;
  }
}

TEST_F(LabAdapted, DoctorLoadsTheAdaptedModel) {
  for (const Words& adapted : {by_vector_, by_bundle_}) {
    Words words = with_model("doctor");
    words.insert(words.end(), adapted.begin(), adapted.end());
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_NE(outcome.out.find(" adapted by the "), std::string::npos) << outcome.out;
  }
  const Outcome absent = run(with_model("doctor", {"--bundle", (folder_ / "absent").string()}));
  EXPECT_EQ(absent.status, 3);
}

TEST_F(LabAdapted, TheMarginsAreThoseOfRoute) {
  Words words = with_model("route", {"--json", "Is 1009 prime?"});
  words.insert(words.end(), by_vector_.begin(), by_vector_.end());
  const Json decision = Json::parse(run(words, {}, {{"TRINITY_CACHE_DIR", ""}}).out);
  const std::string pair = R"({"id":"p","text":"Is 1009 prime?","paraphrase":"Is 1009 a prime?"})";
  words = {"lab",        "robustness", "--model",       small_model().string(),
           "--profiles", "cpu_f32",    "--paraphrases", folder_.put("pair.jsonl", pair).string(),
           "--json"};
  words.insert(words.end(), by_vector_.begin(), by_vector_.end());
  const Json record = Json::parse(run(words, {}, {{"TRINITY_CACHE_DIR", ""}}).out);
  for (const double margin : margins_of(record))
    EXPECT_NEAR(margin, decision["margins"]["agent"].get<double>(), 1e-6);
  EXPECT_EQ(margins_of(record).size(), 8U);
}

TEST_F(LabAdapted, BenchmarkDecidesWithTheAdaptedModelAndItsHead) {
  const std::string text = "Is 1009 prime?";
  Json task = user_record("a", text);
  task.update({{"family", "math"}, {"expected_agent", 0}, {"expected_role", 0}});
  const std::string tasks = folder_.put("tasks.jsonl", task.dump()).string();
  for (const Words& adapted : {by_vector_, by_bundle_}) {
    Words route = with_model("route", {"--json", text});
    Words benchmark = {"lab",       "benchmark", "--model", small_model().string(),
                       "--profile", "cpu_f32",   "--json",  "--dataset",
                       tasks,       "--suite",   "routing"};
    route.insert(route.end(), adapted.begin(), adapted.end());
    benchmark.insert(benchmark.end(), adapted.begin(), adapted.end());
    const Json decision = Json::parse(run(route, {}, {{"TRINITY_CACHE_DIR", ""}}).out);
    const Json record = Json::parse(run(benchmark, {}, {{"TRINITY_CACHE_DIR", ""}}).out);
    Json logits = decision["agent_logits"];
    for (const Json& logit : decision["role_logits"]) logits.push_back(logit);
    EXPECT_EQ(record["payload"]["routing"]["predictions"][0]["logits"], logits);
    EXPECT_NE(record["head"].get<std::string>().find("head of the"), std::string::npos);
    EXPECT_NE(record["model"].get<std::string>().find("adapted by the"), std::string::npos);
  }
}

TEST_F(LabAdapted, MatrixComparesLanesOnTheSameAdaptedWeights) {
  for (const Words& adapted : {by_vector_, by_bundle_}) {
    Words words = adapted;
    words.insert(words.end(), {"--runs", "1"});
    const Json record = lab("matrix", words);
    EXPECT_EQ(record["passed"], true);
    EXPECT_EQ(record["decisions"]["cases"], 3);
    EXPECT_NE(record["model"].get<std::string>().find("adapted by the"), std::string::npos);
  }
}

}  // namespace
}  // namespace trinity::testing
