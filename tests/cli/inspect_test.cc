// trinity inspect on bundles of every kind and state, and on a router vector.
#include "bundle/inspect.h"

#include <cmath>

#include "bundle/small_world.h"
#include "cli/run_program.h"

namespace trinity::testing {
namespace {

class Inspect : public ::testing::Test {
 protected:
  fs::path exported(bool compact, std::optional<int64_t> only = {}) {
    bundle::ExportOptions options = shared_world().options();
    options.out = folder_ / fmt::format("bundle{}{}", compact, only.value_or(0));
    options.compact = compact;
    options.merge = false;
    options.only_index = only;
    const Exported made = do_export(options);
    EXPECT_TRUE(made.report) << made.message();
    return options.out;
  }
  bundle::BundlePicture look(const fs::path& bundle, const bundle::InspectOptions& options = {}) {
    auto picture = bundle::inspect_bundle(*backend_->dense_algebra(), bundle, options);
    if (!picture) throw std::runtime_error(picture.error().message);
    return std::move(*picture);
  }
  /// Moves the vector's trace away, so that offsets must come from elsewhere.
  static void forget_vector(const fs::path& bundle) {
    edit_manifest(bundle, [](Json& m) { m["source_vector_path"] = "absent.npy"; });
  }
  std::unique_ptr<backend::Backend> backend_ = std::move(*backend::create_backend("cpu_f32", {1}));
  TemporaryFolder folder_;
};

TEST_F(Inspect, OffsetsOfAFullBundleComeFromItsVector) {
  const fs::path bundle = exported(false);
  const bundle::BundlePicture picture = look(bundle);
  const auto vector = adapt::RouterVector::load(shared_world().vector());
  ASSERT_TRUE(vector);
  ASSERT_EQ(picture.tensors.size(), 9U);
  size_t place = 0;
  for (const bundle::TensorPicture& tensor : picture.tensors)
    for (const float offset : tensor.offsets) EXPECT_EQ(offset, vector->values[place++]);
  EXPECT_EQ(place, static_cast<size_t>(kWorldOffsets));
  EXPECT_TRUE(picture.tensors[0].spectrum_after.empty());
  forget_vector(bundle);
  const bundle::BundlePicture without = look(bundle);
  EXPECT_TRUE(without.tensors[0].offsets.empty());
  EXPECT_EQ(without.notes.size(), 1U);
  bundle::InspectOptions wrong;
  wrong.vector = folder_ / "other.safetensors";
  write_vector(wrong.vector, kWorldNumbers, 99);
  const auto refused = bundle::inspect_bundle(*backend_->dense_algebra(), bundle, wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "vector_mismatch");
}

TEST_F(Inspect, TheModelShowsSpectraAndHowFarTensorsMoved) {
  for (const bool compact : {false, true}) {
    const bundle::BundlePicture picture = look(exported(compact), {shared_world().model(), {}});
    for (const bundle::TensorPicture& tensor : picture.tensors) {
      SCOPED_TRACE(tensor.entry.path);
      const size_t k = static_cast<size_t>(tensor.entry.singular_values);
      ASSERT_EQ(tensor.spectrum_before.size(), k);
      ASSERT_EQ(tensor.spectrum_after.size(), k);
      // ‖W' − W‖² = Σ (S·(norm(1+δ) − 1))², and the sum of the singular values stays.
      double change = 0, whole = 0, before = 0, after = 0;
      for (size_t i = 0; i < k; ++i) {
        const double s = tensor.spectrum_before[i];
        const double multiplier =
            *tensor.entry.measured.normalization * (1 + static_cast<double>(tensor.offsets[i]));
        change += s * s * (multiplier - 1) * (multiplier - 1);
        whole += s * s;
        before += s;
        after += tensor.spectrum_after[i];
      }
      EXPECT_NEAR(*tensor.relative_change, std::sqrt(change / whole), 2e-3);
      EXPECT_NEAR(after / before, 1, 2e-3);
    }
  }
}

TEST_F(Inspect, ACompactBundleHoldsItsOffsets) {
  const fs::path bundle = exported(true);
  const bundle::BundlePicture known = look(bundle);
  forget_vector(bundle);
  const bundle::BundlePicture by_size = look(bundle);
  const bundle::BundlePicture along = look(bundle, {shared_world().model(), {}});
  for (size_t t = 0; t < known.tensors.size(); ++t) {
    const auto& offsets = known.tensors[t].offsets;
    EXPECT_FALSE(along.tensors[t].offsets_sorted);
    ASSERT_EQ(along.tensors[t].offsets.size(), offsets.size());
    for (size_t i = 0; i < offsets.size(); ++i)
      EXPECT_NEAR(along.tensors[t].offsets[i], offsets[i], 1e-5);
    EXPECT_TRUE(by_size.tensors[t].offsets_sorted);
    EXPECT_NEAR(by_size.tensors[t].statistics->standard_deviation,
                known.tensors[t].statistics->standard_deviation, 1e-6);
    EXPECT_NEAR(by_size.tensors[t].statistics->maximum, known.tensors[t].statistics->maximum, 1e-5);
  }
}

TEST_F(Inspect, AnUnfinishedBundleIsShownAsFarAsItGoes) {
  const fs::path bundle = exported(false, 3);
  const bundle::BundlePicture picture = look(bundle, {shared_world().model(), {}});
  EXPECT_EQ(picture.completed(), 1);
  for (size_t i = 0; i < 9; ++i)
    EXPECT_EQ(picture.tensors[i].relative_change.has_value(), i == 2) << i;
  const Outcome text = run({"inspect", bundle.string()});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_NE(text.out.find("not complete: status partial, 1 of 9 tensors finished"),
            std::string::npos)
      << text.out;
}

TEST_F(Inspect, TheProgramPrintsTextAndJsonAndDraws) {
  const fs::path bundle = exported(false);
  const fs::path svg = folder_ / "chart.svg";
  const Outcome text = run({"inspect", bundle.string(), "--model", shared_world().model().string(),
                            "--svg", svg.string()});
  ASSERT_EQ(text.status, 0) << text.err;
  for (const char* part : {"complete, 9 tensors", "Tie mode", "embed_offsets", "trinity test",
                           "blocks.1.self_attention.query ", "[64, 100]"})
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\n" << text.out;
  const std::string drawing = slurp(svg);
  EXPECT_EQ(drawing.rfind("<svg", 0), 0U);
  EXPECT_NE(drawing.find("</svg>"), std::string::npos);
  EXPECT_NE(drawing.find("prefers-color-scheme: dark"), std::string::npos);
  EXPECT_NE(drawing.find("max-width:100%"), std::string::npos);
  EXPECT_EQ(drawing.find("nan"), std::string::npos);
  EXPECT_EQ(drawing.find("inf"), std::string::npos);
  const Outcome json = run({"inspect", bundle.string(), "--json"});
  const Json record = Json::parse(json.out);
  EXPECT_EQ(record["kind"], "bundle");
  EXPECT_EQ(record["complete"], true);
  EXPECT_EQ(record["tensors"].size(), 9U);
  EXPECT_EQ(record["tensors"][0]["offsets"]["count"], 64);
  const Outcome vector = run({"inspect", shared_world().vector().string(), "--model",
                              shared_world().model().string(), "--layers", "1", "--json"});
  ASSERT_EQ(vector.status, 0) << vector.err;
  EXPECT_EQ(Json::parse(vector.out)["kind"], "vector");
  EXPECT_EQ(Json::parse(vector.out)["head_shape"], (Json{10, 64}));
  EXPECT_EQ(run({"inspect", (folder_ / "absent").string()}).status, 3);
  forget_vector(bundle);
  const Outcome nothing =
      run({"inspect", bundle.string(), "--svg", (folder_ / "none.svg").string()});
  EXPECT_EQ(nothing.status, 3);
  EXPECT_FALSE(fs::exists(folder_ / "none.svg"));
}

}  // namespace
}  // namespace trinity::testing
