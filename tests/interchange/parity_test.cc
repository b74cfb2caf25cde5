// Replaying stages, in samples and in chunks of rows, and judging the reports.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>

#include "base/json.h"
#include "base/sha256.h"
#include "interchange/component_files.h"
#include "interchange/parity/chunks.h"
#include "interchange/parity/compare.h"
#include "interchange/parity/native.h"
#include "interchange/parity/sample.h"
#include "interchange/parity/stage.h"
#include "interchange/python_import_sources.h"
#include "support/conformance.h"
#include "tensor/float_cast.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

/// A matrix by its components, and its stages computed with plain loops in f64.
struct SyntheticTensor {
  std::string name;
  int64_t m = 0, n = 0, k = 0;
  std::vector<float> u, s, v, offsets;

  FloatTensors stages() const {
    std::vector<float> scaled_s, u_scaled, product, zero, adapted;
    double sum = 0, scaled_sum = 0;
    for (size_t i = 0; i < s.size(); ++i) {
      scaled_s.push_back(s[i] * (1.0F + offsets[i]));
      sum += double{s[i]};
      scaled_sum += double{scaled_s[i]};
    }
    const auto norm = static_cast<float>(sum / scaled_sum);
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < k; ++j)
        u_scaled.push_back(at(u, i, j, k) * scaled_s[static_cast<size_t>(j)]);
      for (int64_t c = 0; c < n; ++c) {
        double with = 0, without = 0;
        for (int64_t j = 0; j < k; ++j) {
          const double right = double{at(v, c, j, k)};
          with += double{u_scaled[static_cast<size_t>(i * k + j)]} * right;
          without += double{at(u, i, j, k)} * double{s[static_cast<size_t>(j)]} * right;
        }
        product.push_back(static_cast<float>(with));
        zero.push_back(static_cast<float>(without));
        adapted.push_back(static_cast<float>(with) * norm);
      }
    }
    return {{"source_f32", {{m, n}, zero}},      {"offsets_f32", {{k}, offsets}},
            {"scaled_s", {{k}, scaled_s}},       {"normalization", {{1}, {norm}}},
            {"u_scaled", {{m, k}, u_scaled}},    {"matmul_pre_norm", {{m, n}, product}},
            {"zero_source_f32", {{m, n}, zero}}, {"adapted_source_f32", {{m, n}, adapted}},
            {"final_f32", {{m, n}, adapted}}};
  }

 private:
  static float at(const std::vector<float>& matrix, int64_t row, int64_t column, int64_t width) {
    return matrix[static_cast<size_t>(row * width + column)];
  }
};

SyntheticTensor known_tensor(const std::string& name) {
  return {name,
          4,
          3,
          3,
          {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0},
          {1, 2, 3},
          {1, 0, 0, 0, 1, 0, 0, 0, 1},
          {0, 0.1F, -0.2F}};
}

SyntheticTensor random_tensor(const std::string& name, int64_t m, int64_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  SyntheticTensor tensor;
  tensor.name = name;
  tensor.m = m;
  tensor.n = n;
  tensor.k = std::min(m, n);
  const auto fill = [&](std::vector<float>& values, int64_t count, float scale) {
    values.resize(static_cast<size_t>(count));
    for (float& value : values) value = scale * normal(random);
  };
  fill(tensor.u, m * tensor.k, 0.3F);
  fill(tensor.v, n * tensor.k, 0.3F);
  fill(tensor.s, tensor.k, 1);
  for (float& value : tensor.s) value = 1 + std::abs(value);
  fill(tensor.offsets, tensor.k, 0.1F);
  return tensor;
}

/// A debug bundle of all its tensors, as the Python side writes it.
class ParityTest : public ::testing::Test {
 protected:
  void write_bundle(const std::vector<SyntheticTensor>& tensors) {
    FloatTensors components, scales;
    stages_.clear();
    Json entries = Json::array();
    int64_t start = 0;
    for (const SyntheticTensor& t : tensors) {
      components["svd.U." + t.name] = {{t.m, t.k}, t.u};
      components["svd.S." + t.name] = {{t.k}, t.s};
      components["svd.V." + t.name] = {{t.n, t.k}, t.v};
      scales["svf.scale_offsets." + t.name] = {{t.k}, t.offsets};
      Json keys;
      for (auto& [stage, tensor] : t.stages()) {
        stages_["tensor." + t.name + "." + stage] = tensor;
        keys[stage] = "tensor." + t.name + "." + stage;
      }
      keys["final_bf16"] = "tensor." + t.name + ".final_bf16";
      entries.push_back({{"index", entries.size()},
                         {"source_name", t.name},
                         {"elixir_name", "elixir." + t.name},
                         {"safe_key", t.name},
                         {"source_shape", {t.m, t.n}},
                         {"offset_start", start},
                         {"offset_end", start + t.k},
                         {"singular_values", t.k},
                         {"stage_tensors", keys}});
      start += t.k;
    }
    write_tensors(folder_ / interchange::kPythonComponentsFile, components);
    write_tensors(folder_ / interchange::kPythonScalesFile, scales);
    folder_.put(interchange::kDebugManifestFile,
                Json{{"schema", "trinity_sakana_selected_component_debug.v1"},
                     {"component_v_layout", "torch_v"},
                     {"selected_tensors", entries}}
                    .dump());
    folder_.put(
        "report.json",
        Json{{"schema", "trinity_sakana_python_svd_parity_trace.v2"},
             {"stage_debug", {{"all_selected_stage_tensor_file", interchange::kAllStageFile}}}}
            .dump());
    const std::vector<float> zeros(19456);
    write_tensors(folder_ / "vector.safetensors", {{"trinity_router_es_vector", {{19456}, zeros}}});
    write_stages();
  }

  /// With a bf16 final for every tensor, rounded from its f32 one.
  void write_stages() {
    std::vector<NamedTensor> named;
    std::vector<std::vector<std::byte>> narrow;
    narrow.reserve(stages_.size());
    for (const auto& [name, tensor] : stages_) {
      named.push_back({name, {DType::f32, tensor.shape, std::as_bytes(std::span(tensor.values))}});
      const size_t end = name.rfind(".final_f32");
      if (end == std::string::npos) continue;
      narrow.emplace_back(tensor.values.size() * 2);
      cast_from_f32(tensor.values, DType::bf16, narrow.back().data());
      named.push_back(
          {name.substr(0, end) + ".final_bf16", {DType::bf16, tensor.shape, narrow.back()}});
    }
    ASSERT_TRUE(write_safetensors(folder_ / interchange::kAllStageFile, std::move(named)));
  }

  interchange::ParityChunkOptions chunk_options(int64_t rows) const {
    interchange::ParityChunkOptions options;
    options.paths = {folder_.path(), folder_ / "report.json", {}};
    options.chunk_rows = rows;
    return options;
  }

  interchange::ParitySampleOptions sample_options() const {
    interchange::ParitySampleOptions options;
    options.paths = {folder_.path(), folder_ / "report.json", {}};
    options.router_vector = folder_ / "vector.safetensors";
    options.native_svd = false;
    options.all_selected_tensors = true;
    return options;
  }

  /// Writes a report of ours and judges it.
  Result<interchange::CompareResult> check(const trinity::Json& report,
                                           interchange::CompareOptions options = {}) {
    folder_.put("ours.json", json_text(report, 2));
    options.python_report = folder_ / "report.json";
    options.our_report = folder_ / "ours.json";
    return interchange::compare_parity_reports(options);
  }

  std::vector<interchange::ParityTarget> host() const {
    return {{interchange::kHostTarget, &f32_backend()}};
  }

  TemporaryFolder folder_;
  FloatTensors stages_;
};

TEST_F(ParityTest, LTC_2_AKnownTensorPassesInTwoChunksOfTenChecks) {
  write_bundle({known_tensor("synthetic")});
  interchange::ParityChunkOptions options = chunk_options(2);
  options.sources = {"synthetic"};
  options.stage_dir = folder_ / "stages";
  const auto result = interchange::parity_chunks(f32_backend(), options, {});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->chunks, 2);
  EXPECT_EQ(result->failed_required, 0);
  EXPECT_EQ(result->required_checks, 18);
  const auto& chunks = result->report["large_tensor_chunk_checks"];
  ASSERT_EQ(chunks.size(), 2U);
  for (const auto& chunk : chunks) {
    ASSERT_EQ(chunk["checks"].size(), 10U);
    for (const auto& check : chunk["checks"]) {
      EXPECT_TRUE(check["functional_passed"].as_bool()) << trinity::json_text(check);
      EXPECT_TRUE(check["byte_match"].is_null());
      EXPECT_TRUE(check["python"]["summary_omitted"].as_bool());
    }
    EXPECT_EQ(chunk["checks"], chunk["stage_debug"]["checks"]);
  }
  EXPECT_EQ(chunks[1]["label"], "large_tensor_chunk_synthetic_rows_2_4");
  // Row 3 is U row [1,1,0] times S' [1, 2.2, 2.4], normalised by 6 / 5.6.
  const FloatTensor written =
      read_tensor(options.stage_dir / "trinity_svf_large_chunk_synthetic_2_4.safetensors",
                  "stage.adapted_source_f32");
  ASSERT_EQ(written.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_NEAR(written.values[3], 6 / 5.6, 1e-6);
  EXPECT_NEAR(written.values[4], 2.2 * 6 / 5.6, 1e-6);
  EXPECT_EQ(written.values[5], 0);
}

TEST_F(ParityTest, ChunksOfAnySizeGiveTheStagesOfTheWhole) {
  write_bundle({random_tensor("model.embed_tokens.weight", 57, 12, 1),
                random_tensor("lm_head.weight", 57, 12, 2)});
  std::vector<float> whole;
  for (const int64_t rows : {57, 1, 7, 40}) {
    interchange::ParityChunkOptions options = chunk_options(rows);
    options.stage_dir = folder_ / ("stages" + std::to_string(rows));
    const auto result = interchange::parity_chunks(f32_backend(), options, {});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->failed_required, 0);
    EXPECT_EQ(result->chunks, 2 * ((57 + rows - 1) / rows));
    EXPECT_EQ(result->sources.size(), 2U);
    std::vector<float> joined;
    for (const auto& chunk : result->report["large_tensor_chunk_checks"])
      if (chunk["source_name"] == "lm_head.weight") {
        const auto file = chunk["stage_debug"]["stage_tensor_file"].as_string();
        const FloatTensor part = read_tensor(file, "stage.final_f32");
        joined.insert(joined.end(), part.values.begin(), part.values.end());
      }
    if (whole.empty()) whole = joined;
    EXPECT_EQ(joined, whole) << rows;
  }
}

TEST_F(ParityTest, LTC_3_LTC_4_TheComparatorJudgesChunks) {
  write_bundle({random_tensor("lm_head.weight", 30, 5, 3)});
  auto result = interchange::parity_chunks(f32_backend(), chunk_options(8), {});
  ASSERT_TRUE(result) << result.error().message;
  auto judged = check(result->report);
  ASSERT_TRUE(judged) << judged.error().message;
  EXPECT_TRUE(judged->failures.empty()) << judged->text;
  EXPECT_NE(judged->text.find("Large tensor chunk checks against Python stage tensors"),
            std::string::npos);
  EXPECT_EQ(judged->chunk_checks, 40);
  // One number of one stage, well beyond the tolerance.
  stages_["tensor.lm_head.weight.adapted_source_f32"].values[77] += 0.01F;
  write_stages();
  result = interchange::parity_chunks(f32_backend(), chunk_options(8), {});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->failed_required, 1);
  judged = check(result->report);
  ASSERT_TRUE(judged);
  EXPECT_EQ(
      judged->failures,
      (std::vector<std::string>{"strict large-tensor chunk stage-tolerance comparison failed"}));
  interchange::CompareOptions lenient;
  lenient.strict_stage_tolerances = false;
  EXPECT_TRUE(check(result->report, lenient)->failures.empty());
}

TEST_F(ParityTest, PS_5_AFilteredTensorPassesAllTenChecks) {
  write_bundle({random_tensor("synthetic_a", 6, 4, 1), random_tensor("synthetic_b", 4, 9, 2)});
  interchange::ParitySampleOptions options = sample_options();
  options.selected_source_filter = "synthetic_b";
  options.source_from_python_stage = true;
  options.stage_dir = folder_ / "stages";
  const auto report = interchange::parity_sample(host(), options, {});
  ASSERT_TRUE(report) << report.error().message;
  const auto& variants = (*report)["semantic_python_component_variants"];
  ASSERT_EQ(variants.size(), 1U);
  const auto& debug = variants[0]["stage_debug"];
  EXPECT_EQ(variants[0]["label"],
            "semantic_python_components_host_binary_v_layout_torch_v_tensor_synthetic_b");
  EXPECT_EQ(debug["functional_parity_passed"], true);
  ASSERT_EQ(debug["checks"].size(), 10U);
  std::string before;
  for (const auto& check : debug["checks"]) {
    EXPECT_TRUE(check["functional_passed"].as_bool()) << trinity::json_text(check);
    EXPECT_LT(before, check["stage"].as_string());
    before = check["stage"].as_string();
  }
  EXPECT_TRUE(fs::exists(options.stage_dir /
                         "trinity_svf_elixir_stage_host_binary_torch_v_synthetic_b.safetensors"));
  EXPECT_TRUE((*report)["selection"]["python_all_selected_stage_loaded"].as_bool());
  EXPECT_TRUE((*report)["paths"]["reference_manifest"].is_null());
  EXPECT_EQ((*report)["scale_offsets"]["shape"], (trinity::Json::array({9216})));
  EXPECT_EQ((*report)["native_elixir_svd_variants"].size(), 0U);

  options.selected_source_filter = "synthetic_c";
  EXPECT_EQ(interchange::parity_sample(host(), options, {}).error().tag, "no_matching_tensor");
  options.paths.python_report = folder_ / "absent.json";
  EXPECT_EQ(interchange::parity_sample(host(), options, {}).error().tag, "missing_json");
  options = sample_options();
  EXPECT_EQ(interchange::parity_sample({}, options, {}).error().tag, "no_semantic_targets");
  fs::remove(folder_ / interchange::kAllStageFile);
  EXPECT_EQ(interchange::parity_sample(host(), options, {}).error().tag, "missing_python_stage");
}

/// Every stage, when it is wrong or gone, is what fails, and only required ones count.
TEST_F(ParityTest, EveryStageIsLookedAt) {
  write_bundle({random_tensor("synthetic", 8, 6, 5)});
  const FloatTensors good = stages_;
  const auto failures = [&] {
    const auto report = interchange::parity_sample(host(), sample_options(), {});
    if (!report) throw std::runtime_error(report.error().message);
    std::vector<std::string> failed;
    const auto& debug = (*report)["semantic_python_component_variants"][0]["stage_debug"];
    for (const auto& check : debug["checks"])
      if (!check["functional_passed"].as_bool()) failed.push_back(check["stage"].as_string());
    const auto judged = check(*report);
    if (!judged) throw std::runtime_error(judged.error().message);
    EXPECT_EQ(judged->failures.empty(), debug["functional_parity_passed"].as_bool());
    return failed;
  };
  EXPECT_TRUE(failures().empty());
  for (const auto& [name, tensor] : good) {
    const std::string stage = name.substr(std::string("tensor.synthetic.").size());
    if (stage == "final_f32" || stage == "source_f32") continue;  // below
    stages_ = good;
    stages_[name].values[0] += 0.02F;
    write_stages();
    EXPECT_EQ(failures(), std::vector<std::string>{stage});
    stages_[name].values[0] = NAN;
    write_stages();
    EXPECT_EQ(failures(), std::vector<std::string>{stage});
    stages_ = good;
    stages_.erase(name);
    write_stages();
    EXPECT_EQ(failures(), std::vector<std::string>{stage});
    stages_ = good;
    stages_[name].shape.push_back(1);
    write_stages();
    EXPECT_EQ(failures(), std::vector<std::string>{stage});
  }
  // The rounded result follows the unrounded one here, and does not count.
  stages_ = good;
  stages_["tensor.synthetic.final_f32"].values[0] += 0.02F;
  write_stages();
  EXPECT_EQ(failures(), (std::vector<std::string>{"final_bf16", "final_f32"}));
}

TEST_F(ParityTest, AReportMayNotCallAStagePassedAgainstItsOwnNumbers) {
  write_bundle({random_tensor("synthetic", 8, 6, 5)});
  auto report = *interchange::parity_sample(host(), sample_options(), {});
  auto& check_row = report["semantic_python_component_variants"][0]["stage_debug"]["checks"][0];
  check_row["max_abs_error"] = 0.5;
  EXPECT_FALSE(check(report)->failures.empty());
  check_row["required_for_functional_parity"] = false;
  EXPECT_FALSE(check(report)->failures.empty());
  report["semantic_python_component_variants"] = nullptr;
  const auto judged = check(report);
  ASSERT_EQ(judged->failures.size(), 1U);
  EXPECT_NE(judged->failures[0].find("no stage checks"), std::string::npos);
}

TEST_F(ParityTest, HashRulesAreStrictOnlyWhenAsked) {
  const Json python = {{"reference",
                        {{"expected_bf16_sha256", "aaa"},
                         {"current_python_baseline_bf16_sha256", "bbb"},
                         {"current_python_baseline_label", "now"}}},
                       {"variants", {{{"label", "p"}, {"observed_bf16_sha256", "aaa"}}}}};
  folder_.put("report.json", python.dump());
  const auto ours = [](const char* hash) {
    return trinity::Json{
        {"native_elixir_svd_variants",
         trinity::Json::array({{{"label", "o"}, {"observed_bf16_sha256", hash}}})}};
  };
  interchange::CompareOptions options;
  options.strict_stage_tolerances = false;
  EXPECT_TRUE(check(ours("ccc"), options)->failures.empty());
  options.strict_reference = true;
  EXPECT_FALSE(check(ours("bbb"), options)->failures.empty());
  EXPECT_TRUE(check(ours("aaa"), options)->failures.empty());
  EXPECT_NE(check(ours("aaa"), options)->text.find("o == p"), std::string::npos);
  options.strict_reference = false;
  options.strict_current_python = true;
  EXPECT_FALSE(check(ours("aaa"), options)->failures.empty());
  EXPECT_TRUE(check(ours("bbb"), options)->failures.empty());
}

TEST(Parity, SVD_4_OffsetsKeepTheTypeOfTheSingularValues) {
  // bf16 source [[1,0],[0,2]]: the decomposition is exact, so every value can be worked out.
  const std::vector<float> wide = {1, 0, 0, 2}, offsets = {0.001F, -0.67F};
  std::vector<std::byte> narrow(8);
  cast_from_f32(wide, DType::bf16, narrow.data());
  const TensorView source{DType::bf16, {2, 2}, narrow};
  const auto scaled = [&](DType offset_type) {
    const auto owned =
        interchange::decompose_components(f32_backend(), source, false, offsets, offset_type);
    if (!owned) throw std::runtime_error(owned.error().message);
    EXPECT_EQ(owned->s, (std::vector<float>{2, 1}));
    return interchange::scale_components(owned->view())->scaled_s;
  };
  EXPECT_EQ(scaled(DType::f32), (std::vector<float>{2 * (1.0F + 0.001F), 1 * (1.0F - 0.67F)}));
  EXPECT_NE(scaled(DType::bf16), scaled(DType::f32));
}

class NativeShape : public ::testing::TestWithParam<std::pair<int64_t, int64_t>> {};

TEST_P(NativeShape, OurDecompositionReproducesTheSource) {
  const auto [rows, columns] = GetParam();
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(rows * columns));
  for (float& value : values) value = normal(random);
  const TensorView source{DType::f32, {rows, columns}, std::as_bytes(std::span(values))};
  const std::vector<float> offsets(static_cast<size_t>(std::min(rows, columns)), 0.125F);
  const interchange::ParityInputs inputs;
  const auto variants = interchange::native_variants(f32_backend(), source, offsets, inputs, false);
  ASSERT_EQ(variants.size(), 4U);
  for (const auto& variant : variants) {
    ASSERT_FALSE(variant.contains("error")) << trinity::json_text(variant);
    EXPECT_LT(variant["zero_offset_max_abs_error_vs_source"].as_double(), 1e-4);
    // Equal offsets change nothing: the sum of the singular values is kept.
    EXPECT_NEAR(variant["s"]["normalization"].as_double(), 1 / 1.125, 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, NativeShape,
                         ::testing::Values(std::pair<int64_t, int64_t>{40, 12},
                                           std::pair<int64_t, int64_t>{12, 40},
                                           std::pair<int64_t, int64_t>{16, 16}));

TEST(Parity, SummariesDescribeWhatStreamsPast) {
  const std::vector<float> values = {1.5F, -2, 0.25F, 8, 0, 0, 1, 1, 1, 3};
  const auto summary = interchange::tensor_summary(
      {DType::f32, {2, 5}, std::as_bytes(std::span(values))}, "trinity.cpu");
  ASSERT_TRUE(summary);
  EXPECT_EQ((*summary)["min"], -2);
  EXPECT_EQ((*summary)["max"], 8);
  EXPECT_EQ((*summary)["sum"], 13.75);
  EXPECT_EQ((*summary)["size"], 10);
  EXPECT_EQ((*summary)["prefix_f32"].size(), 8U);
  EXPECT_EQ((*summary)["sha256"], sha256_hex(std::as_bytes(std::span(values))));
  EXPECT_EQ((*summary)["sha256"], (*summary)["sha256_as_f32"]);
  EXPECT_NE((*summary)["sha256"], (*summary)["sha256_as_bf16"]);
}

}  // namespace
}  // namespace trinity::testing
