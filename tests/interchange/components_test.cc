// Matrices put together from recorded components: against an independent decomposition, in every
// layout of V, and what is refused.
#include "interchange/components.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "interchange/component_files.h"
#include "support/conformance.h"
#include "tensor/float_cast.h"

namespace trinity::testing {
namespace {

TensorView view(const std::vector<float>& values, std::vector<int64_t> shape) {
  return {DType::f32, std::move(shape), std::as_bytes(std::span(values))};
}

/// The whole product, in chunks of `step` rows.
std::vector<float> reconstruct(const interchange::Components& components, int64_t step) {
  const auto scaling = interchange::scale_components(components);
  if (!scaling) throw std::runtime_error(scaling.error().message);
  const auto product = interchange::ComponentProduct::prepare(f32_backend(), components);
  if (!product) throw std::runtime_error(product.error().message);
  std::vector<float> out;
  for (int64_t row = 0; row < product->rows(); row += step) {
    const int64_t count = std::min(step, product->rows() - row);
    auto values = product->multiply(*product->scaled_rows(row, count, scaling->scaled_s));
    interchange::scale_values(*values, scaling->normalization);
    out.insert(out.end(), values->begin(), values->end());
  }
  return out;
}

double largest(std::span<const float> values) {
  double out = 0;
  for (const float value : values) out = std::max(out, std::abs(double{value}));
  return out;
}

double distance(std::span<const float> a, std::span<const float> b) {
  double out = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < a.size(); ++i) out = std::max(out, std::abs(double{a[i]} - double{b[i]}));
  return out;
}

class SvfOracle : public ::testing::TestWithParam<const char*> {};

TEST_P(SvfOracle, ReconstructsWithinTheToleranceOfF32) {
  TRINITY_REQUIRE_CONFORMANCE("hf_oracle/svf/standalone.safetensors");
  const auto file = SafetensorsFile::open(conformance_path("hf_oracle/svf/standalone.safetensors"));
  ASSERT_TRUE(file);
  const std::string name = GetParam();
  const auto tensor = [&](const char* part) { return *file->tensor(name + "." + part); };
  interchange::Components components{tensor("U"), tensor("S"), tensor("V"), tensor("offsets"),
                                     interchange::VLayout::torch_v};
  const std::vector<float> expected = *to_f32(tensor("adapted_f32"));
  const std::vector<float> result = reconstruct(components, 1000);
  EXPECT_LE(distance(result, expected), 5e-5 * largest(expected));
  const auto scaling = interchange::scale_components(components);
  ASSERT_TRUE(scaling);
  EXPECT_NEAR(scaling->normalization, (*to_f32(tensor("normalization")))[0], 2e-6);
  // Without offsets the source comes back.
  const std::vector<float> zeros(static_cast<size_t>(components.rank()));
  components.offsets = view(zeros, {components.rank()});
  const std::vector<float> source = *to_f32(tensor("source"));
  EXPECT_LE(distance(reconstruct(components, 7), source), 5e-5 * largest(source));
}

INSTANTIATE_TEST_SUITE_P(Matrices, SvfOracle,
                         ::testing::Values("tall", "wide", "square", "square_large_offsets",
                                           "tall_bf16", "ill_conditioned", "rank_deficient"));

TEST(Components, SVD_2_KnownProductsOfEveryLayout) {
  const std::vector<float> identity = {1, 0, 0, 1}, two_one = {2, 1}, one_two = {1, 2},
                           zeros = {0, 0}, turn = {0, 1, -1, 0}, back = {0, -1, 1, 0};
  const auto product = [&](const std::vector<float>& s, const std::vector<float>& v,
                           interchange::VLayout layout) {
    return reconstruct(
        {view(identity, {2, 2}), view(s, {2}), view(v, {2, 2}), view(zeros, {2}), layout}, 2);
  };
  EXPECT_EQ(product(two_one, turn, interchange::VLayout::torch_v),
            (std::vector<float>{0, -2, 1, 0}));
  EXPECT_EQ(product(one_two, back, interchange::VLayout::torch_v),
            (std::vector<float>{0, 1, -2, 0}));
  EXPECT_EQ(product(one_two, back, interchange::VLayout::nx), (std::vector<float>{0, -1, 2, 0}));
  EXPECT_EQ(product(one_two, back, interchange::VLayout::vh), (std::vector<float>{0, -1, 2, 0}));
}

TEST(Components, ARowDoesNotDependOnItsChunk) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> u(97 * 24), v(40 * 24), s(24), offsets(24);
  for (auto* values : {&u, &v, &offsets})
    for (float& value : *values) value = 0.1F * normal(random);
  for (float& value : s) value = 1 + std::abs(normal(random));
  // A 97 x 40 matrix has 40 singular values, not 24.
  const interchange::Components components{view(u, {97, 24}), view(s, {24}), view(v, {40, 24}),
                                           view(offsets, {24}), interchange::VLayout::torch_v};
  EXPECT_FALSE(interchange::check_components(components));
  const std::vector<float> square(v.begin(), v.begin() + 24 * 24);
  const interchange::Components fitting{view(u, {97, 24}), view(s, {24}), view(square, {24, 24}),
                                        view(offsets, {24}), interchange::VLayout::torch_v};
  const std::vector<float> whole = reconstruct(fitting, 97);
  for (const int64_t step : {1, 2, 13, 64}) EXPECT_EQ(reconstruct(fitting, step), whole) << step;
}

TEST(Components, WhatDoesNotFitIsRefused) {
  const std::vector<float> four = {1, 0, 0, 1}, two = {1, 1}, three = {1, 1, 1}, cancel = {0, -2},
                           nan = {NAN, 0};
  const interchange::Components good{view(four, {2, 2}), view(two, {2}), view(four, {2, 2}),
                                     view(two, {2}), interchange::VLayout::torch_v};
  ASSERT_TRUE(interchange::check_components(good));
  const auto tag_of = [](const interchange::Components& c) {
    const Status checked = interchange::check_components(c);
    if (!checked) return checked.error().tag;
    const auto scaled = interchange::scale_components(c);
    return scaled ? std::string() : scaled.error().tag;
  };
  interchange::Components bad = good;
  bad.s = view(three, {3});
  EXPECT_EQ(tag_of(bad), "component_shape_mismatch");
  bad = good;
  bad.u = view(four, {4});
  EXPECT_EQ(tag_of(bad), "component_shape_mismatch");
  bad = good;
  bad.v = view(four, {1, 4});
  EXPECT_EQ(tag_of(bad), "component_shape_mismatch");
  bad = good;
  bad.offsets = view(nan, {2});
  EXPECT_EQ(tag_of(bad), "non_finite_values");
  bad.offsets = view(cancel, {2});  // 1·1 + 1·(1 − 2) = 0
  EXPECT_EQ(tag_of(bad), "degenerate_normalization");
  EXPECT_FALSE(interchange::parse_v_layout("columns"));
  EXPECT_EQ(interchange::parse_v_layout("columns").error().tag, "unknown_v_layout");
}

TEST(Components, LanesOfFewerDigitsAreRefused) {
  ASSERT_TRUE(interchange::require_f32_products(f32_backend()));
  auto narrow = backend::create_backend("cpu_bf16", {1});
  if (!narrow) GTEST_SKIP() << "SKIPPED: no bf16 lane here: " << narrow.error().message;
  const Status refused = interchange::require_f32_products(**narrow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "profile_lacks_f32_products");
}

}  // namespace
}  // namespace trinity::testing
