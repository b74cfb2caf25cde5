// Added tokens: fixed texts that stand for a single id each, found in literal text.
//
// Two sets are searched apart, as the `tokenizers` library does: tokens without the flag
// `normalized` in the text as it was given, then those with it in the NFC form of what lies
// between, where their own texts count in NFC form too. Matching is leftmost, longest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trinity::text {

/// A fixed text that was found.
struct TokenMatch {
  std::size_t begin = 0;
  std::size_t length = 0;
  std::int32_t id = 0;
};

/// Finds the longest of many texts. They form a trie in flat arrays; candidates are found by their
/// first byte (memchr when all texts share it), so text without any is passed over quickly.
class TokenTrie {
 public:
  TokenTrie() = default;
  /// Texts with their ids; the texts are unique and not empty.
  explicit TokenTrie(std::vector<std::pair<std::string, std::int32_t>> texts);

  bool empty() const { return nodes_.empty(); }
  /// The first match that begins at or after `from`; the longest one there.
  std::optional<TokenMatch> find(std::string_view text, std::size_t from) const;

 private:
  struct Node {
    std::uint32_t first_edge = 0;
    std::uint32_t edge_count = 0;
    std::int32_t id = -1;  // of the text that ends here
  };
  struct Edge {
    unsigned char byte = 0;
    std::uint32_t target = 0;
  };

  std::size_t next_candidate(std::string_view text, std::size_t from) const;

  std::vector<Node> nodes_;
  std::vector<Edge> edges_;         // the edges of a node lie together, sorted by byte
  std::array<bool, 256> starts_{};  // whether a text begins with this byte
  int only_first_byte_ = -1;        // the one byte that all texts begin with, else -1
};

class AddedTokens {
 public:
  static constexpr std::size_t max_length = 512;  // bytes of one added token; bounds the search

  struct Token {
    std::string content;  // not empty, at most max_length bytes
    std::int32_t id = 0;
    bool normalized = false;
  };
  using Match = TokenMatch;

  AddedTokens() = default;
  /// `tokens`: contents and ids are unique, and the NFC forms of the normalized ones.
  explicit AddedTokens(std::vector<Token> tokens);

  /// The first token without `normalized` at or after `from` in text as it was given.
  std::optional<Match> find(std::string_view text, std::size_t from) const {
    return as_given_.find(text, from);
  }
  bool has_normalized() const { return !normalized_.empty(); }
  /// The first token with `normalized` at or after `from` in text in NFC form.
  std::optional<Match> find_normalized(std::string_view nfc_text, std::size_t from) const {
    return normalized_.find(nfc_text, from);
  }

  std::optional<std::int32_t> id_of(std::string_view content) const;
  /// The text of the added token with this id, or null.
  const std::string* content_of(std::int32_t id) const;
  const std::vector<Token>& tokens() const { return tokens_; }

 private:
  std::vector<Token> tokens_;         // sorted by content
  std::vector<std::uint32_t> by_id_;  // indices into tokens_, sorted by id
  TokenTrie as_given_;
  TokenTrie normalized_;
};

}  // namespace trinity::text
