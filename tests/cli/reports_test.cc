// profiles, backends, doctor, synth, bench and demo.
#include <gtest/gtest.h>

#include <set>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

/// What is promised is what is claimed, or only decisions, with a sentence that says why.
void expect_promise(const Json& record) {
  const std::set<std::string> words = {"oracle", "exact", "bit-stable", "decision-stable"};
  EXPECT_TRUE(words.contains(record["exactness"].get<std::string>())) << record;
  EXPECT_TRUE(words.contains(record["claims"].get<std::string>())) << record;
  if (record["broken_promise"].is_null()) {
    EXPECT_EQ(record["exactness"], record["claims"]) << record;
  } else {
    EXPECT_EQ(record["exactness"], "decision-stable") << record;
    EXPECT_NE(record["broken_promise"], "") << record;
  }
}

TEST(ProfilesCommand, ListsLanesWithReasonsFloorsAndOneDefault) {
  const Outcome outcome = run({"profiles", "--json"});
  ASSERT_EQ(outcome.status, 0);
  const Json profiles = Json::parse(outcome.out)["profiles"];
  int defaults = 0, fast = 0;
  std::set<std::string> names;
  for (const Json& profile : profiles) {
    names.insert(profile["name"]);
    EXPECT_EQ(profile["available"].get<bool>(), profile["reason"].is_null()) << profile;
    EXPECT_GT(profile["margin_floors"]["agent"].get<double>(), 0) << profile;
    EXPECT_GT(profile["margin_floors"]["role"].get<double>(), 0) << profile;
    if (profile["default"].get<bool>()) {
      ++defaults;
      EXPECT_EQ(profile["name"], "cpu_f32");
      EXPECT_TRUE(profile["available"].get<bool>());
    }
    if (profile["fast"].get<bool>()) {
      ++fast;
      EXPECT_TRUE(profile["available"].get<bool>());
    }
    expect_promise(profile);
  }
  EXPECT_EQ(defaults, 1);
  EXPECT_EQ(fast, 1);
  EXPECT_TRUE(names.contains("cpu_f32"));
  EXPECT_TRUE(names.contains("reference"));
  const std::string text = run({"profiles"}).out;
  for (const std::string& name : names) EXPECT_NE(text.find(name), std::string::npos) << name;
}

TEST(BackendsCommand, SaysWhatEachPromises) {
  const Json backends = Json::parse(run({"backends", "--json"}).out)["backends"];
  for (const Json& backend : backends) {
    expect_promise(backend);
    EXPECT_EQ(backend["available"].get<bool>(), backend.contains("label")) << backend;
  }
  EXPECT_EQ(run({"backends"}).status, 0);
}

TEST(DoctorCommand, FindsThisMachineFit) {
  const Outcome outcome = run({"doctor", "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.out << outcome.err;
  std::set<std::string> names;
  const Json report = Json::parse(outcome.out);
  for (const Json& finding : report["findings"]) {
    names.insert(finding["name"]);
    EXPECT_NE(finding["health"], "broken") << finding;
    EXPECT_NE(finding["detail"], "") << finding;
  }
  for (const char* name :
       {"program", "processor", "memory", "profile fast", "tiny router", "model"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  // A lane that claims defined bits is compared with the published ones.
  for (const Json& profile : Json::parse(run({"profiles", "--json"}).out)["profiles"])
    for (const std::string lane : {"cpu_f32", "cpu_int8"})
      if (profile["name"] == lane) {
        EXPECT_EQ(names.contains("bits of " + lane),
                  profile["claims"] == "exact" && profile["available"].get<bool>())
            << lane;
      }
}

TEST(DoctorCommand, LooksIntoAModelFolder) {
  EXPECT_EQ(run(with_model("doctor")).status, 0);
  const Outcome outcome = run({"doctor", "--model", "/no/such/folder"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_NE(outcome.out.find("/no/such/folder"), std::string::npos);
}

TEST(SynthCommand, EqualSeedsGiveEqualBytes) {
  const TemporaryFolder folder;
  const auto config = folder.put("config.json", small_config()).string();
  const auto weights = [&](const std::string& name, const std::string& seed) {
    const Outcome outcome =
        run({"synth", "--config", config, "--seed", seed, "--out", folder / name, "--json"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_GT(Json::parse(outcome.out)["parameters"].get<int>(), 10000);
    EXPECT_EQ(outcome.err, "");
    return slurp(folder / name / "model.safetensors");
  };
  const std::string first = weights("a", "3");
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first, weights("b", "3"));
  EXPECT_NE(first, weights("c", "4"));
}

TEST(SynthCommand, RefusesAWrongConfig) {
  const TemporaryFolder folder;
  const auto config = folder.put("config.json", "{\"model_type\":\"gpt2\"}").string();
  const Outcome outcome = run({"synth", "--config", config, "--out", folder / "out"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "out" / "model.safetensors"));
}

TEST(BenchCommand, ListsItsNamesAndMeasuresWhatIsAsked) {
  if (!TRINITY_HAS_BENCH) GTEST_SKIP() << "SKIPPED: this build has no benchmarks";
  const Outcome list = run({"bench", "--list", "--json"});
  std::set<std::string> names;
  for (const Json& record : records_of(list)) names.insert(record["name"]);
  EXPECT_TRUE(names.contains("prefill"));
  const Outcome outcome =
      run(with_model("bench", {"prefill", "gemm-floor", "--short", "--tokens", "16,40", "--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  std::set<std::pair<std::string, int>> measured;
  for (const Json& record : records_of(outcome)) {
    EXPECT_TRUE(record["unit"].is_string()) << record;
    EXPECT_GE(record["runs"].get<int>(), 1) << record;
    EXPECT_LE(record["min"].get<double>(), record["median"].get<double>()) << record;
    if (record["params"].contains("tokens"))
      measured.insert({record["name"], record["params"]["tokens"].get<int>()});
  }
  EXPECT_TRUE(measured.contains({"prefill", 16}));
  EXPECT_TRUE(measured.contains({"gemm-floor", 40}));
}

TEST(DemoCommand, RoutesEveryConversationAndSaysWhatDecided) {
  const Outcome text = run({"demo"});
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_NE(text.out.find("tiny router"), std::string::npos);
  EXPECT_NE(text.out.find("demonstration"), std::string::npos);
  const Outcome json = run({"demo", "--json", "--profile", "reference"});
  ASSERT_EQ(json.status, 0) << json.err;
  const std::vector<Json> records = records_of(json);
  EXPECT_GE(records.size(), 10u);
  for (const Json& record : records) {
    EXPECT_EQ(record["tiny_router"], true);
    EXPECT_EQ(record["profile"], "reference");
    EXPECT_NE(text.out.find(record["title"].get<std::string>().substr(0, 30)), std::string::npos);
  }
}

TEST(TinyRouter, AnswersWithoutAModelAndSaysSo) {
  const Outcome outcome = run({"route", "--json", "Is 1009 prime?"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(Json::parse(outcome.out)["tiny_router"], true);
  EXPECT_NE(outcome.err.find("embedded tiny router"), std::string::npos);
  EXPECT_EQ(run({"tokenize", "Hello"}).status, 0);
  EXPECT_EQ(run({"extract", "Hello"}).status, 0);
}

}  // namespace
}  // namespace trinity::testing
