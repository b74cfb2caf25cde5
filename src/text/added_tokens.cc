#include "text/added_tokens.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "text/nfc.h"

namespace trinity::text {

TokenTrie::TokenTrie(std::vector<std::pair<std::string, std::int32_t>> texts) {
  if (texts.empty()) return;
  std::sort(texts.begin(), texts.end());
  for (const auto& [text, id] : texts) starts_[static_cast<unsigned char>(text[0])] = true;
  if (std::count(starts_.begin(), starts_.end(), true) == 1) {
    only_first_byte_ = static_cast<unsigned char>(texts[0].first[0]);
  }
  // Breadth first over ranges of the sorted texts that share a prefix of `depth` bytes.
  struct Range {
    std::size_t first;
    std::size_t last;
    std::size_t depth;
  };
  std::vector<Range> ranges{{0, texts.size(), 0}};
  nodes_.emplace_back();
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    auto [first, last, depth] = ranges[node];
    if (texts[first].first.size() == depth) nodes_[node].id = texts[first++].second;
    nodes_[node].first_edge = static_cast<std::uint32_t>(edges_.size());
    while (first < last) {
      const char byte = texts[first].first[depth];
      std::size_t end = first + 1;
      while (end < last && texts[end].first[depth] == byte) ++end;
      edges_.push_back(
          {static_cast<unsigned char>(byte), static_cast<std::uint32_t>(nodes_.size())});
      ranges.push_back({first, end, depth + 1});
      nodes_.emplace_back();
      first = end;
    }
    nodes_[node].edge_count = static_cast<std::uint32_t>(edges_.size()) - nodes_[node].first_edge;
  }
}

std::size_t TokenTrie::next_candidate(std::string_view text, std::size_t from) const {
  if (from >= text.size()) return text.size();
  if (only_first_byte_ >= 0) {
    const void* found = std::memchr(text.data() + from, only_first_byte_, text.size() - from);
    return found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data())
                 : text.size();
  }
  while (from < text.size() && !starts_[static_cast<unsigned char>(text[from])]) ++from;
  return from;
}

std::optional<TokenMatch> TokenTrie::find(std::string_view text, std::size_t from) const {
  if (empty()) return std::nullopt;
  for (std::size_t begin = next_candidate(text, from); begin < text.size();
       begin = next_candidate(text, begin + 1)) {
    std::optional<TokenMatch> longest;
    std::uint32_t node = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      const Edge* first = edges_.data() + nodes_[node].first_edge;
      const Edge* last = first + nodes_[node].edge_count;
      const Edge* edge = std::lower_bound(
          first, last, byte, [](const Edge& e, unsigned char wanted) { return e.byte < wanted; });
      if (edge == last || edge->byte != byte) break;
      node = edge->target;
      if (nodes_[node].id >= 0) longest = TokenMatch{begin, i + 1 - begin, nodes_[node].id};
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

AddedTokens::AddedTokens(std::vector<Token> tokens) : tokens_(std::move(tokens)) {
  std::sort(tokens_.begin(), tokens_.end(),
            [](const Token& a, const Token& b) { return a.content < b.content; });
  by_id_.resize(tokens_.size());
  std::iota(by_id_.begin(), by_id_.end(), 0u);
  std::sort(by_id_.begin(), by_id_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return tokens_[a].id < tokens_[b].id; });
  std::vector<std::pair<std::string, std::int32_t>> as_given, normalized;
  for (const Token& token : tokens_) {
    if (token.normalized) {
      normalized.emplace_back(nfc(token.content), token.id);
    } else {
      as_given.emplace_back(token.content, token.id);
    }
  }
  as_given_ = TokenTrie(std::move(as_given));
  normalized_ = TokenTrie(std::move(normalized));
}

std::optional<std::int32_t> AddedTokens::id_of(std::string_view content) const {
  const auto token =
      std::lower_bound(tokens_.begin(), tokens_.end(), content,
                       [](const Token& t, std::string_view wanted) { return t.content < wanted; });
  if (token == tokens_.end() || token->content != content) return std::nullopt;
  return token->id;
}

const std::string* AddedTokens::content_of(std::int32_t id) const {
  const auto entry = std::lower_bound(
      by_id_.begin(), by_id_.end(), id,
      [&](std::uint32_t i, std::int32_t wanted) { return tokens_[i].id < wanted; });
  if (entry == by_id_.end() || tokens_[*entry].id != id) return nullptr;
  return &tokens_[*entry].content;
}

}  // namespace trinity::text
