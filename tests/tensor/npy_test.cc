// npy files: the three header versions, the writer's exact bytes, and each refusal by name.
#include "tensor/npy.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/temporary_folder.h"
#include "tensor/tensor_bytes.h"

namespace trinity {
namespace {

using testing::bytes_of;
using testing::OwnedTensor;
using testing::packed;
using testing::TemporaryFolder;
using testing::text_of;

std::string npy(int major, const std::string& header, const std::string& payload, int minor = 0) {
  std::string file = "\x93NUMPY";
  file += static_cast<char>(major);
  file += static_cast<char>(minor);
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) {
    file += static_cast<char>(header.size() >> (8 * i));
  }
  return file + header + payload;
}

std::string fields(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

const std::string eight = packed(std::vector<double>{1.5});

TEST(Npy, reads_versions_1_to_3) {
  const std::string payload = packed(std::vector<double>{1.5, -2.5, 0.1});
  for (const int version : {1, 2, 3}) {
    const std::string file = npy(version, fields("'<f8'", "False", "(3,)"), payload);
    const auto view = parse_npy(bytes_of(file));
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_EQ(view->dtype, DType::f64);
    EXPECT_EQ(view->shape, (std::vector<std::int64_t>{3}));
    EXPECT_EQ(to_f32(*view).value(), (std::vector<float>{1.5f, -2.5f, 0.1f}));
  }
}

TEST(Npy, reads_headers_in_other_spellings) {
  for (const std::string header :
       {"{\"shape\":(1,),\"descr\":\"<f8\",\"fortran_order\":False}",
        "  { 'fortran_order' : False , 'shape' : ( 1 , ) , 'descr' : '<f8' }  \n",
        "{'descr':'<f8','fortran_order':False,'shape':(1,1)}",
        "{'descr':'<f8','fortran_order':False,'shape':()}"}) {
    const std::string file = npy(1, header, eight);
    const auto view = parse_npy(bytes_of(file));
    ASSERT_TRUE(view) << header << view.error().message;
    EXPECT_EQ(to_f32(*view).value(), std::vector<float>{1.5f});
  }
}

TEST(Npy, what_is_written_reads_back) {
  const TemporaryFolder folder;
  std::mt19937_64 random(10);
  std::size_t written = 0;
  for (int round = 0; round < 30; ++round) {
    for (const OwnedTensor& tensor : testing::random_tensors(random)) {
      const auto status = write_npy(folder / "a.npy", tensor.named().view);
      if (tensor.dtype == DType::bf16) {
        ASSERT_EQ(status.error().tag, "unsupported_dtype");
        continue;
      }
      ASSERT_TRUE(status) << status.error().message;
      auto opened = NpyFile::open(folder / "a.npy");
      ASSERT_TRUE(opened) << opened.error().message;
      const NpyFile file = std::move(*opened);
      EXPECT_EQ(file.view().dtype, tensor.dtype);
      EXPECT_EQ(file.view().shape, tensor.shape);
      EXPECT_EQ(text_of(file.view().bytes), tensor.bytes);
      ++written;
    }
  }
  EXPECT_GT(written, 30u);
}

TEST(NpyWriter, gives_the_bytes_of_numpy) {
  // numpy.save of numpy.array([1.5]) : 128 bytes before the payload.
  const std::string dictionary = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }";
  const std::string expected = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + dictionary +
                               std::string(118 - dictionary.size() - 1, ' ') + "\n";
  EXPECT_EQ(npy_header({DType::f64, {1}, bytes_of(eight)}).value(), expected);
  const auto matrix = npy_header({DType::f32, {10, 1024}, {}}).value();
  EXPECT_NE(matrix.find("'shape': (10, 1024), }"), std::string::npos);
  EXPECT_EQ(matrix.size() % 64, 0u);
  const auto scalar = npy_header({DType::f32, {}, {}}).value();
  EXPECT_NE(scalar.find("'shape': (), }"), std::string::npos);
}

TEST(NpyWriter, refuses_what_does_not_fit) {
  const TemporaryFolder folder;
  EXPECT_EQ(write_npy(folder / "a", {DType::f64, {2}, bytes_of(eight)}).error().tag,
            "tensor_size_mismatch");
  EXPECT_EQ(npy_header({DType::f64, {-1}, {}}).error().tag, "shape_overflow");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

struct Hostile {
  std::string name;
  std::string file;
  std::string tag;
};

void PrintTo(const Hostile& hostile, std::ostream* out) { *out << hostile.name; }

std::vector<Hostile> hostile_files() {
  const auto with_shape = [](const std::string& shape) {
    return npy(1, fields("'<f8'", "False", shape), eight);
  };
  const auto with_descr = [](const std::string& descr) {
    return npy(1, fields(descr, "False", "(1,)"), eight);
  };
  const std::string good = npy(1, fields("'<f8'", "False", "(1,)"), eight);
  std::string deep = "(";
  for (int i = 0; i < 65; ++i) deep += "1,";
  return {
      {"empty_file", "", "npy_truncated"},
      {"magic_only", good.substr(0, 6), "npy_truncated"},
      {"magic_cut", good.substr(0, 3), "npy_truncated"},
      {"length_cut", good.substr(0, 9), "npy_truncated"},
      {"version_2_length_cut", npy(2, "", "").substr(0, 11), "npy_truncated"},
      {"header_cut", good.substr(0, 40), "npy_truncated"},
      {"payload_cut", good.substr(0, good.size() - 1), "npy_truncated"},
      {"payload_missing", good.substr(0, good.size() - 8), "npy_truncated"},
      {"trailing_byte", good + "x", "npy_trailing_bytes"},
      {"other_magic", "\x93NUMPZ" + good.substr(6), "npy_not_npy"},
      {"zip_file", "PK\x03\x04 and so on", "npy_not_npy"},
      {"version_0", npy(0, "{}", ""), "npy_unsupported_version"},
      {"version_4", npy(4, "{}", ""), "npy_unsupported_version"},
      {"version_1_1", npy(1, fields("'<f8'", "False", "(1,)"), eight, 1),
       "npy_unsupported_version"},
      {"header_bomb", npy(2, std::string(70'000, ' '), ""), "npy_header_too_long"},
      {"header_length_all_ones", std::string("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF", 12),
       "npy_header_too_long"},
      {"big_endian", with_descr("'>f8'"), "npy_big_endian"},
      {"python_objects", with_descr("'|O'"), "npy_object_dtype"},
      {"records", with_descr("[('a', '<f4')]"), "unsupported_dtype"},
      {"complex_numbers", with_descr("'<c16'"), "unsupported_dtype"},
      {"text", with_descr("'<U2'"), "unsupported_dtype"},
      {"long_double", with_descr("'<f16'"), "unsupported_dtype"},
      {"fortran_order", npy(1, fields("'<f8'", "True", "(1,)"), eight), "npy_fortran_order"},
      {"order_is_a_number", npy(1, fields("'<f8'", "0", "(1,)"), eight), "npy_invalid_header"},
      {"descr_is_a_number", with_descr("8"), "npy_invalid_header"},
      {"descr_with_escape", with_descr("'<f8\\''"), "npy_invalid_header"},
      {"descr_without_end", with_descr("'<f8"), "npy_invalid_header"},
      {"shape_overflow", with_shape("(4294967296, 4294967296)"), "shape_overflow"},
      {"byte_overflow", with_shape("(1152921504606846976,)"), "shape_overflow"},
      {"dimension_beyond_64_bits", with_shape("(99999999999999999999,)"), "shape_overflow"},
      {"shape_negative", with_shape("(-1,)"), "npy_invalid_header"},
      {"shape_is_a_number", with_shape("1"), "npy_invalid_header"},
      {"shape_without_comma", with_shape("(1)"), "npy_invalid_header"},
      {"shape_of_a_comma", with_shape("(,)"), "npy_invalid_header"},
      {"shape_with_two_commas", with_shape("(1,,)"), "npy_invalid_header"},
      {"shape_without_commas", with_shape("(1 1)"), "npy_invalid_header"},
      {"shape_is_a_list", with_shape("[1]"), "npy_invalid_header"},
      {"shape_fraction", with_shape("(1.0,)"), "npy_invalid_header"},
      {"shape_without_end", npy(1, "{'shape': (1", eight), "npy_invalid_header"},
      {"rank_65", with_shape(deep + ")"), "npy_invalid_header"},
      {"empty_header", npy(1, "", ""), "npy_invalid_header"},
      {"empty_dictionary", npy(1, "{}", ""), "npy_invalid_header"},
      {"descr_missing", npy(1, "{'fortran_order': False, 'shape': (1,)}", eight),
       "npy_invalid_header"},
      {"unknown_key", npy(1, "{'x': False}", eight), "npy_invalid_header"},
      {"key_twice", npy(1, "{'descr': '<f8', 'descr': '<f8'}", eight), "npy_invalid_header"},
      {"no_comma_between", npy(1, "{'descr': '<f8' 'shape': (1,)}", eight), "npy_invalid_header"},
      {"text_after_the_dictionary", npy(1, fields("'<f8'", "False", "(1,)") + "x", eight),
       "npy_invalid_header"},
      {"python_code", npy(1, "__import__('os')", eight), "npy_invalid_header"},
  };
}

class HostileNpy : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileNpy, is_refused) {
  const std::vector<char> file(GetParam().file.begin(), GetParam().file.end());
  const auto view = parse_npy(std::as_bytes(std::span(file)));
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().tag, GetParam().tag) << view.error().message;
}

INSTANTIATE_TEST_SUITE_P(files, HostileNpy, ::testing::ValuesIn(hostile_files()),
                         [](const auto& test) { return test.param.name; });

TEST(DamagedNpy, is_refused_with_a_known_tag_or_read_correctly) {
  std::set<std::string> known = {"npy_not_npy", "npy_unsupported_version", "npy_header_too_long"};
  for (const Hostile& hostile : hostile_files()) known.insert(hostile.tag);
  std::mt19937_64 random(11);
  const std::string payload = packed(std::vector<double>{1, 2, 3, 4, 5, 6});
  std::size_t accepted = 0;
  for (int round = 0; round < 50000; ++round) {
    std::string text =
        npy(1 + static_cast<int>(random() % 3), fields("'<f8'", "False", "(2, 3)"), payload);
    for (std::uint64_t times = random() % 3 + 1; times > 0 && !text.empty(); --times) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] ^= static_cast<char>(1 << random() % 8);
          break;
        case 1:
          text.erase(at, random() % 3 + 1);
          break;
        case 2:
          text.insert(at, 1, "0123456789{}(),: '<>f"[random() % 21]);
          break;
        default:
          if (random() % 4 == 0) text.resize(at);
      }
    }
    const std::vector<char> file(text.begin(), text.end());
    const auto view = parse_npy(std::as_bytes(std::span(file)));
    if (!view) {
      ASSERT_TRUE(known.contains(view.error().tag)) << view.error().tag;
      continue;
    }
    ++accepted;
    // A correct reading covers the end of the file exactly with the bytes that the shape asks for.
    ASSERT_EQ(view->bytes.data() + view->bytes.size(),
              reinterpret_cast<const std::byte*>(file.data()) + file.size());
    ASSERT_EQ(byte_count(view->dtype, view->shape).value(),
              static_cast<std::int64_t>(view->bytes.size()));
    const auto values = to_f32(*view);
    ASSERT_TRUE(values || values.error().tag == "unsupported_dtype");
  }
  EXPECT_GT(accepted, 1000u);
}

TEST(NpyFile, names_the_file_that_is_wrong) {
  const TemporaryFolder folder;
  const auto file = NpyFile::open(folder.put("broken.npy", "junk"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().tag, "npy_not_npy");
  EXPECT_NE(file.error().message.find("broken.npy"), std::string::npos);
  EXPECT_EQ(NpyFile::open(folder / "absent").error().tag, "missing_file");
}

}  // namespace
}  // namespace trinity
