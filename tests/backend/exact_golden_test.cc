// The bits of the exact arithmetic, recorded: a change of the definition, a compiler or a processor
// that computes otherwise fails here by the name of the function.
//
// Inputs are made of integers of a generator that the C++ standard fixes, so every platform has the
// same ones. When the definition is changed on purpose, the recorded numbers are to be replaced by
// those that the failing test prints.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "backend/exact_rows.h"
#include "backend/rope_angles.h"

namespace trinity::testing {
namespace {

/// FNV-1a over the bits of f32 values.
class Digest {
 public:
  void add(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8)
      state_ = (state_ ^ ((bits >> shift) & 0xFF)) * 0x100000001B3u;
  }
  void add(const std::vector<float>& values) {
    for (const float value : values) add(value);
  }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0xCBF29CE484222325u;
};

class ExactGolden : public ::testing::Test {
 protected:
  /// Between −limit and limit, in steps of limit · 2^-23.
  std::vector<float> values(int64_t count, float limit) {
    std::vector<float> out;
    for (int64_t i = 0; i < count; ++i) {
      const auto step = static_cast<int32_t>(random_() >> 40) - (1 << 23);
      out.push_back(static_cast<float>(step) * 0x1p-23f * limit);
    }
    return out;
  }

  Digest digest;
  const std::vector<int64_t> sizes = {1, 7, 16, 75, 255, 256, 257, 1024, 1025};

 private:
  std::mt19937_64 random_{20250301};
};

TEST_F(ExactGolden, Exponential) {
  for (const float z : values(20000, 104))
    digest.add(backend::exact::exp_nonpositive(-std::fabs(z)));
  EXPECT_EQ(digest.value(), 0xA24DF8EDF5D7A496u);
}

TEST_F(ExactGolden, Silu) {
  for (const float z : values(20000, 32)) digest.add(backend::exact::silu_mul(z, 1.75f));
  EXPECT_EQ(digest.value(), 0x21528DF25FDB5410u);
}

TEST_F(ExactGolden, Product) {
  for (const int64_t n : sizes) {
    const auto x = values(n, 4), w = values(n, 0.125f);
    digest.add(backend::exact::product(x.data(), w.data(), n));
  }
  EXPECT_EQ(digest.value(), 0xF5D4B7323083C38Au);
}

TEST_F(ExactGolden, Int8Product) {
  for (const int64_t n : sizes) {
    const auto x = values(n, 4), w = values(n, 0.125f);
    std::vector<int8_t> x8(x.size()), w8(w.size());
    const float x_scale = backend::exact::int8_row(x.data(), n, x8.data());
    const float w_scale = backend::exact::int8_row(w.data(), n, w8.data());
    digest.add(backend::exact::int8_product(x8.data(), x_scale, w8.data(), w_scale, n));
  }
  EXPECT_EQ(digest.value(), 0x479C7A2CD5AB5611u);
}

TEST_F(ExactGolden, RmsNorm) {
  for (const int64_t n : sizes) {
    const auto x = values(n, 4), w = values(n, 2);
    std::vector<float> y(x.size());
    backend::exact::rms_norm_row(x.data(), w.data(), n, 1e-6f, y.data());
    digest.add(y);
  }
  EXPECT_EQ(digest.value(), 0x36AA12E90EF7B766u);
}

TEST_F(ExactGolden, Rotation) {
  for (const float frequency : backend::rope_frequencies(128, 1e6))
    for (const int64_t position : {0, 1, 2, 63, 1000, 40959}) {
      const backend::CosSin turn = backend::rope_cos_sin(backend::rope_angle(position, frequency));
      const auto x = values(2, 4);
      std::vector<float> y(2);
      backend::exact::rotate_head(x.data(), &turn.cosine, &turn.sine, 1, y.data());
      digest.add(y);
    }
  EXPECT_EQ(digest.value(), 0x635BBFF4426C5884u);
}

TEST_F(ExactGolden, Attention) {
  for (const int64_t dim : {16, 22, 128})
    for (const int64_t tokens : {1, 2, 63, 64, 65, 130}) {
      const auto query = values(dim, 4);
      const auto keys = values(tokens * dim, 2), weights = values(tokens * dim, 2);
      std::vector<float> y(query.size());
      backend::exact::attend(query.data(), keys.data(), weights.data(), dim, tokens, dim, y.data());
      digest.add(y);
    }
  EXPECT_EQ(digest.value(), 0x6F693BE5A8832075u);
}

}  // namespace
}  // namespace trinity::testing
