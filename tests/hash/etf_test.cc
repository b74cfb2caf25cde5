// The canonical byte form, tag by tag, and the rule of its compressed variant.
#include "hash/etf.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace trinity::hash {
namespace {

std::string hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

// The encoding without its version byte, as hexadecimal digits.
std::string body(const Term& term) {
  const auto bytes = encode_term(term);
  EXPECT_TRUE(bytes) << bytes.error().message;
  if (!bytes) return {};
  EXPECT_EQ(static_cast<unsigned char>(bytes->front()), 131);
  return hex(bytes->substr(1));
}

std::string error_tag(const Term& term) {
  const auto bytes = encode_term(term);
  return bytes ? "no error" : bytes.error().tag;
}

TEST(Etf, EncodesStringsAndSymbols) {
  EXPECT_EQ(body(""), "6d00000000");
  EXPECT_EQ(body("é"), "6d00000002c3a9");
  EXPECT_EQ(body(std::string(300, 'a')).substr(0, 10), "6d0000012c");
  EXPECT_EQ(body(Symbol{"role"}), "7704726f6c65");
  EXPECT_EQ(body(Symbol{std::string(255, 'x')}).substr(0, 4), "77ff");
  EXPECT_EQ(error_tag(Symbol{std::string(256, 'x')}), "term_too_large_for_hash");
}

TEST(Etf, EncodesIntegersInTheSmallestForm) {
  EXPECT_EQ(body(0), "6100");
  EXPECT_EQ(body(255), "61ff");
  EXPECT_EQ(body(256), "6200000100");
  EXPECT_EQ(body(-1), "62ffffffff");
  EXPECT_EQ(body(std::int64_t{2147483647}), "627fffffff");
  EXPECT_EQ(body(std::int64_t{-2147483648}), "6280000000");
  EXPECT_EQ(body(std::int64_t{2147483648}), "6e040000000080");
  EXPECT_EQ(body(std::int64_t{-2147483649}), "6e040101000080");
  EXPECT_EQ(body(std::int64_t{1} << 40), "6e0600000000000001");
  EXPECT_EQ(body(std::numeric_limits<std::uint64_t>::max()), "6e0800ffffffffffffffff");
  EXPECT_EQ(body(std::numeric_limits<std::int64_t>::min()), "6e08010000000000000080");
  EXPECT_EQ(body(Integer{true, 0}), "6100");
}

TEST(Etf, EncodesFloatsBigEndianAndRefusesNonFiniteOnes) {
  EXPECT_EQ(body(1.5), "463ff8000000000000");
  EXPECT_EQ(body(-0.0), "468000000000000000");
  EXPECT_EQ(error_tag(std::nan("")), "non_finite_value");
  EXPECT_EQ(error_tag(List{std::numeric_limits<double>::infinity()}), "non_finite_value");
}

TEST(Etf, EncodesListsOfBytesAsByteStrings) {
  EXPECT_EQ(body(List{}), "6a");
  EXPECT_EQ(body(List{1, 8}), "6b00020108");
  EXPECT_EQ(body(List{0}), "6b000100");
  EXPECT_EQ(body(List{1, 256}),
            "6c000000026101"
            "6200000100"
            "6a");
  EXPECT_EQ(body(List{1, -1}),
            "6c000000026101"
            "62ffffffff"
            "6a");
  EXPECT_EQ(body(List{1, 2.0}),
            "6c000000026101"
            "464000000000000000"
            "6a");
  EXPECT_EQ(body(List{List{1}}),
            "6c00000001"
            "6b000101"
            "6a");
}

TEST(Etf, EndsTheByteStringFormAt65535Elements) {
  EXPECT_EQ(body(List(65535, Term(7))).substr(0, 8), "6bffff07");
  EXPECT_EQ(body(List(65536, Term(7))).substr(0, 14), "6c000100006107");
}

TEST(Etf, EncodesTuplesAndMapsInTheGivenOrder) {
  EXPECT_EQ(body(Tuple{{1, "a"}}),
            "6802"
            "6101"
            "6d0000000161");
  EXPECT_EQ(body(Tuple{}), "6800");
  EXPECT_EQ(error_tag(Tuple{List(256, Term(1))}), "term_too_large_for_hash");
  EXPECT_EQ(body(Map{{{"b", 1}, {"a", 2}}}),
            "7400000002"
            "6d0000000162"
            "6101"
            "6d0000000161"
            "6102");
  EXPECT_EQ(body(Map{}), "7400000000");
}

TEST(Etf, RefusesMapsWithoutADefinedOrder) {
  Map map;
  for (int i = 0; i < 32; ++i) map.entries.emplace_back(std::to_string(i), i);
  EXPECT_EQ(error_tag(map), "no error");
  map.entries.emplace_back("last", 32);
  EXPECT_EQ(error_tag(map), "map_too_large_for_hash");
  EXPECT_EQ(error_tag(List{List{map}}), "map_too_large_for_hash");
}

TEST(Etf, EncodesATensorAsShapeTypeAndRoundedValues) {
  EXPECT_EQ(body(FloatTensor{{1, 2}, {0.5, static_cast<double>(0.1f)}, 32, false}),
            body(Tuple{{Tuple{{1, 2}}, Tuple{{Symbol{"f"}, 32}}, List{0.5, 0.1000000015}}}));
  EXPECT_EQ(body(FloatTensor{{}, {2.0}, 16, true}),
            body(Tuple{{Tuple{}, Tuple{{Symbol{"bf"}, 16}}, List{2.0}}}));
}

TEST(Etf, RefusesEndlessNesting) {
  Term term = "innermost";
  for (int i = 0; i < kMaxTermDepth; ++i) term = List{std::move(term)};
  EXPECT_EQ(error_tag(term), "no error");
  EXPECT_EQ(error_tag(List{std::move(term)}), "term_too_deep_for_hash");
}

// What the compressed form must unpack to.
std::string unpack(const std::string& compressed) {
  std::uint32_t size = 0;
  for (int i = 2; i < 6; ++i) {
    size = size << 8 | static_cast<unsigned char>(compressed[static_cast<std::size_t>(i)]);
  }
  std::string plain(size, '\0');
  uLongf length = size;
  EXPECT_EQ(uncompress(reinterpret_cast<Bytef*>(plain.data()), &length,
                       reinterpret_cast<const Bytef*>(compressed.data()) + 6,
                       static_cast<uLong>(compressed.size() - 6)),
            Z_OK);
  EXPECT_EQ(length, size);
  return static_cast<char>(131) + plain;
}

TEST(EtfCompressed, LeavesTinyAndIncompressibleTermsPlain) {
  EXPECT_EQ(*encode_term_compressed(List{}), *encode_term(List{}));
  EXPECT_EQ(*encode_term_compressed(1), *encode_term(1));
  EXPECT_EQ(*encode_term_compressed("short"), *encode_term("short"));
}

TEST(EtfCompressed, ComparesTheStreamWithThePlainSizeLessSix) {
  // Runs of growing length pass through every difference between plain and deflated size.
  int at_the_boundary = 0;
  int below = 0;
  for (std::size_t length = 0; length < 80; ++length) {
    for (const std::string& text :
         {std::string(length, 'a'), "abcdefghij" + std::string(length, 'z'),
          std::string("xyz") + std::string(length, '-') + "!"}) {
      const std::string plain = *encode_term(text);
      uLongf size = compressBound(static_cast<uLong>(plain.size()));
      std::vector<Bytef> stream(size);
      ASSERT_EQ(compress2(stream.data(), &size, reinterpret_cast<const Bytef*>(plain.data()) + 1,
                          static_cast<uLong>(plain.size() - 1), 6),
                Z_OK);
      const std::string encoded = *encode_term_compressed(text);
      const auto saved = static_cast<std::int64_t>(plain.size()) - static_cast<std::int64_t>(size);
      if (saved >= 6) {
        EXPECT_EQ(static_cast<unsigned char>(encoded[1]), 80) << text;
        EXPECT_EQ(encoded.size(), size + 6);
        EXPECT_EQ(unpack(encoded), plain);
        if (saved == 6) ++at_the_boundary;
      } else {
        EXPECT_EQ(encoded, plain) << text;
        if (saved == 5) ++below;
      }
    }
  }
  EXPECT_GT(at_the_boundary, 0) << "no text of this test sits on the boundary";
  EXPECT_GT(below, 0) << "no text of this test sits just below the boundary";
}

TEST(EtfCompressed, LinkedZlibDeflatesAsThePublishedHashesNeed) {
  const auto status = check_deflate();
  EXPECT_TRUE(status) << status.error().message;
}

}  // namespace
}  // namespace trinity::hash
