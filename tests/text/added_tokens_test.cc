// Finding added tokens: leftmost, longest, against a search by definition.
#include "text/added_tokens.h"

#include <set>

#include "support.h"

namespace trinity {
namespace {

using testing::RandomText;

std::optional<text::AddedTokens::Match> find_by_definition(
    const std::vector<text::AddedTokens::Token>& tokens, const std::string& text,
    std::size_t from) {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    std::optional<text::AddedTokens::Match> longest;
    for (const auto& token : tokens) {
      if (text.compare(begin, token.content.size(), token.content) != 0) continue;
      if (!longest || token.content.size() > longest->length) {
        longest = text::AddedTokens::Match{begin, token.content.size(), token.id};
      }
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

TEST(AddedTokens, EqualsTheDefinitionOnRandomSets) {
  RandomText random(21);
  for (int round = 0; round < 3000; ++round) {
    // Half of the sets share their first byte, which takes the other candidate search.
    const std::string first = round % 2 ? "<" : "";
    std::set<std::string> contents;
    for (std::size_t i = random.below(6); i-- > 0;) {
      std::string content = first;
      for (std::size_t k = 1 + random.below(4); k-- > 0;) content += "<ab\xC3"[random.below(4)];
      contents.insert(content);
    }
    std::vector<text::AddedTokens::Token> tokens;
    for (const auto& content : contents) {
      tokens.push_back({content, static_cast<std::int32_t>(1000 - tokens.size())});
    }
    const text::AddedTokens added(tokens);
    for (int i = 0; i < 20; ++i) {
      std::string text;
      for (std::size_t k = random.below(20); k-- > 0;) text += "<ab\xC3"[random.below(4)];
      for (std::size_t from = 0; from <= text.size(); ++from) {
        const auto found = added.find(text, from);
        const auto expected = find_by_definition(tokens, text, from);
        ASSERT_EQ(found.has_value(), expected.has_value()) << text;
        if (!found) continue;
        ASSERT_EQ(found->begin, expected->begin) << text;
        ASSERT_EQ(found->length, expected->length) << text;
        ASSERT_EQ(found->id, expected->id) << text;
      }
    }
    for (const auto& token : tokens) {
      EXPECT_EQ(added.id_of(token.content), token.id);
      ASSERT_NE(added.content_of(token.id), nullptr);
      EXPECT_EQ(*added.content_of(token.id), token.content);
    }
    EXPECT_EQ(added.id_of("not there"), std::nullopt);
    EXPECT_EQ(added.content_of(7), nullptr);
  }
}

TEST(AddedTokens, NoneAreFoundInAnEmptySet) {
  EXPECT_FALSE(text::AddedTokens().find("<|im_end|>", 0));
  EXPECT_FALSE(text::AddedTokens(std::vector<text::AddedTokens::Token>{}).find("", 0));
}

}  // namespace
}  // namespace trinity
