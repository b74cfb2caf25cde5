// The generated tables against an exhaustive probe of the reference library.
#include "text/unicode_tables.h"

#include <set>

#include "support.h"

namespace trinity {
namespace {

using testing::conformance_path;
using text::unicode::SplitClass;

constexpr const char* classes_file = "hf_oracle/tokenizer/codepoint_classes.json";

std::set<std::uint32_t> members(const nlohmann::json& ranges) {
  std::set<std::uint32_t> result;
  for (const auto& range : ranges) {
    const auto first = std::stoul(range.at(0).get<std::string>(), nullptr, 16);
    const auto last = std::stoul(range.at(1).get<std::string>(), nullptr, 16);
    for (auto c = first; c <= last; ++c) result.insert(static_cast<std::uint32_t>(c));
  }
  return result;
}

bool is_surrogate(std::uint32_t c) { return c >= 0xD800 && c <= 0xDFFF; }

TEST(UnicodeTables, N2SplitClassOfEveryScalarValue) {
  TRINITY_REQUIRE_CONFORMANCE(classes_file);
  const auto classes = nlohmann::json::parse(testing::read_conformance(classes_file));
  std::vector<SplitClass> expected(0x110000, SplitClass::other);
  for (const auto c : members(classes.at("letter"))) expected[c] = SplitClass::letter;
  for (const auto c : members(classes.at("number"))) expected[c] = SplitClass::number;
  for (const auto c : members(classes.at("whitespace"))) expected[c] = SplitClass::space;
  std::size_t scalars = 0;
  std::size_t wrong = 0;
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    if (is_surrogate(c)) continue;
    ++scalars;
    if (text::unicode::split_class(c) != expected[c] && ++wrong <= 10)
      ADD_FAILURE() << std::hex << c;
  }
  EXPECT_EQ(scalars, 1112064u);
  EXPECT_EQ(wrong, 0u);
}

TEST(UnicodeTables, N2MarksYoungerThanUnicode9AreStarters) {
  TRINITY_REQUIRE_CONFORMANCE(classes_file);
  const auto classes = nlohmann::json::parse(testing::read_conformance(classes_file));
  const auto starters = members(classes.at("normalization_treated_as_starter"));
  EXPECT_GE(starters.size(), 188u);
  for (const auto c : starters) {
    EXPECT_EQ(text::unicode::combining_class(c), 0) << std::hex << c;
    EXPECT_EQ(text::unicode::property(c) &
                  (text::unicode::has_combining_class | text::unicode::may_change),
              0);
  }
  EXPECT_EQ(text::unicode::combining_class(0x0301), 230);
  EXPECT_EQ(text::unicode::combining_class(0x1DFB), 230);  // added in 9.0, the last one that counts
}

TEST(UnicodeTables, PropertyBitsAgreeWithTheOtherTables) {
  std::set<std::uint32_t> second;
  for (std::size_t i = 0; i < text::unicode::composition_count; ++i) {
    second.insert(static_cast<std::uint32_t>(text::unicode::composition_pairs[i]));
  }
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    const bool has_class = text::unicode::property(c) & text::unicode::has_combining_class;
    EXPECT_EQ(has_class, text::unicode::combining_class(c) != 0) << std::hex << c;
    const bool changes = text::unicode::property(c) & text::unicode::may_change;
    EXPECT_TRUE(changes || second.count(c) == 0) << std::hex << c;
  }
}

}  // namespace
}  // namespace trinity
