// Added tokens: fixed texts that stand for a single id each, found in literal text.
//
// Matching is leftmost, longest. The texts form a trie in flat arrays; candidates are found by
// their first byte (memchr when all texts share it), so text without added tokens is passed over
// quickly. A text is at most max_length bytes, which bounds the work at every position.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trinity {

class AddedTokens {
 public:
  static constexpr std::size_t max_length = 512;  // bytes of one added token

  struct Token {
    std::string content;  // not empty, at most max_length bytes
    std::int32_t id = 0;
  };
  struct Match {
    std::size_t begin = 0;
    std::size_t length = 0;
    std::int32_t id = 0;
  };

  AddedTokens() = default;
  /// `tokens`: contents and ids are unique.
  explicit AddedTokens(std::vector<Token> tokens);

  /// The first match that begins at or after `from`; the longest one there.
  std::optional<Match> find(std::string_view text, std::size_t from) const;

  std::optional<std::int32_t> id_of(std::string_view content) const;
  /// The text of the added token with this id, or null.
  const std::string* content_of(std::int32_t id) const;
  const std::vector<Token>& tokens() const { return tokens_; }

 private:
  struct Node {
    std::uint32_t first_edge = 0;
    std::uint32_t edge_count = 0;
    std::int32_t id = -1;  // of the token that ends here
  };
  struct Edge {
    unsigned char byte = 0;
    std::uint32_t target = 0;
  };

  void build_trie();
  std::size_t next_candidate(std::string_view text, std::size_t from) const;

  std::vector<Token> tokens_;         // sorted by content
  std::vector<std::uint32_t> by_id_;  // indices into tokens_, sorted by id
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;         // the edges of a node lie together, sorted by byte
  std::array<bool, 256> starts_{};  // whether a token begins with this byte
  int only_first_byte_ = -1;        // the one byte that all tokens begin with, else -1
};

}  // namespace trinity
