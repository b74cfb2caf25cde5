// From the Python side's files to a bundle, and from its stages to a verdict, through the program.
// The other side is tools/python_components, which needs python3 with numpy; without them the chain
// is SKIPPED.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/sha256.h"
#include "cli/test_model.h"
#include "support/conformance.h"
#include "tensor/npy.h"
#include "tensor/safetensors.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

Outcome python(const Words& arguments) {
  Words words = {"-c", R"(exec python3 "$@")", "sh"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  Environment environment;  // of the caller: python3 may be anywhere on its path
  for (const char* name : {"PATH", "HOME"})
    if (const char* value = std::getenv(name)) environment[name] = value;
  return Process("/bin/sh", words, environment).finish({});
}

constexpr int kOffsets = 9 * small_hidden_size;
constexpr int kOutputs = 5;

/// Components, stages and reports of the small model, and the vector behind them.
struct PythonSide {
  PythonSide() {
    std::vector<float> values(kOffsets + kOutputs * small_hidden_size);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = 0.2F * (static_cast<float>(i * 7919 % 1009) / 1009.0F - 0.5F);
    const TensorView view{
        DType::f32, {static_cast<int64_t>(values.size())}, std::as_bytes(std::span(values))};
    if (!write_npy(vector, view)) throw std::runtime_error("no vector");
    if (python({"-c", "import numpy"}).status != 0) {
      problem = "python3 with numpy is absent";
      return;
    }
    const fs::path script = fs::path(TRINITY_SOURCE_DIR) / "tools/python_components/components.py";
    const Outcome outcome =
        python({script.string(), "--model", small_model().string(), "--vector", vector.string(),
                "--layers", "1", "--out", components.string(), "--chunk-rows", "128"});
    if (outcome.status != 0) throw std::runtime_error("components.py: " + outcome.err);
  }

  TemporaryFolder folder;
  fs::path components = folder / "components", vector = folder / "vector.npy";
  std::string problem;  // why there is nothing
};

const PythonSide& python_side() {
  static const PythonSide side;
  return side;
}

#define REQUIRE_PYTHON_SIDE()                                                                 \
  do {                                                                                        \
    if (!python_side().problem.empty()) GTEST_SKIP() << "SKIPPED: " << python_side().problem; \
  } while (false)

std::string component(const char* name) { return (python_side().components / name).string(); }

Words joined(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(AdaptationChain, ComponentsBecomeABundleThatVerifies) {
  REQUIRE_PYTHON_SIDE();
  const TemporaryFolder folder;
  const std::string out = folder / "bundle";
  const Words import = {"import",
                        "--source-dir",
                        python_side().components.string(),
                        "--model",
                        small_model().string(),
                        "--out",
                        out,
                        "--json"};
  const Outcome outcome = run(import);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Words lines = lines_of(outcome.out);
  const Json report = Json::parse(lines.back());
  EXPECT_EQ(report["status"], "complete");
  EXPECT_EQ(report["imported"], 9);
  EXPECT_EQ(report["target_verified"], 9);
  EXPECT_EQ(report["singular_values"], kOffsets);
  for (const std::string& line : lines) EXPECT_TRUE(Json::parse(line).contains("event")) << line;

  const Outcome verified = run({"verify", out, "--model", small_model().string()});
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;

  const Outcome again = run(import);
  EXPECT_EQ(again.status, 2);
  EXPECT_NE(again.err.find("Output directory exists"), std::string::npos) << again.err;
  const Outcome resumed = run(joined(import, {"--resume"}));
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(Json::parse(lines_of(resumed.out).back())["skipped"], 9);
}

/// An imported bundle and our own decomposition of the same vector adapt to nearly the same
/// weights: same decisions, close logits.
TEST(AdaptationChain, AnImportedBundleRoutesAsTheVectorDoes) {
  REQUIRE_PYTHON_SIDE();
  const TemporaryFolder folder;
  const std::string out = folder / "bundle";
  const Outcome imported = run({"import", "--source-dir", python_side().components.string(),
                                "--model", small_model().string(), "--out", out});
  ASSERT_EQ(imported.status, 0) << imported.err;
  EXPECT_NE(imported.out.find("Python semantic import complete"), std::string::npos);
  const auto route = [&](const Words& adapted) {
    const Outcome outcome =
        run(joined(with_model("route", {"--json", "What is a prime?"}), adapted));
    if (outcome.status != 0) throw std::runtime_error(outcome.err);
    return Json::parse(outcome.out);
  };
  const Json by_bundle = route({"--bundle", out});
  const Json by_vector = route({"--vector", python_side().vector.string(), "--layers", "1"});
  EXPECT_EQ(by_bundle["agent_id"], by_vector["agent_id"]);
  EXPECT_EQ(by_bundle["role_id"], by_vector["role_id"]);
  for (const char* logits : {"agent_logits", "role_logits"})
    for (size_t i = 0; i < by_bundle[logits].size(); ++i)
      EXPECT_NEAR(by_bundle[logits][i].get<double>(), by_vector[logits][i].get<double>(), 0.05);
}

TEST(AdaptationChain, PythonStagesAndOursPassTheComparator) {
  REQUIRE_PYTHON_SIDE();
  const TemporaryFolder folder;
  const std::string ours = folder / "ours.json", summary = folder / "summary.json";
  const Words sample = {"parity",
                        "sample",
                        "--components-dir",
                        python_side().components.string(),
                        "--python-report",
                        component("python_report.json"),
                        "--reference",
                        component("reference_manifest.json"),
                        "--router-vector",
                        python_side().vector.string(),
                        "--out",
                        ours};
  const Outcome sampled =
      run(joined(sample, {"--model", small_model().string(), "--stage-dir", folder / "stages"}));
  ASSERT_EQ(sampled.status, 0) << sampled.err;
  EXPECT_NE(sampled.out.find("Wrote Elixir parity report: " + ours), std::string::npos);
  const Json report = Json::parse(slurp(ours));
  // PS-4: native on by default.
  EXPECT_EQ(report["native_elixir_svd_variants"].size(), 4U);
  EXPECT_EQ(report["semantic_python_component_variants"].size(), 3U);
  const Words check = {
      "parity",          "check", "--python-report", component("python_report.json"),
      "--elixir-report", ours,    "--summary-out",   summary};
  const Outcome checked = run(check);
  EXPECT_EQ(checked.status, 0) << checked.out << checked.err;
  EXPECT_NE(checked.out.find("10 checks, 9 required, 0 required failed"), std::string::npos);
  EXPECT_NE(checked.out.find("Top differences"), std::string::npos);
  // PCK-3
  const Json record = Json::parse(slurp(summary));
  EXPECT_EQ(record["schema_version"], 1);
  EXPECT_EQ(record["exit_status"], 0);
  EXPECT_EQ(record["ok"], true);
  EXPECT_EQ(record["python_report"], component("python_report.json"));
  EXPECT_EQ(record["elixir_report"], ours);
  EXPECT_TRUE(record["duration_ms"].is_number_integer());
  EXPECT_TRUE(checked.out.ends_with(record["stdout_tail"].get<std::string>()));
  EXPECT_TRUE(record["stderr_tail"].is_null());

  // PS-1, PS-2: the quick form, with the source from the other side.
  const Outcome quick =
      run(joined(sample, {"--semantic-only", "--host-semantic-only", "--preferred-layout-only",
                          "--no-cuda", "--source-from-python-stage"}));
  ASSERT_EQ(quick.status, 0) << quick.err;
  const Json short_report = Json::parse(slurp(ours));
  EXPECT_EQ(short_report["native_elixir_svd_variants"].size(), 0U);
  EXPECT_EQ(short_report["selection"]["native_svd_enabled"], false);
  EXPECT_EQ(short_report["semantic_python_component_variants"].size(), 1U);

  // PS-3 and all nine tensors: 90 checks, 81 of them required.
  const Outcome all = run(joined(sample, {"--semantic-only", "--all-selected-tensors"}));
  ASSERT_EQ(all.status, 0) << all.err;
  EXPECT_NE(run(check).out.find("90 checks, 81 required, 0 required failed"), std::string::npos);
  const Outcome filtered = run(joined(sample, {"--semantic-only", "--all-selected-tensors",
                                               "--selected-source-filter", "self_attn"}));
  ASSERT_EQ(filtered.status, 0) << filtered.err;
  EXPECT_NE(run(check).out.find("40 checks, 36 required"), std::string::npos);

  EXPECT_EQ(run(joined(sample, {"--host-semantic-only", "--device-semantic-only"})).status, 2);
  EXPECT_EQ(run(joined(sample, {"--device-semantic-only"})).status, 3);
}

TEST(AdaptationChain, LTC_1_TallTensorsPassInChunks) {
  REQUIRE_PYTHON_SIDE();
  const TemporaryFolder folder;
  const std::string ours = folder / "chunks.json";
  const Words chunks = {"parity",
                        "chunks",
                        "--components-dir",
                        python_side().components.string(),
                        "--python-report",
                        component("chunk_manifest.json"),
                        "--chunk-rows",
                        "128",
                        "--out",
                        ours};
  const Outcome outcome = run(chunks);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("large_tensor_chunks=6 sources=2 required_checks=54 "
                             "failed_required=0 functional_parity=true"),
            std::string::npos)
      << outcome.out;
  const Outcome named = run(joined(chunks, {"--source", "lm_head.weight", "--source",
                                            "model.embed_tokens.weight", "--no-cuda"}));
  EXPECT_EQ(named.status, 0) << named.err;
  EXPECT_EQ(Json::parse(slurp(ours))["selection"]["sources"],
            (Json{"lm_head.weight", "model.embed_tokens.weight"}));
  EXPECT_EQ(run(joined(chunks, {"--source", "absent"})).status, 1);
  // The general report serves too: its stages are those of the debug bundle.
  const Outcome general =
      run({"parity", "chunks", "--components-dir", python_side().components.string(),
           "--python-report", component("python_report.json"), "--out", ours, "--source",
           "model.layers.1.mlp.down_proj.weight"});
  EXPECT_EQ(general.status, 0) << general.err;
}

TEST(ParityCheck, PCK_1_PCK_2_ReportsMustBeNamedAndBeThere) {
  const Outcome unnamed = run({"parity", "check", "--elixir-report", "x"});
  EXPECT_EQ(unnamed.status, 2);
  EXPECT_NE(unnamed.err.find("--python-report is required"), std::string::npos) << unnamed.err;
  const Outcome absent = run({"parity", "check", "--python-report", "/no/such/report",
                              "--elixir-report", "/no/such/other"});
  EXPECT_EQ(absent.status, 3);
  EXPECT_NE(absent.err.find("is not a regular file"), std::string::npos) << absent.err;
}

TEST(ParityCheck, PCK_4_PCK_5_AFailureIsRecordedWithTheArguments) {
  const TemporaryFolder folder;
  const std::string python_report = folder.put("python.json", "{}").string();
  const std::string ours = folder.put("ours.json", "{}").string();
  const std::string summary = folder / "summary.json";
  const Outcome outcome =
      run({"parity", "check", "--python-report", python_report, "--elixir-report", ours,
           "--strict-current-python", "--top-diffs", "7", "--summary-out", summary});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("parity comparator failed"), std::string::npos) << outcome.err;
  const Json record = Json::parse(slurp(summary));
  EXPECT_EQ(record["ok"], false);
  EXPECT_EQ(record["exit_status"], 1);
  EXPECT_EQ(record["comparator_args"], (Json{python_report, ours, "--strict-stage-tolerances",
                                             "--strict-current-python", "--top-diffs", "7"}));
  const Outcome lenient = run({"parity", "check", "--python-report", python_report,
                               "--elixir-report", ours, "--no-strict-stage-tolerances"});
  EXPECT_EQ(lenient.status, 0) << lenient.err;
}

TEST(ImportCommand, AsksForAModelOrForDoingWithout) {
  const TemporaryFolder folder;
  const Outcome neither = run({"import", "--source-dir", folder.path(), "--out", folder / "out"});
  EXPECT_EQ(neither.status, 2);
  EXPECT_NE(neither.err.find("--no-load-model"), std::string::npos);
  const Outcome empty =
      run({"import", "--source-dir", folder.path(), "--out", folder / "out", "--no-load-qwen"});
  EXPECT_EQ(empty.status, 3);
  EXPECT_NE(empty.err.find("missing_json("), std::string::npos) << empty.err;
  EXPECT_FALSE(fs::exists(folder / "out"));
}

}  // namespace
}  // namespace trinity::testing
