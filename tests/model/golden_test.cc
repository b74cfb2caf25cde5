// Hidden states of the oracle models against recorded ones of an independent implementation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backend/plugin_lanes.h"
#include "model/model_support.h"
#include "model/oracle_models.h"

namespace trinity::testing {
namespace {

/// Model and lane.
using Case = std::tuple<std::string, std::string>;

class Golden : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto& [model_name, lane] = GetParam();
    TRINITY_REQUIRE_CONFORMANCE("hf_oracle/models/goldens/" + model_name + ".safetensors");
    TRINITY_REQUIRE_LANE(lane);
    model = load_folder(conformance_path("hf_oracle/models/" + model_name), lane, {0, 1024});
    sequences = golden_sequences(model_name);
    ASSERT_GE(sequences.size(), 6u);
    hidden = static_cast<size_t>(model.config.hidden_size);
  }

  std::span<const float> row(const std::vector<float>& values, size_t position) const {
    return std::span(values).subspan(position * hidden, hidden);
  }

  LoadedModel model;
  std::vector<GoldenSequence> sequences;
  size_t hidden = 0;
};

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  return std::get<0>(info.param) + "_" + plugin_lane_name(std::get<1>(info.param));
}

auto cases(std::vector<std::string> lanes) {
  return ::testing::Combine(::testing::ValuesIn(oracle_model_names()), ::testing::ValuesIn(lanes));
}

// ---- f32 ----

using GoldenF32 = Golden;

TEST_P(GoldenF32, N1_EveryPositionLiesWithin1e4) {
  double worst = 0;
  for (const GoldenSequence& sequence : sequences) {
    const auto got = model.hidden(sequence.ids, kAllPositions);
    ASSERT_EQ(got.size(), sequence.hidden_f32.size());
    for (size_t i = 0; i < got.size(); ++i) {
      const double want = sequence.hidden_f32[i], error = std::abs(got[i] - want);
      worst = std::max(worst, error / (1 + std::abs(want)));
      ASSERT_LE(error, 1e-4 * (1 + std::abs(want)))
          << sequence.key << " position " << i / hidden << " column " << i % hidden;
    }
  }
  RecordProperty("worst", std::to_string(worst));
}

TEST_P(GoldenF32, N1_SkippingAndFullModeReadPositionTMinus2) {
  for (const GoldenSequence& sequence : sequences) {
    const size_t length = sequence.ids.size(), index = length < 2 ? 0 : length - 2;
    const auto want = row(sequence.hidden_f32, index);
    for (const model::ExtractMode& mode : {kFull, kUncached}) {
      const model::HiddenStates got = model.extract(sequence.ids, mode);
      EXPECT_EQ(got.token_count, static_cast<int64_t>(length));
      EXPECT_EQ(got.hidden_index, static_cast<int64_t>(index));
      ASSERT_EQ(got.values.size(), hidden);
      for (size_t i = 0; i < hidden; ++i)
        ASSERT_LE(std::abs(got.values[i] - want[i]), 1e-4 * (1 + std::abs(want[i])))
            << sequence.key << " column " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Lanes, GoldenF32,
                         cases({"reference", "reference_exact", "cpu_f32", "mlx", "mlx_fast"}),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Plugins, GoldenF32, cases(plugin_lanes()), name_of);

// ---- bf16 order ----

using GoldenBf16Order = Golden;

/// Short inputs are reproduced bit for bit; in longer ones the recorded sums, accumulated in f32,
/// round the other way now and then.
bool is_short(const std::string& model, const GoldenSequence& sequence) {
  return sequence.ids.size() <= (model == "basic_bf16" ? 33u : 7u);
}

TEST_P(GoldenBf16Order, N1_ShortInputsHaveTheRecordedBits) {
  for (const GoldenSequence& sequence : sequences) {
    if (!is_short(std::get<0>(GetParam()), sequence)) continue;
    EXPECT_EQ(model.hidden(sequence.ids, kAllPositions), sequence.hidden_bf16) << sequence.key;
  }
}

TEST_P(GoldenBf16Order, N1_LongInputsStayClose) {
  for (const GoldenSequence& sequence : sequences) {
    const auto got = model.hidden(sequence.ids, kAllPositions);
    for (size_t p = 0; p < sequence.ids.size(); ++p) {
      const auto ours = row(got, p), recorded = row(sequence.hidden_bf16, p);
      ASSERT_GE(cosine(ours, recorded), 0.999) << sequence.key << " position " << p;
      for (size_t i = 0; i < hidden; ++i) ASSERT_LE(std::abs(ours[i] - recorded[i]), 0.15);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Lanes, GoldenBf16Order, cases({"reference_bf16"}), name_of);

// ---- reduced precision ----

using GoldenBf16 = Golden;

/// bf16 products with f32 between them must not be further from f32 than the recorded bf16 model,
/// which rounds everywhere.
TEST_P(GoldenBf16, N1_NoSequenceIsWorseThanInTheRecordedBf16Model) {
  const auto worst_of = [&](const GoldenSequence& sequence, const std::vector<float>& values) {
    double worst = 1;
    for (size_t p = 0; p < sequence.ids.size(); ++p)
      worst = std::min(worst, cosine(row(values, p), row(sequence.hidden_f32, p)));
    return worst;
  };
  for (const GoldenSequence& sequence : sequences) {
    const double recorded = worst_of(sequence, sequence.hidden_bf16);
    const double ours = worst_of(sequence, model.hidden(sequence.ids, kAllPositions));
    EXPECT_GE(ours, recorded) << sequence.key;
    RecordProperty(sequence.key, std::to_string(ours) + " recorded " + std::to_string(recorded));
  }
}

INSTANTIATE_TEST_SUITE_P(Lanes, GoldenBf16, cases({"cpu_bf16"}), name_of);

using GoldenInt8 = Golden;

TEST_P(GoldenInt8, N1_CosineOfEveryPosition) {
  double worst = 1;
  for (const GoldenSequence& sequence : sequences) {
    const auto got = model.hidden(sequence.ids, kAllPositions);
    for (size_t p = 0; p < sequence.ids.size(); ++p) {
      const double similarity = cosine(row(got, p), row(sequence.hidden_f32, p));
      worst = std::min(worst, similarity);
      EXPECT_GE(similarity, 0.97) << sequence.key << " position " << p;
    }
  }
  RecordProperty("worst", std::to_string(worst));
}

INSTANTIATE_TEST_SUITE_P(Lanes, GoldenInt8, cases({"cpu_int8", "reference_exact_int8"}), name_of);

}  // namespace
}  // namespace trinity::testing
