// Products of the exact lanes against their definition, bit by bit: every type of weight, awkward
// shapes and values, every instruction set of this processor, any number of threads. And the loops
// of AVX512-VNNI on any processor, with the instruction computed by hand.
#include "backend_cpu/exact_products.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>

#include "backend/instruction_set_scope.h"
#include "backend/op_inputs.h"

namespace trinity::testing {
namespace {

using cpu::ExactProducts;
using Weights = cpu::ExactProducts::Weights;

struct Shape {
  int64_t rows, out, in;
};

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      {1, 1, 1},    {1, 5, 7},      {2, 33, 256},   {3, 16, 257}, {7, 64, 255}, {25, 40, 512},
      {13, 31, 69}, {26, 65, 1025}, {130, 17, 300}, {300, 9, 70}, {517, 3, 5}};
  return all;
}

/// Normal values, some rows extreme: zeros, subnormal, large, one outlier.
std::vector<float> awkward(prove::InputStream& inputs, int64_t rows, int64_t cols) {
  std::vector<float> x = inputs.uneven_rows(rows, cols);
  for (int64_t i = 0; i < cols; ++i) {
    if (rows > 2) x[static_cast<size_t>(2 * cols + i)] *= 1e-41f;  // subnormal
    if (rows > 5) x[static_cast<size_t>(5 * cols + i)] *= 1e30f;
  }
  return x;
}

float defined(Weights weights, const float* x, const float* w, int64_t in) {
  if (weights == Weights::as_stored) return backend::exact::product(x, w, in);
  const backend::exact::Int8Scale a = backend::exact::int8_scale(x, in),
                                  b = backend::exact::int8_scale(w, in);
  int32_t sum = 0;
  for (int64_t k = 0; k < in; ++k)
    sum += backend::exact::to_int8(x[k], a.inverse) * backend::exact::to_int8(w[k], b.inverse);
  return static_cast<float>(sum) * (a.scale * b.scale);
}

void expect_defined_bits(Weights weights, DType dtype, int threads) {
  prove::InputStream inputs(31);
  cpu::ThreadPool pool(threads);
  cpu::ExactProducts products(weights, pool);
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(
        fmt::format("{} rows by [{}, {}], {} threads", shape.rows, shape.out, shape.in, threads));
    const std::vector<float> x = awkward(inputs, shape.rows, shape.in);
    const prove::HostMatrix first({shape.out, shape.in}, inputs.normal(shape.out * shape.in, 0.1f),
                                  dtype);
    const prove::HostMatrix second({2, shape.in}, inputs.normal(2 * shape.in, 3.0f), dtype);
    const TensorView stacked[] = {first.view(), second.view()};
    const auto packed = take(products.pack(stacked));
    std::vector<float> w = first.values();
    const std::vector<float> more = second.values();
    w.insert(w.end(), more.begin(), more.end());
    const int64_t out = shape.out + 2;
    std::vector<float> y(static_cast<size_t>(shape.rows * out), -1.0f), here = y;
    require(products.multiply(*packed, x.data(), shape.rows, y.data()));
    cpu::ExactProducts::Workspace workspace;
    cpu::ExactProducts::multiply_here(*packed, x.data(), shape.rows, here.data(), workspace);
    EXPECT_EQ(std::memcmp(y.data(), here.data(), y.size() * sizeof(float)), 0);
    for (int64_t r = 0; r < shape.rows; ++r)
      for (int64_t c = 0; c < out; ++c) {
        const float want = defined(weights, &x[static_cast<size_t>(r * shape.in)],
                                   &w[static_cast<size_t>(c * shape.in)], shape.in);
        const float got = y[static_cast<size_t>(r * out + c)];
        ASSERT_EQ(std::bit_cast<uint32_t>(got), std::bit_cast<uint32_t>(want))
            << "row " << r << " output " << c << ": " << got << " instead of " << want;
      }
  }
}

class ExactProductsOn : public ::testing::TestWithParam<std::string> {};

TEST_P(ExactProductsOn, FloatWeightsHaveTheDefinedBits) {
  const OnlyInstructionSet only(GetParam());
  for (const DType dtype : {DType::bf16, DType::f16, DType::f32})
    expect_defined_bits(Weights::as_stored, dtype, 1);
  expect_defined_bits(Weights::as_stored, DType::bf16, 3);
}

TEST_P(ExactProductsOn, Int8WeightsHaveTheDefinedBits) {
  const OnlyInstructionSet only(GetParam());
  for (const DType dtype : {DType::bf16, DType::f32}) expect_defined_bits(Weights::int8, dtype, 1);
  expect_defined_bits(Weights::int8, DType::bf16, 3);
}

INSTANTIATE_TEST_SUITE_P(Sets, ExactProductsOn, ::testing::ValuesIn(cpu::instruction_sets()),
                         [](const auto& set) { return set.param; });

TEST(ExactProducts, KeepWeightsInTheirType) {
  cpu::ThreadPool pool(1);
  cpu::ExactProducts products(Weights::as_stored, pool);
  const std::vector<float> values(64 * 512, 0.5f);
  const auto bytes_of = [&](DType dtype) {
    const prove::HostMatrix tensor({64, 512}, values, dtype);
    const TensorView view = tensor.view();
    return take(products.pack({&view, 1}))->packed_bytes;
  };
  EXPECT_EQ(bytes_of(DType::bf16), values.size() * 2);
  EXPECT_EQ(bytes_of(DType::f16), values.size() * 2);
  EXPECT_EQ(bytes_of(DType::f32), values.size() * 4);
}

TEST(ExactProducts, WeightsOfTwoTypesAreStackedWithoutLoss) {
  cpu::ThreadPool pool(1);
  cpu::ExactProducts products(Weights::as_stored, pool);
  prove::InputStream inputs(8);
  const std::vector<float> x = inputs.normal(40);
  const prove::HostMatrix half({3, 40}, inputs.normal(120), DType::f16);
  const prove::HostMatrix brain({2, 40}, inputs.normal(80), DType::bf16);
  const TensorView stacked[] = {half.view(), brain.view()};
  std::vector<float> y(5), w = half.values();
  const std::vector<float> more = brain.values();
  w.insert(w.end(), more.begin(), more.end());
  require(products.multiply(*take(products.pack(stacked)), x.data(), 1, y.data()));
  for (size_t c = 0; c < 5; ++c) EXPECT_EQ(y[c], backend::exact::product(x.data(), &w[c * 40], 40));
}

TEST(ExactProducts, NaNAndInfinityInAWeightAreRefused) {
  cpu::ThreadPool pool(2);
  for (const Weights weights : {Weights::as_stored, Weights::int8})
    for (const DType dtype : {DType::bf16, DType::f16, DType::f32})
      for (const float bad :
           {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
            std::numeric_limits<float>::quiet_NaN()}) {
        cpu::ExactProducts products(weights, pool);
        std::vector<float> values(40 * 30, 1.0f);
        values[777] = bad;
        const prove::HostMatrix tensor({40, 30}, values, dtype);
        const TensorView view = tensor.view();
        const auto packed = products.pack({&view, 1});
        ASSERT_FALSE(packed);
        EXPECT_EQ(packed.error().tag, "non_finite_values");
      }
}

TEST(ExactProducts, AnInt8SumThatCouldOverflowIsRefused) {
  cpu::ThreadPool pool(1);
  cpu::ExactProducts products(Weights::int8, pool);
  const prove::HostMatrix tensor({1, backend::exact::kInt8MaxTerms + 1},
                                 std::vector<float>(backend::exact::kInt8MaxTerms + 1, 1.0f),
                                 DType::bf16);
  const TensorView view = tensor.view();
  const auto packed = products.pack({&view, 1});
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().tag, "int8_sum_overflow");
}

TEST(ExactProducts, TheLargestInt8SumIsExact) {
  cpu::ThreadPool pool(1);
  const int64_t in = backend::exact::kInt8MaxTerms;
  for (const std::string& set : cpu::instruction_sets()) {
    const OnlyInstructionSet only(set);
    cpu::ExactProducts products(Weights::int8, pool);
    for (const float sign : {1.0f, -1.0f}) {
      const prove::HostMatrix tensor({1, in}, std::vector<float>(static_cast<size_t>(in), sign),
                                     DType::bf16);
      const TensorView view = tensor.view();
      const std::vector<float> x(static_cast<size_t>(in), 1.0f);
      float y = 0;
      require(products.multiply(*take(products.pack({&view, 1})), x.data(), 1, &y));
      const float scale = 1.0f / 127.0f;
      EXPECT_EQ(y, sign * static_cast<float>(127 * 127 * in) * (scale * scale)) << set;
    }
  }
}

// ---- AVX512-VNNI by hand
// --------------------------------------------------------------------------

using cpu::kMaxPanelWidth;
using cpu::ProductTask;
#define HWY_INLINE inline
#include "backend_cpu/product_tiles-inl.h"
#include "backend_cpu/product_vnni-inl.h"
#undef HWY_INLINE

/// Sixteen int32 lanes in plain code.
struct Portable {
  struct Vector {
    int32_t lane[16];
  };
  static Vector load(const void* from) {
    Vector v;
    std::memcpy(&v, from, sizeof v);
    return v;
  }
  static Vector start(const int32_t* from) { return load(from); }
  static Vector broadcast(const void* from) {
    Vector v;
    for (int32_t& lane : v.lane) std::memcpy(&lane, from, sizeof lane);
    return v;
  }
  static void store(int32_t* to, const Vector& sum) { std::memcpy(to, &sum, sizeof sum); }
  static Vector dot(Vector sum, const Vector& x, const Vector& w) {
    for (int i = 0; i < 16; ++i)
      for (int b = 0; b < 4; ++b)
        sum.lane[i] += static_cast<uint8_t>(x.lane[i] >> (8 * b)) *
                       static_cast<int8_t>(static_cast<uint8_t>(w.lane[i] >> (8 * b)));
    return sum;
  }
  static void store_scaled(float* to, const Vector& sum, float row_scale, const float* col_scale) {
    for (int i = 0; i < 16; ++i)
      to[i] = static_cast<float>(sum.lane[i]) * (row_scale * col_scale[i]);
  }
};

TEST(VnniLoops, HaveTheDefinedBits) {
  static constexpr cpu::ProductKernels kernels{kVnniWidth, 4, multiply_vnni<Portable>};
  prove::InputStream inputs(12);
  cpu::ThreadPool pool(2);
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(fmt::format("{} rows by [{}, {}]", shape.rows, shape.out, shape.in));
    cpu::ExactProducts products(Weights::int8, pool, &kernels);
    const std::vector<float> x = awkward(inputs, shape.rows, shape.in);
    const prove::HostMatrix tensor({shape.out, shape.in}, inputs.normal(shape.out * shape.in, 0.1f),
                                   DType::bf16);
    const TensorView view = tensor.view();
    const std::vector<float> w = tensor.values();
    std::vector<float> y(static_cast<size_t>(shape.rows * shape.out));
    require(products.multiply(*take(products.pack({&view, 1})), x.data(), shape.rows, y.data()));
    for (int64_t r = 0; r < shape.rows; ++r)
      for (int64_t c = 0; c < shape.out; ++c)
        ASSERT_EQ(y[static_cast<size_t>(r * shape.out + c)],
                  defined(Weights::int8, &x[static_cast<size_t>(r * shape.in)],
                          &w[static_cast<size_t>(c * shape.in)], shape.in));
  }
}

}  // namespace
}  // namespace trinity::testing
