#include "text/added_tokens.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace trinity {

AddedTokens::AddedTokens(std::vector<Token> tokens) : tokens_(std::move(tokens)) {
  std::sort(tokens_.begin(), tokens_.end(),
            [](const Token& a, const Token& b) { return a.content < b.content; });
  by_id_.resize(tokens_.size());
  std::iota(by_id_.begin(), by_id_.end(), 0u);
  std::sort(by_id_.begin(), by_id_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return tokens_[a].id < tokens_[b].id; });
  for (const Token& token : tokens_) starts_[static_cast<unsigned char>(token.content[0])] = true;
  if (std::count(starts_.begin(), starts_.end(), true) == 1) {
    only_first_byte_ = static_cast<unsigned char>(tokens_[0].content[0]);
  }
  if (!tokens_.empty()) build_trie();
}

void AddedTokens::build_trie() {
  // Breadth first over ranges of the sorted tokens that share a prefix of `depth` bytes.
  struct Range {
    std::size_t first;
    std::size_t last;
    std::size_t depth;
  };
  std::vector<Range> ranges{{0, tokens_.size(), 0}};
  nodes_.emplace_back();
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    auto [first, last, depth] = ranges[node];
    if (tokens_[first].content.size() == depth) nodes_[node].id = tokens_[first++].id;
    nodes_[node].first_edge = static_cast<std::uint32_t>(edges_.size());
    while (first < last) {
      const char byte = tokens_[first].content[depth];
      std::size_t end = first + 1;
      while (end < last && tokens_[end].content[depth] == byte) ++end;
      edges_.push_back(
          {static_cast<unsigned char>(byte), static_cast<std::uint32_t>(nodes_.size())});
      ranges.push_back({first, end, depth + 1});
      nodes_.emplace_back();
      first = end;
    }
    nodes_[node].edge_count = static_cast<std::uint32_t>(edges_.size()) - nodes_[node].first_edge;
  }
}

std::size_t AddedTokens::next_candidate(std::string_view text, std::size_t from) const {
  if (from >= text.size()) return text.size();
  if (only_first_byte_ >= 0) {
    const void* found = std::memchr(text.data() + from, only_first_byte_, text.size() - from);
    return found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data())
                 : text.size();
  }
  while (from < text.size() && !starts_[static_cast<unsigned char>(text[from])]) ++from;
  return from;
}

std::optional<AddedTokens::Match> AddedTokens::find(std::string_view text, std::size_t from) const {
  if (tokens_.empty()) return std::nullopt;
  for (std::size_t begin = next_candidate(text, from); begin < text.size();
       begin = next_candidate(text, begin + 1)) {
    std::optional<Match> longest;
    std::uint32_t node = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      const Edge* first = edges_.data() + nodes_[node].first_edge;
      const Edge* last = first + nodes_[node].edge_count;
      const Edge* edge = std::lower_bound(
          first, last, byte, [](const Edge& e, unsigned char wanted) { return e.byte < wanted; });
      if (edge == last || edge->byte != byte) break;
      node = edge->target;
      if (nodes_[node].id >= 0) longest = Match{begin, i + 1 - begin, nodes_[node].id};
    }
    if (longest) return longest;
  }
  return std::nullopt;
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

}  // namespace trinity
