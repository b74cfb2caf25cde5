// Valid files, damaged at random: each must be refused with a known tag or read correctly, which is
// judged by a second reading of the header with a general JSON library.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tensor/safetensors_header.h"
#include "tensor/tensor_bytes.h"

namespace trinity {
namespace {

using nlohmann::json;
using testing::bytes_of;
using testing::length_bytes;

const std::set<std::string>& known_tags() {
  static const std::set<std::string> tags = {"safetensors_truncated",
                                             "safetensors_header_too_long",
                                             "safetensors_offsets_out_of_range",
                                             "safetensors_size_mismatch",
                                             "safetensors_overlap",
                                             "safetensors_gap",
                                             "safetensors_trailing_bytes",
                                             "invalid_header_json",
                                             "invalid_header_entry",
                                             "invalid_utf8",
                                             "json_too_deep",
                                             "duplicate_key",
                                             "shape_overflow"};
  return tags;
}

std::string valid_file(std::mt19937_64& random) {
  const auto owned = testing::random_tensors(random);
  auto tensors = testing::named(owned);
  std::sort(tensors.begin(), tensors.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  std::string file = safetensors_header(tensors).value();
  for (const auto& tensor : tensors) file += testing::text_of(tensor.view.bytes);
  return file;
}

std::string damaged_header(std::string header, std::mt19937_64& random) {
  const std::size_t at = random() % header.size();
  switch (random() % 7) {
    case 0:
      header[at] = static_cast<char>(header[at] ^ (1 << random() % 8));
      break;
    case 1: {  // one digit of a shape or an offset
      const std::size_t digit = header.find_first_of("0123456789", at);
      if (digit != std::string::npos) header[digit] = static_cast<char>('0' + random() % 10);
      break;
    }
    case 2: {  // a huge number
      const std::size_t digit = header.find_first_of("0123456789", at);
      if (digit != std::string::npos) header.insert(digit, random() % 20 + 1, '9');
      break;
    }
    case 3:
      header.insert(at, 1, "0123456789{}[]:,\"\\ "[random() % 19]);
      break;
    case 4:
      header.erase(at, random() % 4 + 1);
      break;
    case 5: {  // the first entry twice
      const std::size_t end = header.find("]},");
      if (end != std::string::npos) header.insert(1, header.substr(1, end + 2));
      break;
    }
    default:  // another place's text
      header.insert(at, header.substr(random() % header.size(), random() % 20));
  }
  return header;
}

std::string damaged(const std::string& file, std::mt19937_64& random) {
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, file.data(), 8);
  std::string header = file.substr(8, header_size);
  for (std::uint64_t times = random() % 3; times > 0 && !header.empty(); --times) {
    header = damaged_header(std::move(header), random);
  }
  // Mostly the length field follows, so that the header itself is put to the test.
  const std::uint64_t claimed = random() % 8 == 0 ? header_size : header.size();
  std::string text = length_bytes(claimed) + header + file.substr(8 + header_size);
  if (random() % 8 == 0) text[random() % 8] = static_cast<char>(random());
  if (random() % 8 == 0) text[random() % text.size()] ^= static_cast<char>(1 << random() % 8);
  if (random() % 8 == 0) text.resize(random() % text.size());
  if (random() % 8 == 0) text += std::string(random() % 4, 'x');
  return text;
}

/// What a general JSON library says about an accepted file.
void check_against_json(std::string_view file, const SafetensorsHeader& header) {
  std::uint64_t size = 0;
  std::memcpy(&size, file.data(), 8);
  const json document = json::parse(file.substr(8, size));
  ASSERT_EQ(document.size(), header.tensors.size() + document.count("__metadata__"));
  std::size_t covered = 0;
  for (const TensorInfo& tensor : header.tensors) {
    const json& entry = document.at(tensor.name);
    ASSERT_EQ(entry.at("dtype"), tensor.dtype_name);
    ASSERT_EQ(entry.at("shape").get<std::vector<std::int64_t>>(), tensor.shape);
    const std::uint64_t begin = entry.at("data_offsets").at(0);
    const std::uint64_t end = entry.at("data_offsets").at(1);
    ASSERT_EQ(tensor.offset, 8 + size + begin);
    ASSERT_EQ(tensor.size, end - begin);
    ASSERT_LE(tensor.offset + tensor.size, file.size());
    covered += tensor.size;
    if (!tensor.dtype) continue;
    const TensorView view{*tensor.dtype, tensor.shape,
                          bytes_of(file).subspan(tensor.offset, tensor.size)};
    const auto values = to_f32(view);
    ASSERT_TRUE(values || values.error().tag == "unsupported_dtype");
    ASSERT_TRUE(require_finite(view, "x") ||
                require_finite(view, "x").error().tag == "non_finite_values");
  }
  ASSERT_EQ(8 + size + covered, file.size());
}

TEST(DamagedSafetensors, is_refused_with_a_known_tag_or_read_correctly) {
  std::mt19937_64 random(8);
  std::set<std::string> seen;
  std::size_t accepted = 0;
  for (int round = 0; round < 30000; ++round) {
    const std::string valid = valid_file(random);
    ASSERT_TRUE(parse_safetensors_header(bytes_of(valid)));
    const std::string text = damaged(valid, random);
    const std::vector<char> file(text.begin(), text.end());  // exact size on the heap
    const std::string_view view(file.data(), file.size());
    const auto header = parse_safetensors_header(bytes_of(view));
    if (header) {
      ++accepted;
      ASSERT_NO_FATAL_FAILURE(check_against_json(view, *header)) << ::testing::PrintToString(text);
    } else {
      ASSERT_TRUE(known_tags().contains(header.error().tag)) << header.error().tag;
      seen.insert(header.error().tag);
    }
  }
  EXPECT_GT(accepted, 300u) << "damage to the payload or to names leaves a valid file";
  std::set<std::string> unseen = known_tags();
  for (const std::string& tag : seen) unseen.erase(tag);
  unseen.erase("json_too_deep");  // beyond the reach of random damage
  EXPECT_TRUE(unseen.empty()) << ::testing::PrintToString(unseen);
}

TEST(DamagedSafetensors, is_refused_at_every_cut) {
  std::mt19937_64 random(9);
  std::string file;
  while (file.size() < 300) file = valid_file(random);
  for (std::size_t size = 0; size < file.size(); ++size) {
    const std::vector<char> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_FALSE(parse_safetensors_header(std::as_bytes(std::span(cut)))) << size;
  }
}

}  // namespace
}  // namespace trinity
