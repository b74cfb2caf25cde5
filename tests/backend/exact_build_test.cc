// The exact arithmetic has the same bits however the compiler treats it: without optimisation, with
// it, and with fma as an instruction instead of a call.
#include <gtest/gtest.h>

#include <cstring>

#include "backend/exact_functions.h"
#include "backend/op_inputs.h"

namespace trinity::testing {
namespace {

std::vector<ExactFunctions> other_builds() {
  std::vector<ExactFunctions> builds = {exact_unoptimised()};
#ifdef TRINITY_EXACT_HARDWARE_FMA
  if (__builtin_cpu_supports("fma")) builds.push_back(exact_hardware_fma());
#endif
  return builds;
}

/// Fills a vector by both builds and compares bytes, so that NaN and the sign of zero count.
template <typename Fill>
void expect_same_bits(const ExactFunctions& other, size_t size, const Fill& fill) {
  std::vector<float> want(size), got(size);
  fill(exact_optimised(), want);
  fill(other, got);
  EXPECT_EQ(std::memcmp(want.data(), got.data(), size * sizeof(float)), 0) << other.name;
}

class ExactBuilds : public ::testing::Test {
 protected:
  /// Rows of every kind, and some whose values are subnormal or almost too large.
  std::vector<float> values(int64_t count) {
    auto out = inputs.uneven_rows(1, count);
    const int64_t kind = inputs.integer(0, 5);
    for (float& value : out) {
      if (kind == 0) value = std::ldexp(value, -130);
      if (kind == 1) value = std::ldexp(value, 60);
    }
    return out;
  }
  prove::InputStream inputs{21};
  const std::vector<int64_t> sizes = {1, 2, 15, 16, 17, 64, 75, 255, 256, 257, 513, 1025};
};

TEST_F(ExactBuilds, ElementwiseFunctions) {
  std::vector<float> z;
  for (uint32_t bits = 0x80000000u; bits < 0xFF800000u; bits += 65521) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    z.push_back(value);
  }
  for (const ExactFunctions& other : other_builds()) {
    expect_same_bits(other, z.size(), [&](const ExactFunctions& f, std::vector<float>& out) {
      for (size_t i = 0; i < z.size(); ++i) out[i] = f.exp_nonpositive(z[i]);
    });
    expect_same_bits(other, z.size(), [&](const ExactFunctions& f, std::vector<float>& out) {
      for (size_t i = 0; i < z.size(); ++i) out[i] = f.silu_mul(i % 2 ? z[i] : -z[i], 1.7f);
    });
  }
}

TEST_F(ExactBuilds, RowsAndProducts) {
  for (const ExactFunctions& other : other_builds())
    for (const int64_t n : sizes)
      for (int repeat = 0; repeat < 12; ++repeat) {
        SCOPED_TRACE(n);
        const auto x = values(n), w = values(n);
        const auto count = static_cast<size_t>(n);
        expect_same_bits(other, 2, [&](const ExactFunctions& f, std::vector<float>& out) {
          out[0] = f.row_sum(x.data(), n);
          out[1] = f.product(x.data(), w.data(), n);
        });
        expect_same_bits(other, count, [&](const ExactFunctions& f, std::vector<float>& out) {
          f.rms_norm_row(x.data(), w.data(), n, 1e-6f, out.data());
        });
        expect_same_bits(other, 3, [&](const ExactFunctions& f, std::vector<float>& out) {
          std::vector<int8_t> a(count), b(count);
          out[0] = f.int8_row(x.data(), n, a.data());
          out[1] = f.int8_row(w.data(), n, b.data());
          out[2] = f.int8_product(a.data(), out[0], b.data(), out[1], n);
        });
      }
}

TEST_F(ExactBuilds, HeadsAndAttention) {
  for (const ExactFunctions& other : other_builds())
    for (const int64_t dim : {2, 6, 16, 22, 64, 128}) {
      const auto x = values(dim), angles = inputs.normal(dim);
      const auto size = static_cast<size_t>(dim);
      expect_same_bits(other, size, [&](const ExactFunctions& f, std::vector<float>& out) {
        f.rotate_head(x.data(), angles.data(), angles.data() + dim / 2, dim / 2, out.data());
      });
      for (const int64_t tokens : {1, 2, 63, 64, 65, 200}) {
        const int64_t stride = dim + 3;
        const auto keys = inputs.uneven_rows(tokens, stride);
        const auto weights = inputs.uneven_rows(tokens, stride);
        expect_same_bits(other, size, [&](const ExactFunctions& f, std::vector<float>& out) {
          f.attend(x.data(), keys.data(), weights.data(), stride, tokens, dim, out.data());
        });
      }
    }
}

}  // namespace
}  // namespace trinity::testing
