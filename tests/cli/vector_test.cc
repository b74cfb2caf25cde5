// trinity vector: formats, parts and statistics of router vectors.
#include <gtest/gtest.h>

#include <cmath>

#include "base/sha256.h"
#include "cli/test_model.h"
#include "support/conformance.h"
#include "tensor/npy.h"
#include "tensor/safetensors.h"

namespace trinity::testing {
namespace {

constexpr const char* kNpy = "sakana/sakana_model_iter_60.npy";
constexpr const char* kReleased = "sakana/trinity_router_es_vector.safetensors";

std::string path_of(const char* relative) { return conformance_path(relative).string(); }

std::string file_hash(const std::string& path) { return *sha256_file(path); }

TEST(VectorCommand, SVD_6_TheReleasedVectorConvertsAndSplitsToTheKnownBytes) {
  TRINITY_REQUIRE_CONFORMANCE("sakana/sakana_model_iter_60.npy");
  const TemporaryFolder folder;
  const std::string converted = folder / "v.safetensors", head = folder / "head.safetensors",
                    offsets = folder / "offsets.npy", whole = folder / "joined.safetensors";
  Outcome outcome = run({"vector", "convert", path_of(kNpy), converted, "--float32"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const auto ours = SafetensorsFile::open(converted);
  const auto released = SafetensorsFile::open(path_of(kReleased));
  ASSERT_TRUE(ours && released);
  const TensorView a = *ours->tensor("trinity_router_es_vector");
  const TensorView b = *released->tensor("trinity_router_es_vector");
  EXPECT_EQ(a.shape, (std::vector<int64_t>{19456}));
  EXPECT_EQ(a.dtype, DType::f32);
  EXPECT_EQ(sha256_hex(a.bytes), sha256_hex(b.bytes));

  for (const std::string& input : {path_of(kNpy), path_of(kReleased), converted}) {
    outcome = run({"vector", "split", input, "--head", head, "--offsets", offsets});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(file_hash(head), "7ff2db0e6659cac4dd68c5fff47a112768042b31321127aeb1412a6d8e6c09be");
  }
  outcome = run({"vector", "join", "--offsets", offsets, "--head", head, whole});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(file_hash(whole), file_hash(converted));

  outcome = run({"vector", "show", path_of(kNpy), "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json shown = Json::parse(outcome.out);
  EXPECT_EQ(shown["file_sha256"],
            "769f64ee4e01080ff67e64a677ed3ce5268da69cdf7a44810accb096ef64ab10");
  EXPECT_EQ(shown["head"]["sha256_as_f32"],
            "1897dfc218680a0bbdbd095c25857931f1c4842de81611574ea8bcc6a20342c3");
  EXPECT_EQ(shown["offsets"]["sha256_as_f32"],
            "e11b4bc8b7e378d995b12b342c9527eacf45bb673022bd06524b51b36fc83f7a");
  EXPECT_EQ(shown["head"]["shape"], (Json{10, 1024}));
  const double stds[] = {0.0990, 0.0955, 0.0932, 0.0964, 0.0990, 0.0952, 0.0956, 0.0965, 0.1028};
  ASSERT_EQ(shown["blocks"].size(), 9U);
  for (size_t i = 0; i < 9; ++i)
    EXPECT_NEAR(shown["blocks"][i]["statistics"]["std"].get<double>(), stds[i], 5e-5);
  for (const Json& norm : shown["head"]["row_norms"]) {
    EXPECT_GE(norm.get<double>(), 3.0225);
    EXPECT_LE(norm.get<double>(), 3.2285);
  }
}

/// A vector file of a type, with a rank.
std::string put_npy(const TemporaryFolder& folder, const std::string& name,
                    const std::vector<double>& values, std::vector<int64_t> shape) {
  const std::string path = folder / name;
  if (!write_npy(path, {DType::f64, std::move(shape), std::as_bytes(std::span(values))}))
    throw std::runtime_error("no file");
  return path;
}

TEST(VectorCommand, NumbersKeepTheirTypeUntilRoundingIsAskedFor) {
  const TemporaryFolder folder;
  const std::vector<double> values = {0.1, -2.5, 1e-300, 3};
  const std::string npy = put_npy(folder, "v.npy", values, {4});
  const std::string there = folder / "v.safetensors", back = folder / "back.npy";
  ASSERT_EQ(run({"vector", "convert", npy, there, "--tensor-name", "mine"}).status, 0);
  ASSERT_EQ(run({"vector", "convert", there, back, "--tensor-name", "mine"}).status, 0);
  EXPECT_EQ(slurp(back), slurp(npy));
  EXPECT_EQ(run({"vector", "convert", there, back}).status, 1);  // no tensor of the usual name
  ASSERT_EQ(run({"vector", "convert", npy, back, "--float32"}).status, 0);
  const auto file = NpyFile::open(back);
  ASSERT_TRUE(file);
  EXPECT_EQ(*to_f32(file->view()), (std::vector<float>{0.1F, -2.5F, 0, 3}));
}

TEST(VectorCommand, WhatIsNoVectorIsRefused) {
  const TemporaryFolder folder;
  const std::string out = folder / "out.safetensors";
  const auto refused = [&](const Words& call, int status, const std::string& word) {
    const Outcome outcome = run(call);
    EXPECT_EQ(outcome.status, status) << outcome.err;
    EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(out));
  };
  refused({"vector", "convert", put_npy(folder, "two.npy", {1, 2}, {1, 2}), out}, 1,
          "one-dimensional");
  refused({"vector", "convert", put_npy(folder, "nan.npy", {1, NAN}, {2}), out}, 1, "NaN");
  const std::string large = put_npy(folder, "large.npy", {1e300}, {1});
  refused({"vector", "convert", large, out, "--float32"}, 1, "too large for f32");
  refused({"vector", "convert", large, folder / "out.txt"}, 2, ".npy or .safetensors");
  refused({"vector", "convert", folder / "absent", out}, 3, "absent");
  std::string text = slurp(large);
  std::string big_endian = text, fortran = text;
  big_endian[text.find("<f8")] = '>';
  const size_t place = text.find("False,");
  fortran.replace(place, 6, "True, ");
  refused({"vector", "convert", folder.put("be.npy", big_endian), out}, 1, "big-endian");
  refused({"vector", "convert", folder.put("f.npy", fortran), out}, 1, "Fortran");
  const std::string one = put_npy(folder, "one.npy", {1}, {1});
  refused({"vector", "split", one, "--head", out}, 1, "router vector size mismatch");
  refused({"vector", "split", one}, 2, "--head");
  refused({"vector", "show", one}, 1, "--model");
  refused({"vector"}, 2, "one of its commands");
}

TEST(VectorCommand, AModelSaysWhatTheNumbersBelongTo) {
  const TemporaryFolder folder;
  const int64_t count = (9 + 5) * small_hidden_size;
  const std::string npy =
      put_npy(folder, "v.npy", std::vector<double>(static_cast<size_t>(count), 0.5), {count});
  const Words layout = {"--model", small_model().string(), "--layers", "1"};
  Words call = {"vector", "show", npy, "--json"};
  call.insert(call.end(), layout.begin(), layout.end());
  const Outcome outcome = run(call);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json shown = Json::parse(outcome.out);
  EXPECT_EQ(shown["head"]["shape"], (Json{5, small_hidden_size}));
  EXPECT_EQ(shown["blocks"][1]["path"], "decoder.blocks.1.self_attention.query.kernel");
  EXPECT_EQ(shown["blocks"][8]["offset_end"], 9 * small_hidden_size);
  EXPECT_NEAR(shown["head"]["row_norms"][0].get<double>(), 0.5 * std::sqrt(small_hidden_size),
              1e-9);
}

}  // namespace
}  // namespace trinity::testing
