// Each way in which a safetensors header can be wrong, by name, with the tag that it must get.
#include "tensor/safetensors_header.h"

#include <gtest/gtest.h>

#include "tensor/tensor_bytes.h"

namespace trinity {
namespace {

using testing::bytes_of;
using testing::length_bytes;
using testing::safetensors_text;

struct HostileHeaderFile {
  std::string name;
  std::string file;
  std::string tag;
};

void PrintTo(const HostileHeaderFile& hostile, std::ostream* out) { *out << hostile.name; }

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":[)" + shape + R"(],"data_offsets":[)" + offsets +
         "]}";
}

/// A file with one tensor `a` described by these parts and this many payload bytes.
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets,
                std::size_t payload) {
  return safetensors_text(R"({"a":)" + entry(dtype, shape, offsets) + "}",
                          std::string(payload, 'x'));
}

/// A file of U8 vectors a, b, c, ... at these offsets.
std::string layout(const std::vector<std::pair<int, int>>& spans, std::size_t payload) {
  std::string header = "{";
  char name = 'a';
  for (const auto& [begin, end] : spans) {
    if (header.size() > 1) header += ",";
    header += '"';
    header += name++;
    header += "\":" + entry("U8", std::to_string(end - begin),
                            std::to_string(begin) + "," + std::to_string(end));
  }
  return safetensors_text(header + "}", std::string(payload, 'x'));
}

std::string raw(const std::string& header) { return safetensors_text(header, "xxxx"); }

std::string many_dimensions(int rank) {
  std::string shape = "1";
  for (int i = 1; i < rank; ++i) shape += ",1";
  return one("U8", shape, "0,1", 1);
}

std::vector<HostileHeaderFile> hostile_headers() {
  const std::string good = entry("U8", "4", "0,4");
  const std::string max = "9223372036854775807";
  return {
      {"empty_file", "", "safetensors_truncated"},
      {"seven_bytes", std::string(7, '\0'), "safetensors_truncated"},
      {"length_only", length_bytes(0), "invalid_header_json"},
      {"header_beyond_the_file", length_bytes(100) + "{}", "safetensors_truncated"},
      {"header_one_byte_short", length_bytes(3) + "{}", "safetensors_truncated"},
      {"header_of_100_MB_and_1", length_bytes(100'000'001) + "{}", "safetensors_header_too_long"},
      {"header_length_all_ones", std::string(8, '\xFF') + "{}", "safetensors_header_too_long"},
      {"header_length_sign_bit", length_bytes(std::uint64_t{1} << 63) + "{}",
       "safetensors_header_too_long"},
      {"no_json", raw("hello"), "invalid_header_json"},
      {"json_cut", raw(R"({"a":{"dtype")"), "invalid_header_json"},
      {"two_documents", raw("{} {}"), "invalid_header_json"},
      {"padding_of_nul_bytes", raw(R"({"a":)" + good + "}" + std::string(3, '\0')),
       "invalid_header_json"},
      {"not_a_number", raw(R"({"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,4]}})"),
       "invalid_header_json"},
      {"invalid_utf8_name", raw("{\"\xC0\xAF\":" + good + "}"), "invalid_utf8"},
      {"depth_bomb", raw(R"({"a":{"x":)" + std::string(100'000, '[')), "json_too_deep"},
      {"depth_bomb_of_objects", raw([] {
         std::string text = R"({"a":)";
         for (int i = 0; i < 1000; ++i) text += R"({"x":)";
         return text;
       }()),
       "json_too_deep"},
      {"array_on_top", raw("[]"), "invalid_header_entry"},
      {"string_on_top", raw("\"a\""), "invalid_header_entry"},
      {"number_on_top", raw("7"), "invalid_header_entry"},
      {"null_on_top", raw("null"), "invalid_header_entry"},
      {"entry_is_a_number", raw(R"({"a":7})"), "invalid_header_entry"},
      {"entry_is_a_string", raw(R"({"a":"U8"})"), "invalid_header_entry"},
      {"entry_is_an_array", raw(R"({"a":[]})"), "invalid_header_entry"},
      {"entry_is_empty", raw(R"({"a":{}})"), "invalid_header_entry"},
      {"dtype_missing", raw(R"({"a":{"shape":[4],"data_offsets":[0,4]}})"), "invalid_header_entry"},
      {"shape_missing", raw(R"({"a":{"dtype":"U8","data_offsets":[0,4]}})"),
       "invalid_header_entry"},
      {"offsets_missing", raw(R"({"a":{"dtype":"U8","shape":[4]}})"), "invalid_header_entry"},
      {"dtype_is_a_number", raw(R"({"a":{"dtype":8,"shape":[4],"data_offsets":[0,4]}})"),
       "invalid_header_entry"},
      {"dtype_is_an_object", raw(R"({"a":{"dtype":{},"shape":[4],"data_offsets":[0,4]}})"),
       "invalid_header_entry"},
      {"shape_is_a_number", raw(R"({"a":{"dtype":"U8","shape":4,"data_offsets":[0,4]}})"),
       "invalid_header_entry"},
      {"shape_is_an_object", raw(R"({"a":{"dtype":"U8","shape":{},"data_offsets":[0,4]}})"),
       "invalid_header_entry"},
      {"shape_is_nested", raw(R"({"a":{"dtype":"U8","shape":[[4]],"data_offsets":[0,4]}})"),
       "invalid_header_entry"},
      {"shape_of_strings", raw(R"({"a":{"dtype":"U8","shape":["4"],"data_offsets":[0,4]}})"),
       "invalid_header_entry"},
      {"shape_negative", one("U8", "-4", "0,4", 4), "invalid_header_entry"},
      {"shape_fraction", one("U8", "4.0", "0,4", 4), "invalid_header_entry"},
      {"shape_exponent", one("U8", "4e0", "0,4", 4), "invalid_header_entry"},
      {"shape_null", one("U8", "null", "0,4", 4), "invalid_header_entry"},
      {"rank_65", many_dimensions(65), "invalid_header_entry"},
      {"offsets_negative", one("U8", "4", "-1,3", 4), "invalid_header_entry"},
      {"offsets_beyond_64_bits", one("U8", "4", "0,18446744073709551616", 4),
       "invalid_header_entry"},
      {"one_offset", one("U8", "4", "4", 4), "invalid_header_entry"},
      {"no_offsets", one("U8", "4", "", 4), "invalid_header_entry"},
      {"three_offsets", one("U8", "4", "0,4,8", 8), "invalid_header_entry"},
      {"metadata_number", raw(R"({"__metadata__":{"x":1}})"), "invalid_header_entry"},
      {"metadata_nested", raw(R"({"__metadata__":{"x":{}}})"), "invalid_header_entry"},
      {"metadata_array", raw(R"({"__metadata__":[]})"), "invalid_header_entry"},
      {"metadata_null", raw(R"({"__metadata__":null})"), "invalid_header_entry"},
      {"tensor_twice", raw(R"({"a":)" + good + R"(,"a":)" + entry("U8", "0", "4,4") + "}"),
       "duplicate_key"},
      {"tensor_twice_by_escape",
       raw(R"({"a":)" + good + R"(,"\u0061":)" + entry("U8", "0", "4,4") + "}"), "duplicate_key"},
      {"metadata_twice", raw(R"({"__metadata__":{},"__metadata__":{}})"), "duplicate_key"},
      {"metadata_key_twice", raw(R"({"__metadata__":{"x":"1","x":"2"}})"), "duplicate_key"},
      {"dtype_twice", raw(R"({"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}})"),
       "duplicate_key"},
      {"offsets_twice",
       raw(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"data_offsets":[0,4]}})"),
       "duplicate_key"},
      {"product_overflow", one("U8", "4294967296,4294967296", "0,0", 0), "shape_overflow"},
      {"product_overflow_to_a_small_number", one("U8", max + ",2", "0,4", 4), "shape_overflow"},
      {"product_overflow_before_a_zero", one("U8", max + ",2,0", "0,0", 0), "shape_overflow"},
      {"byte_size_overflow", one("F64", "1152921504606846976", "0,0", 0), "shape_overflow"},
      {"dimension_beyond_i64", one("U8", "9223372036854775808", "0,4", 4), "shape_overflow"},
      {"dimension_beyond_u64", one("U8", "99999999999999999999", "0,4", 4), "shape_overflow"},
      {"unknown_dtype_overflow", one("F8_E4M3", max + "," + max, "0,4", 4), "shape_overflow"},
      {"end_beyond_the_payload", one("U8", "5", "0,5", 4), "safetensors_offsets_out_of_range"},
      {"payload_cut", one("F32", "10", "0,40", 39), "safetensors_offsets_out_of_range"},
      {"begin_beyond_the_payload", one("U8", "0", "5,5", 4), "safetensors_offsets_out_of_range"},
      {"offsets_reversed", one("U8", "4", "4,0", 4), "safetensors_offsets_out_of_range"},
      {"offsets_huge", one("F8_E4M3", "4", "18446744073709551615,18446744073709551615", 4),
       "safetensors_offsets_out_of_range"},
      {"end_huge", one("F8_E4M3", "4", "0,18446744073709551615", 4),
       "safetensors_offsets_out_of_range"},
      {"size_too_small_for_the_shape", one("F32", "2", "0,4", 4), "safetensors_size_mismatch"},
      {"size_too_large_for_the_shape", one("F32", "1", "0,8", 8), "safetensors_size_mismatch"},
      {"scalar_of_no_bytes", one("F32", "", "0,0", 0), "safetensors_size_mismatch"},
      {"overlap_of_one_byte", layout({{0, 4}, {3, 6}}, 6), "safetensors_overlap"},
      {"same_place_twice", layout({{0, 4}, {0, 4}}, 4), "safetensors_overlap"},
      {"one_inside_another", layout({{0, 8}, {2, 4}}, 8), "safetensors_overlap"},
      {"empty_tensor_inside_another", layout({{0, 8}, {2, 2}}, 8), "safetensors_overlap"},
      {"gap_at_the_start", layout({{1, 4}}, 4), "safetensors_gap"},
      {"gap_in_the_middle", layout({{0, 4}, {5, 8}}, 8), "safetensors_gap"},
      {"bytes_after_the_last_tensor", layout({{0, 4}}, 5), "safetensors_trailing_bytes"},
      {"payload_without_tensors", safetensors_text("{}", "x"), "safetensors_trailing_bytes"},
  };
}

class HostileHeader : public ::testing::TestWithParam<HostileHeaderFile> {};

TEST_P(HostileHeader, is_refused) {
  // Exactly as many heap bytes as the file has, so that a sanitizer sees any read beyond.
  const std::vector<char> file(GetParam().file.begin(), GetParam().file.end());
  const auto header = parse_safetensors_header(std::as_bytes(std::span(file)));
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().tag, GetParam().tag) << header.error().message;
  EXPECT_EQ(header.error().kind, ErrorKind::invalid_input);
}

INSTANTIATE_TEST_SUITE_P(files, HostileHeader, ::testing::ValuesIn(hostile_headers()),
                         [](const auto& test) { return test.param.name; });

SafetensorsHeader accepted(const std::string& file) {
  auto header = parse_safetensors_header(bytes_of(file));
  EXPECT_TRUE(header) << header.error().message;
  return header ? *header : SafetensorsHeader{};
}

TEST(SafetensorsHeader, takes_keys_in_any_order_padding_and_unknown_keys) {
  const auto header = accepted(raw(
      R"( {"b":{"data_offsets":[0,4],"dtype":"F32","shape":[],"note":[{"dtype":[1.5,null,"x"]},[]]},)"
      R"("__metadata__":{"format":"pt","shape":"x"},"a":{"shape":[0,7],"data_offsets":[4,4],)"
      R"("extra":null,"dtype":"I64"}}    )"));
  ASSERT_EQ(header.tensors.size(), 2u);
  EXPECT_EQ(header.tensors[0].name, "a");
  EXPECT_EQ(header.tensors[0].shape, (std::vector<std::int64_t>{0, 7}));
  EXPECT_EQ(header.tensors[0].size, 0u);
  EXPECT_EQ(header.tensors[1].name, "b");
  EXPECT_EQ(header.tensors[1].dtype, DType::f32);
  EXPECT_EQ(header.tensors[1].size, 4u);
  EXPECT_EQ(header.metadata,
            (std::map<std::string, std::string>{{"format", "pt"}, {"shape", "x"}}));
}

TEST(SafetensorsHeader, gives_offsets_from_the_start_of_the_file) {
  const std::string file = layout({{0, 1}, {3, 6}, {1, 3}}, 6);
  const auto header = accepted(file);
  ASSERT_EQ(header.tensors.size(), 3u);
  EXPECT_EQ(header.tensors[0].offset, file.size() - 6);
  EXPECT_EQ(header.tensors[1].offset, file.size() - 3);
  EXPECT_EQ(header.tensors[2].offset, file.size() - 5);
}

TEST(SafetensorsHeader, takes_a_file_without_tensors) {
  EXPECT_TRUE(accepted(safetensors_text("{}", "")).tensors.empty());
  EXPECT_TRUE(accepted(safetensors_text(R"({"__metadata__":{}})", "")).tensors.empty());
}

TEST(SafetensorsHeader, takes_rank_64_and_unknown_types) {
  EXPECT_EQ(accepted(many_dimensions(64)).tensors.at(0).shape.size(), 64u);
  const auto unknown = accepted(one("F8_E4M3", "4", "0,4", 4));
  EXPECT_FALSE(unknown.tensors.at(0).dtype);
  EXPECT_EQ(unknown.tensors.at(0).dtype_name, "F8_E4M3");
}

}  // namespace
}  // namespace trinity
