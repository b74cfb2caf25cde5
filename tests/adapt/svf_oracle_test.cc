// Single matrices against a decomposition that another program made in double precision.
#include <algorithm>

#include "adapt/adapt_support.h"
#include "support/conformance.h"
#include "tensor/bf16.h"

namespace trinity::testing {
namespace {

constexpr const char* kFile = "hf_oracle/svf/standalone.safetensors";

struct Case {
  std::string lane, name;
};

class StandaloneMatrix : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    TRINITY_REQUIRE_CONFORMANCE(kFile);
    file_ = std::make_unique<SafetensorsFile>(must(SafetensorsFile::open(conformance_path(kFile))));
    source_ = must(file_->tensor(key(".source")));
    offsets_ = floats_of(*file_, key(".offsets"));
  }
  std::string key(const char* what) const { return GetParam().name + what; }
  bool reference() const { return GetParam().lane == "reference"; }
  /// What rounding may cost: a lane that multiplies in f64, or in f32.
  double tolerance() const { return reference() ? 1e-6 : 5e-5; }
  backend::DenseAlgebra& algebra() const { return algebra_of(GetParam().lane); }

  std::unique_ptr<SafetensorsFile> file_;
  TensorView source_;
  std::vector<float> offsets_;
};

TEST_P(StandaloneMatrix, N6_TheAdaptedMatrixAgrees) {
  const std::vector<float> adapted = adapt(algebra(), source_, offsets_);
  const std::vector<double> exact = doubles_of(*file_, key(".adapted_f64"));
  const double scale = largest_of(exact);
  EXPECT_LE(largest_difference(adapted, floats_of(*file_, key(".adapted_f32"))),
            tolerance() * scale);
  EXPECT_LE(largest_difference(adapted, exact), tolerance() * scale);
  // The tolerance tells right from wrong: with the offsets turned round the result is another.
  std::reverse(offsets_.begin(), offsets_.end());
  EXPECT_GT(largest_difference(adapt(algebra(), source_, offsets_), exact),
            20 * tolerance() * scale);
}

TEST_P(StandaloneMatrix, N6_SpectrumScaledValuesAndNormalizationAgree) {
  const adapt::Spectrum spectrum = must(adapt::decompose(
      algebra(), must(adapt::TallMatrix::of(source_)), adapt::SvdComputeType::f32));
  const adapt::Scaling scaling = must(adapt::scale_spectrum(spectrum, offsets_));
  const std::vector<double> s = doubles_of(*file_, key(".S"));
  const std::vector<double> scaled = doubles_of(*file_, key(".scaled_S"));
  ASSERT_EQ(spectrum.singular_values.size(), s.size());
  EXPECT_TRUE(std::is_sorted(spectrum.singular_values.rbegin(), spectrum.singular_values.rend()));
  // The Gram matrix holds squares, so squares are what is exact to the last digits.
  const double resolution = 1e-14 * static_cast<double>(s.size()) * s[0] * s[0];
  double sum_error = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    const double got = spectrum.singular_values[i];
    EXPECT_NEAR(got * got, s[i] * s[i], resolution) << i;
    const double error = std::abs(got - s[i]);
    sum_error += error;
    EXPECT_NEAR(scaling.scaled_s[i], scaled[i], 3 * error + 1e-12 * s[0]) << i;
  }
  const double before = std::accumulate(s.begin(), s.end(), 0.0);
  EXPECT_NEAR(scaling.normalization, doubles_of(*file_, key(".normalization"))[0],
              8 * sum_error / before + 1e-12);
  // Whatever the rounding of small ones: the sum stays.
  double after = 0;
  for (size_t i = 0; i < s.size(); ++i)
    after += spectrum.singular_values[i] * scaling.multipliers[i];
  EXPECT_NEAR(after / before, 1, 1e-5);
}

TEST_P(StandaloneMatrix, ZeroOffsetsReproduceTheSource) {
  std::fill(offsets_.begin(), offsets_.end(), 0.0F);
  const std::vector<float> source = must(to_f32(source_));
  const std::vector<float> same = adapt(algebra(), source_, offsets_);
  EXPECT_LE(largest_difference(same, source), (reference() ? 1e-7 : 2e-6) * largest_of(source));
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* lane : {"reference", "cpu_f32"})
    for (const char* name : {"tall", "wide", "square", "square_large_offsets", "tall_bf16",
                             "ill_conditioned", "rank_deficient"})
      cases.push_back({lane, name});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Oracle, StandaloneMatrix, ::testing::ValuesIn(all_cases()),
                         [](const auto& test) { return test.param.lane + "_" + test.param.name; });

TEST(StandaloneBf16, StoredInBf16ItIsTheSameMatrix) {
  TRINITY_REQUIRE_CONFORMANCE(kFile);
  const auto file = must(SafetensorsFile::open(conformance_path(kFile)));
  const TensorView wide = must(file.tensor("tall_bf16.source"));
  const auto offsets = floats_of(file, "tall_bf16.offsets");
  std::vector<std::byte> narrow(wide.bytes.size() / 2);
  cast_from_f32(floats_of(file, "tall_bf16.source"), DType::bf16, narrow.data());
  const TensorView view{DType::bf16, wide.shape, narrow};
  for (const char* id : {"reference", "cpu_f32"})
    EXPECT_EQ(adapt(algebra_of(id), view, offsets), adapt(algebra_of(id), wide, offsets)) << id;
}

}  // namespace
}  // namespace trinity::testing
