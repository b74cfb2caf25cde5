// The router vector: reading both formats, splitting it, and everything that it must not be.
#include "adapt/router_vector.h"

#include "adapt/adapt_support.h"
#include "adapt/vector_layout.h"
#include "base/sha256.h"
#include "base/temporary_folder.h"
#include "support/conformance.h"
#include "tensor/npy.h"

namespace trinity::testing {
namespace {

std::string npy(const std::string& dictionary, const std::string& payload) {
  std::string header = dictionary;
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string out = "\x93NUMPY";
  out += '\x01';
  out += '\0';
  out += static_cast<char>(header.size() & 0xFF);
  out += static_cast<char>(header.size() >> 8);
  return out + header + payload;
}

std::string dictionary(const std::string& descr, const std::string& shape,
                       const std::string& order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

TEST(RouterVector, SVD_6_TheReleasedVectorInBothFormats) {
  TRINITY_REQUIRE_CONFORMANCE("sakana/sakana_model_iter_60.npy");
  const adapt::RouterVector npy =
      must(adapt::RouterVector::load(conformance_path("sakana/sakana_model_iter_60.npy")));
  const adapt::RouterVector tensors = must(
      adapt::RouterVector::load(conformance_path("sakana/trinity_router_es_vector.safetensors")));
  ASSERT_EQ(npy.values.size(), 19456U);
  EXPECT_EQ(npy.values, tensors.values);
  EXPECT_EQ(npy.source_type, "F64");
  EXPECT_EQ(tensors.source_type, "F32");
  EXPECT_EQ(tensors.sha256.substr(0, 8), "b9bf105b");
  EXPECT_EQ(must(adapt::head_outputs_of(npy.values, 9216, 1024)), 10);
  const adapt::RouterVectorParts parts =
      must(adapt::split_router_vector(npy.values, 9216, 1024, 10));
  EXPECT_EQ(parts.offsets.size(), 9216U);
  EXPECT_EQ(parts.head.size(), 10240U);
  const double offsets[] = {-0.10425831, 0.09840647, 0.11400981, -0.00341370};
  const double head[] = {-0.02025671, 0.05116902, 0.01735989, -0.02729321};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(parts.offsets[i], offsets[i], 1e-8);
    EXPECT_NEAR(parts.head[i], head[i], 1e-8);
  }
  const adapt::VectorStatistics statistics = adapt::vector_statistics(parts.offsets);
  EXPECT_NEAR(statistics.mean, 0.00103, 5e-6);
  EXPECT_NEAR(statistics.standard_deviation, 0.09709, 5e-6);
  EXPECT_NEAR(statistics.minimum, -0.33709264, 1e-8);
  EXPECT_NEAR(statistics.maximum, 0.43377146, 1e-8);
  EXPECT_NEAR(statistics.share_above_tenth, 0.307, 5e-4);
  const adapt::VectorLayout layout = adapt::released_layout();
  EXPECT_EQ(layout.scale_count(), 9216);
  ASSERT_EQ(layout.blocks.size(), 9U);
  const double deviations[] = {0.0990, 0.0955, 0.0932, 0.0964, 0.0990,
                               0.0952, 0.0956, 0.0965, 0.1028};
  for (size_t i = 0; i < 9; ++i)
    EXPECT_NEAR(adapt::vector_statistics(std::span(parts.offsets).subspan(i * 1024, 1024))
                    .standard_deviation,
                deviations[i], 5e-5);
}

TEST(RouterVector, ES_1_SizesThatDoNotFitAreRefused) {
  const std::vector<float> values(100);
  EXPECT_EQ(tag_of(adapt::split_router_vector(values, 60, 4, 10)), "ok");
  for (const auto& [scales, hidden, outputs] : std::vector<std::array<int64_t, 3>>{{61, 4, 10},
                                                                                   {59, 4, 10},
                                                                                   {60, 4, 9},
                                                                                   {60, 0, 10},
                                                                                   {100, 4, 0},
                                                                                   {-1, 101, 1},
                                                                                   {140, 4, -10}}) {
    const auto split = adapt::split_router_vector(values, scales, hidden, outputs);
    EXPECT_EQ(tag_of(split), "router_vector_size_mismatch");
  }
  const auto wrong = adapt::split_router_vector(values, 61, 4, 10);
  EXPECT_NE(wrong.error().message.find("router vector size mismatch: expected 101, got 100"),
            std::string::npos);
  EXPECT_EQ(must(adapt::head_outputs_of(values, 60, 4)), 10);
  EXPECT_EQ(must(adapt::head_outputs_of(values, 84, 4, 4)), 4);
  EXPECT_EQ(tag_of(adapt::head_outputs_of(values, 88, 4)), "router_vector_size_mismatch");
  EXPECT_EQ(tag_of(adapt::head_outputs_of(values, 61, 4)), "router_vector_size_mismatch");
  EXPECT_EQ(tag_of(adapt::head_outputs_of(values, 200, 4)), "router_vector_size_mismatch");
}

TEST(RouterVector, AHeadThatIsLeftByWrongLayersIsUnlikely) {
  const std::vector<float> values(60 + 10 * 4);
  // Every multiple of the width that is taken off too much leaves a head of fewer rows.
  EXPECT_EQ(must(adapt::head_outputs_of(values, 80, 4)), 5);
  const auto single = adapt::head_outputs_of(values, 84, 4);
  EXPECT_EQ(tag_of(single), "unlikely_head");
  for (const char* part : {"84 offsets", "4 rows", "1 agent and 3 roles", "--head-rows 4"})
    EXPECT_NE(single.error().message.find(part), std::string::npos) << single.error().message;
  EXPECT_EQ(tag_of(adapt::split_off_head(values, 84, 4)), "unlikely_head");
  EXPECT_EQ(must(adapt::split_off_head(values, 84, 4, 4)).outputs, 4);
  EXPECT_EQ(tag_of(adapt::split_off_head(values, 80, 4, 10)), "router_vector_size_mismatch");
  EXPECT_EQ(must(adapt::split_off_head(values, 60, 4, 10)).outputs, 10);
  EXPECT_EQ(adapt::head_rows_text(10), "7 agents and 3 roles");
}

TEST(RouterVector, OtherArraysAreRefused) {
  const TemporaryFolder folder;
  const auto tag = [&](const std::string& content) {
    return tag_of(adapt::RouterVector::load(folder.put("v.npy", content)));
  };
  const std::string zeros(64, '\0');
  EXPECT_EQ(tag(npy(dictionary("<f8", "(8,)"), zeros)), "ok");
  EXPECT_EQ(tag(npy(dictionary("<f4", "(16,)"), zeros)), "ok");
  EXPECT_EQ(tag(npy(dictionary("<f8", "(2, 4)"), zeros)), "invalid_vector_shape");
  EXPECT_EQ(tag(npy(dictionary("<f8", "(1, 8)"), zeros)), "invalid_vector_shape");
  EXPECT_EQ(tag(npy(dictionary("<f8", "(0,)"), "")), "invalid_vector_shape");
  EXPECT_NE(tag(npy(dictionary(">f8", "(8,)"), zeros)), "ok");  // big-endian
  EXPECT_NE(tag(npy(dictionary("<f8", "(2, 4)", "True"), zeros)), "ok");
  EXPECT_NE(tag(npy(dictionary("<f8", "(9,)"), zeros)), "ok");  // truncated
  EXPECT_NE(tag(npy(dictionary("|O", "(8,)"), zeros)), "ok");   // pickled objects
  EXPECT_NE(tag(""), "ok");
  EXPECT_EQ(tag_of(adapt::RouterVector::load(folder / "absent.npy")), "missing_file");
}

TEST(RouterVector, NumbersMustBeFinite) {
  const TemporaryFolder folder;
  for (const double bad : {double{NAN}, double{INFINITY}, -double{INFINITY}, 1e300}) {
    std::string payload(64, '\0');
    std::memcpy(payload.data() + 40, &bad, 8);
    EXPECT_EQ(tag_of(adapt::RouterVector::load(
                  folder.put("v.npy", npy(dictionary("<f8", "(8,)"), payload)))),
              "non_finite_vector")
        << bad;
  }
}

TEST(RouterVector, ATensorIsFoundByItsName) {
  const TemporaryFolder folder;
  const std::vector<float> values = {1, 2, 3};
  const TensorView view{DType::f32, {3}, std::as_bytes(std::span(values))};
  must(write_safetensors(folder / "v.safetensors", {{"mine", view}}));
  EXPECT_EQ(must(adapt::RouterVector::load(folder / "v.safetensors", "mine")).values, values);
  const auto missing = adapt::RouterVector::load(folder / "v.safetensors");
  EXPECT_EQ(tag_of(missing), "missing_vector_tensor");
  EXPECT_NE(missing.error().message.find("mine"), std::string::npos);
}

}  // namespace
}  // namespace trinity::testing
