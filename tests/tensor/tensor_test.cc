// Views: overflow guards, unaligned reading, row slices and the search for NaN.
#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/bf16.h"
#include "tensor/tensor_bytes.h"

namespace trinity {
namespace {

using testing::bytes_of;
using testing::packed;

constexpr float infinity = std::numeric_limits<float>::infinity();

TEST(DTypes, have_names_that_read_back) {
  for (int i = 0; i < 13; ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(parse_dtype(dtype_name(dtype)).value(), dtype);
  }
  EXPECT_EQ(dtype_name(DType::bf16), "BF16");
  EXPECT_EQ(dtype_size(DType::f64) + dtype_size(DType::bf16) + dtype_size(DType::boolean), 11);
  for (const char* name : {"", "f32", "BF16 ", "F8_E4M3"}) {
    EXPECT_EQ(parse_dtype(name).error().tag, "unknown_dtype") << name;
  }
}

TEST(ElementCount, guards_against_overflow) {
  using Shape = std::vector<std::int64_t>;
  constexpr std::int64_t large = std::int64_t{1} << 32;
  constexpr std::int64_t max = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(element_count(Shape{}).value(), 1);
  EXPECT_EQ(element_count(Shape{10, 1024}).value(), 10240);
  EXPECT_EQ(element_count(Shape{max, 1}).value(), max);
  EXPECT_EQ(element_count(Shape{0, max}).value(), 0);
  for (const Shape& shape : {Shape{large, large}, Shape{max, 2}, Shape{-1}, Shape{2, -3},
                             Shape{large, large, 0}, Shape{max, max}}) {
    EXPECT_EQ(element_count(shape).error().tag, "shape_overflow") << shape_text(shape);
  }
  EXPECT_EQ(byte_count(DType::f32, Shape{max / 4}).value(), max / 4 * 4);
  EXPECT_EQ(byte_count(DType::f32, Shape{max / 4 + 1}).error().tag, "shape_overflow");
}

TEST(ToF32, reads_every_float_type_at_every_alignment) {
  const std::vector<float> expected = {1.5f, -2.0f, 0.0f, 0.25f};
  std::vector<std::uint16_t> bf16;
  std::vector<std::uint16_t> f16;
  for (const float value : expected) {
    bf16.push_back(bf16_from_f32(value));
    f16.push_back(f16_from_f32(value));
  }
  const std::vector<double> f64(expected.begin(), expected.end());
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const std::string prefix(shift, 'x');
    for (const auto& [dtype, payload] : {std::pair{DType::f32, packed(expected)},
                                         {DType::bf16, packed(bf16)},
                                         {DType::f16, packed(f16)},
                                         {DType::f64, packed(f64)}}) {
      const std::string text = prefix + payload;
      const TensorView view{dtype, {2, 2}, bytes_of(text).subspan(shift)};
      EXPECT_EQ(to_f32(view).value(), expected) << dtype_name(dtype) << " at " << shift;
      std::vector<float> row(2);
      ASSERT_TRUE(copy_row_f32(view, 1, row));
      EXPECT_EQ(row, (std::vector<float>{0.0f, 0.25f}));
    }
  }
}

TEST(ToF32, rounds_doubles_to_nearest_even) {
  const std::vector<double> values = {1.0 + 0x1p-24, 1.0 + 0x1p-23 + 0x1p-24, 1e300, 0.1};
  const std::string text = packed(values);
  const auto floats = to_f32({DType::f64, {4}, bytes_of(text)});
  ASSERT_TRUE(floats);
  EXPECT_EQ(*floats, (std::vector<float>{1.0f, 1.0f + 0x1p-22f, infinity, 0.1f}));
}

TEST(ToF32, refuses_integers_and_sizes_that_do_not_fit) {
  const std::string text(16, '\0');
  EXPECT_EQ(to_f32({DType::i32, {4}, bytes_of(text)}).error().tag, "unsupported_dtype");
  EXPECT_EQ(to_f32({DType::boolean, {16}, bytes_of(text)}).error().tag, "unsupported_dtype");
  EXPECT_EQ(to_f32({DType::f32, {5}, bytes_of(text)}).error().tag, "tensor_size_mismatch");
  EXPECT_EQ(to_f32({DType::f32, {3}, bytes_of(text)}).error().tag, "tensor_size_mismatch");
  std::vector<float> out(3);
  EXPECT_EQ(copy_f32({DType::f32, {4}, bytes_of(text)}, out).error().tag, "tensor_size_mismatch");
  EXPECT_EQ(to_f32({DType::f32, {0, 7}, {}}).value().size(), 0u);
}

TEST(RequireFinite, finds_the_one_bad_value_wherever_it_is) {
  constexpr std::int64_t count = 9000;  // more than two blocks of the search
  const auto check = [&](DType dtype, auto good, auto bad) {
    std::vector<decltype(good)> values(count, good);
    for (const std::size_t at : {0, 1, 4095, 4096, 8191, 8999}) {
      values[at] = bad;
      const std::string text = packed(values);
      const TensorView view{dtype, {count}, bytes_of(text)};
      const auto status = require_finite(view, "the.name");
      ASSERT_FALSE(status);
      EXPECT_EQ(status.error().tag, "non_finite_values");
      EXPECT_NE(status.error().message.find("the.name"), std::string::npos);
      EXPECT_NE(status.error().message.find("element " + std::to_string(at) + ";"),
                std::string::npos)
          << status.error().message;
      values[at] = good;
    }
    const std::string text = packed(values);
    EXPECT_TRUE(require_finite({dtype, {count}, bytes_of(text)}, "x")) << dtype_name(dtype);
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float bad : {nan, -nan, infinity, -infinity}) {
    check(DType::f32, -std::numeric_limits<float>::max(), bad);
    check(DType::bf16, bf16_from_f32(-3.0e38f), bf16_from_f32(bad));
    check(DType::f16, f16_from_f32(-65504.0f), f16_from_f32(bad));
    check(DType::f64, -1e38, static_cast<double>(bad));
  }
  check(DType::f64, 3.4028235e38, 3.5e38);  // finite, but infinite once it is an f32
  const std::string ones(16, '\xFF');
  EXPECT_TRUE(require_finite({DType::i64, {2}, bytes_of(ones)}, "integers"));
  EXPECT_EQ(require_finite({DType::f32, {5}, bytes_of(ones)}, "x").error().tag,
            "tensor_size_mismatch");
}

TEST(RowSlice, gives_exactly_the_asked_rows) {
  const std::string text = "aabbccddeeff";
  const TensorView view{DType::u8, {6, 2}, bytes_of(text)};
  for (std::int64_t start = 0; start < 6; ++start) {
    for (std::int64_t count = 1; start + count <= 6; ++count) {
      const auto slice = row_slice(view, start, count);
      ASSERT_TRUE(slice);
      EXPECT_EQ(slice->shape, (std::vector<std::int64_t>{count, 2}));
      EXPECT_EQ(testing::text_of(slice->bytes), text.substr(2 * start, 2 * count));
    }
  }
  const auto bf16 = row_slice({DType::bf16, {3, 2}, bytes_of(text)}, 1, 1);
  ASSERT_TRUE(bf16);
  EXPECT_EQ(bf16->dtype, DType::bf16);
  EXPECT_EQ(testing::text_of(bf16->bytes), "ccdd");
}

TEST(RowSlice, refuses_everything_else) {
  const std::string text(12, 'x');
  const TensorView view{DType::u8, {6, 2}, bytes_of(text)};
  constexpr std::int64_t max = std::numeric_limits<std::int64_t>::max();
  for (const auto& [start, count] : {std::pair<std::int64_t, std::int64_t>{0, 7},
                                     {6, 1},
                                     {-1, 1},
                                     {0, 0},
                                     {0, -1},
                                     {5, 2},
                                     {max, max},
                                     {1, max},
                                     {max, 1}}) {
    const auto slice = row_slice(view, start, count);
    ASSERT_FALSE(slice) << start << " " << count;
    EXPECT_EQ(slice.error().tag, "row_slice_out_of_range");
    EXPECT_TRUE(slice.error().message.starts_with("row slice"));
    EXPECT_NE(slice.error().message.find("exceeds tensor rows"), std::string::npos);
  }
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{12}, {3, 2, 2}, {}}) {
    const auto slice = row_slice({DType::u8, shape, bytes_of(text)}, 0, 1);
    EXPECT_EQ(slice.error().tag, "expected_rank_2");
    EXPECT_NE(slice.error().message.find("expected rank-2 safetensors tensor"), std::string::npos);
  }
  std::vector<float> out(2);
  EXPECT_EQ(copy_row_f32({DType::f32, {1, 3}, bytes_of(text)}, 1, out).error().tag,
            "row_out_of_range");
  EXPECT_EQ(copy_row_f32({DType::f32, {1, 3}, bytes_of(text)}, -1, out).error().tag,
            "row_out_of_range");
  EXPECT_EQ(copy_row_f32({DType::f32, {1, 3}, bytes_of(text)}, 0, out).error().tag,
            "tensor_size_mismatch");
}

}  // namespace
}  // namespace trinity
