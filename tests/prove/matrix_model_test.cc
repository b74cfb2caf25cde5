// Whole models on several lanes: where they part is named, and decisions are compared.
#include <gtest/gtest.h>

#include "backend/forwarding_backend.h"
#include "backend/reference/reference_backend.h"
#include "backend/whole_backend.h"
#include "base/json.h"
#include "model/feature_extractor.h"
#include "prove/lab_support.h"
#include "prove/matrix/recorder.h"
#include "prove/matrix/report.h"
#include "report/render_html.h"
#include "router/model_files.h"
#include "text/router_input.h"

namespace trinity::testing {
namespace {

/// The embedded tiny router and a few of its cases.
class ModelMatrices : public ::testing::Test {
 protected:
  void SetUp() override {
    files = take(router::open_tiny_router());
    config = take(files->config());
    head.emplace(take(files->head()));
    const text::Tokenizer tokenizer = take(files->tokenizer());
    const prove::EvalCaseSet set = take(prove::built_in_eval_cases());
    for (size_t i = 0; i < 12; ++i)
      cases.push_back(
          {set.cases[i].id, take(text::build_router_input(tokenizer, set.cases[i].messages)).ids});
    options.layer_input = cases.front().ids;
    options.runs = 1;
  }

  prove::ModelMatrix compare(std::span<const prove::MatrixLane> lanes) {
    return take(prove::compare_models(lanes, {config, files->tensors(), *head}, cases, options));
  }

  std::unique_ptr<router::ModelFiles> files;
  model::ModelConfig config;
  std::optional<route::Head> head;
  std::vector<prove::MatrixCase> cases;
  prove::ModelMatrixOptions options;
};

/// The reference with attention or MLP output a little too large in one layer of every pass.
class WrongLayer final : public backend::ForwardingBackend {
 public:
  WrongLayer(int64_t layers, int64_t wrong, bool attention_wrong, float factor)
      : backend::ForwardingBackend(backend::make_reference_backend(backend::ReferenceRounding::f32),
                                   Fused::composed),
        layers_(layers),
        wrong_(wrong),
        attention_wrong_(attention_wrong),
        factor_(factor) {}

  Result<backend::Tensor> attention(const backend::Tensor& q,
                                    std::span<const backend::SequenceSlice> slices, int64_t layer,
                                    const backend::AttentionShape& shape) override {
    auto out = inner_->attention(q, slices, layer, shape);
    return attention_wrong_ && attentions_++ % layers_ == wrong_ ? scaled(*out) : std::move(out);
  }
  Result<backend::Tensor> silu_mul(const backend::Tensor& gate,
                                   const backend::Tensor& up) override {
    auto out = inner_->silu_mul(gate, up);
    return !attention_wrong_ && activations_++ % layers_ == wrong_ ? scaled(*out) : std::move(out);
  }

 private:
  Result<backend::Tensor> scaled(const backend::Tensor& tensor) {
    auto values = take(inner_->download(tensor));
    for (float& value : values) value *= factor_;
    return inner_->upload(values, tensor.rows(), tensor.cols());
  }
  int64_t layers_, wrong_;
  bool attention_wrong_;
  float factor_;
  int64_t attentions_ = 0, activations_ = 0;
};

prove::MatrixLane reference_model_lane() {
  return take(prove::named_lanes(std::vector<std::string>{"reference"}, 1)).lanes.front();
}

TEST_F(ModelMatrices, TheLanesOfThisMachineAgreeOnTheTinyRouter) {
  const prove::MatrixLanes lanes = take(prove::available_lanes(1));
  const prove::ModelMatrix matrix = compare(lanes.lanes);
  EXPECT_EQ(matrix.oracle, "reference");
  EXPECT_EQ(matrix.steps.size(), static_cast<size_t>(2 * config.num_hidden_layers + 2));
  const size_t n = lanes.lanes.size();
  EXPECT_EQ(matrix.layers.size(), n * (n - 1) / 2);
  for (const prove::LayerDistance& pair : matrix.layers) {
    EXPECT_FALSE(pair.first_beyond)
        << pair.lane << " and " << pair.other << " at " << matrix.steps[*pair.first_beyond];
    EXPECT_EQ(pair.worst_row.size(), matrix.steps.size());
  }
  for (const prove::Flip& flip : matrix.flips)
    EXPECT_FALSE(flip.beyond_floor) << flip.lane << flip.id;
  for (size_t i = 0; i < n; ++i) {
    EXPECT_EQ(matrix.differing[i][i], 0U);
    EXPECT_GT(matrix.times[i].min_ms, 0) << lanes.lanes[i].name;
    EXPECT_LE(matrix.times[i].min_ms, matrix.times[i].median_ms);
  }
}

TEST_F(ModelMatrices, TheFirstLayerThatIsWrongIsNamed) {
  for (const int64_t layer : {int64_t{0}, config.num_hidden_layers - 1})
    for (const bool attention : {true, false}) {
      prove::MatrixLane wrong = reference_model_lane();
      wrong.name = "wrong";
      wrong.create = [&]() -> Result<std::unique_ptr<backend::Backend>> {
        return std::make_unique<WrongLayer>(config.num_hidden_layers, layer, attention, 1.01F);
      };
      const std::vector<prove::MatrixLane> lanes = {reference_model_lane(), wrong};
      const prove::ModelMatrix matrix = compare(lanes);
      ASSERT_EQ(matrix.layers.size(), 1U);
      ASSERT_TRUE(matrix.layers.front().first_beyond);
      EXPECT_EQ(matrix.steps[*matrix.layers.front().first_beyond],
                fmt::format("layer {} {}", layer, attention ? "attention" : "mlp"));
      EXPECT_FALSE(matrix.passed());
    }
}

/// The reference with a pass of its own, right or wrong.
prove::MatrixLane whole_lane(PassMistake mistake) {
  prove::MatrixLane lane = reference_model_lane();
  lane.name = "whole";
  lane.create = [mistake]() -> Result<std::unique_ptr<backend::Backend>> {
    return std::make_unique<WholeBackend>(
        backend::make_reference_backend(backend::ReferenceRounding::f32), mistake);
  };
  return lane;
}

TEST_F(ModelMatrices, AWholePassIsComparedWithTheOracleAndWithItsOperations) {
  const std::vector<prove::MatrixLane> lanes = {reference_model_lane(),
                                                whole_lane(PassMistake::none)};
  const prove::ModelMatrix matrix = compare(lanes);
  EXPECT_TRUE(matrix.passed());
  EXPECT_EQ(matrix.steps.size(), static_cast<size_t>(2 * config.num_hidden_layers + 3));
  EXPECT_EQ(matrix.steps.back(), "whole pass");
  ASSERT_EQ(matrix.layers.size(), 2U);
  EXPECT_EQ(matrix.layers[0].other, "whole by operations");
  for (const prove::LayerDistance& pair : matrix.layers) {
    EXPECT_EQ(pair.worst_row.size(), matrix.steps.size());
    EXPECT_EQ(pair.worst_row.back(), 0) << "the same operations in the same order";
  }
}

TEST_F(ModelMatrices, AWholePassThatIsWrongIsNamed) {
  for (const PassMistake mistake : {PassMistake::layer_left_out, PassMistake::cache_ignored}) {
    const std::vector<prove::MatrixLane> both = {reference_model_lane(), whole_lane(mistake)};
    const std::vector<prove::MatrixLane> alone = {whole_lane(mistake)};
    for (const auto& lanes : {both, alone}) {
      const prove::ModelMatrix matrix = compare(lanes);
      EXPECT_FALSE(matrix.passed());
      EXPECT_EQ(matrix.layers.size(), lanes.size());
      for (const prove::LayerDistance& pair : matrix.layers) {
        ASSERT_TRUE(pair.first_beyond);
        EXPECT_EQ(matrix.steps[*pair.first_beyond], "whole pass");
      }
    }
  }
}

TEST_F(ModelMatrices, FlipsCarryBothDecisionsAndTheirMargins) {
  prove::MatrixLane wrong = reference_model_lane();
  wrong.name = "wrong";
  wrong.floors = {0, 0};  // whatever the oracle decides counts as sure
  wrong.create = [&]() -> Result<std::unique_ptr<backend::Backend>> {
    return std::make_unique<WrongLayer>(config.num_hidden_layers, config.num_hidden_layers - 1,
                                        false, -3.0F);
  };
  const std::vector<prove::MatrixLane> lanes = {reference_model_lane(), wrong};
  const prove::ModelMatrix matrix = compare(lanes);
  ASSERT_FALSE(matrix.flips.empty());
  EXPECT_EQ(matrix.flips.size(), matrix.differing[1][0]);
  EXPECT_EQ(matrix.differing[0][1], matrix.differing[1][0]);
  for (const prove::Flip& flip : matrix.flips) {
    EXPECT_EQ(flip.lane, "wrong");
    EXPECT_TRUE(flip.oracle.agent != flip.here.agent || flip.oracle.role != flip.here.role);
    EXPECT_TRUE(flip.beyond_floor);
  }
  EXPECT_GT(matrix.logit_distance[1], 0);
}

TEST_F(ModelMatrices, RecordingChangesNoBit) {
  const auto lanes = take(prove::named_lanes(std::vector<std::string>{"cpu_f32"}, 1));
  const auto backend = take(lanes.lanes.front().create());
  const auto extractor = take(model::FeatureExtractor::create(*backend, files->tensors(), config,
                                                              model::ExtractorOptions{}));
  const model::SequenceInput input{options.layer_input, 0, nullptr};
  const model::ForwardOptions full{true, true, 1024};
  prove::ResidualRecorder recorder(*backend);
  const auto plain =
      take(model::forward(*backend, extractor->config(), extractor->weights(), {&input, 1}, full));
  const auto recorded =
      take(model::forward(recorder, extractor->config(), extractor->weights(), {&input, 1}, full));
  EXPECT_EQ(plain, recorded);
  EXPECT_EQ(recorder.states().size(), static_cast<size_t>(2 * config.num_hidden_layers + 1));
}

TEST_F(ModelMatrices, TheRecordIsJsonAndNamesWhatFailed) {
  prove::MatrixReport report;
  report.lanes = take(prove::named_lanes(std::vector<std::string>{"reference", "cpu_f32"}, 1));
  report.ops = take(prove::compare_operations(report.lanes.lanes, 1, false));
  report.model = compare(report.lanes.lanes);
  report.model_name = "tiny <router>";
  auto record = take(parse_json(json_text(prove::matrix_record(report))));
  EXPECT_TRUE(record["passed"].as_bool());
  EXPECT_EQ(record["lanes"].size(), 2U);
  EXPECT_EQ(record["decisions"]["cases"], cases.size());
  EXPECT_TRUE(prove::blame_text(report).empty());
  const auto says = [&](const char* part) {
    return report::render_html(prove::matrix_document(report, {"trinity", "now"})).find(part) !=
           std::string::npos;
  };
  for (const char* part : {"tiny &lt;router&gt;", "verdict good", "tokens/s", "now",
                           "<td class=\"n\">", "<h2>Layers</h2>", "the oracle"})
    EXPECT_TRUE(says(part)) << part;
  EXPECT_TRUE(says(report.ops.devices.front().c_str())) << "the device of each lane";

  report.ops.verdicts.front().failed_cases = 1;
  report.ops.verdicts.front().worst_error = std::numeric_limits<double>::quiet_NaN();
  record = take(parse_json(json_text(prove::matrix_record(report))));
  EXPECT_FALSE(record["passed"].as_bool());
  EXPECT_TRUE(record["ops"][0]["worst_error"].is_null());
  EXPECT_EQ(prove::blame_text(report), "reference: upload");
  for (const char* part :
       {"verdict bad", "outside: not finite", "1 of ", "<p>reference: upload.</p>"})
    EXPECT_TRUE(says(part)) << part;
}

TEST_F(ModelMatrices, APageOfOneLaneHasNoEmptyTable) {
  prove::MatrixReport report;
  report.lanes = take(prove::named_lanes(std::vector<std::string>{"cpu_f32"}, 1));
  report.ops = take(prove::compare_operations(report.lanes.lanes, 1, false));
  report.model = compare(report.lanes.lanes);
  const std::string page = report::render_html(prove::matrix_document(report, {"trinity", "now"}));
  EXPECT_EQ(page.find("<h2>Layers</h2>"), std::string::npos);
  EXPECT_EQ(page.find("<tbody>\n</tbody>"), std::string::npos);
}

TEST_F(ModelMatrices, ProgressCountsEveryStepOnce) {
  const auto lanes = take(prove::named_lanes(std::vector<std::string>{"cpu_f32"}, 1));
  std::uint64_t expected = 0, all = 0;
  take(prove::compare_operations(lanes.lanes, 1, false,
                                 [&](std::uint64_t done, std::uint64_t total) {
                                   EXPECT_EQ(done, expected++);
                                   all = total;
                                 }));
  EXPECT_GT(all, 0U);
  EXPECT_EQ(expected, all);
}

TEST_F(ModelMatrices, WithoutLanesOrInputThereIsNothingToCompare) {
  const auto none = prove::compare_models({}, {config, files->tensors(), *head}, cases, options);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().tag, "nothing_to_compare");
}

}  // namespace
}  // namespace trinity::testing
