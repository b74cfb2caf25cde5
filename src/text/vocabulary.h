// The base vocabulary: token bytes by id and ids by token bytes.
//
// All token bytes lie in one block; an open-addressing table with linear probing, at most half
// full, maps bytes to ids. A slot keeps 32 bits of the hash, so a miss rarely touches the block.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::text {

class Vocabulary {
 public:
  /// Ids must be below this bound, so that a hostile file cannot ask for a huge table.
  static constexpr std::int32_t id_bound = 1 << 20;
  static constexpr std::int32_t none = -1;

  void reserve(std::size_t token_count, std::size_t byte_count);
  /// Adds a token before `build_index`. Error: `invalid_tokenizer` (id out of range or taken, empty
  /// token).
  Status add(std::string_view bytes, std::int64_t id);
  /// Builds the table. Error: `invalid_tokenizer` if two tokens have the same bytes.
  Status build_index();

  /// The id of the token with these bytes, or `none`.
  std::int32_t find(std::string_view bytes) const;
  bool defines(std::int32_t id) const {
    return id >= 0 && static_cast<std::size_t>(id) < entries_.size() &&
           entries_[index(id)].length != 0;
  }
  /// Bytes of a defined token.
  std::string_view bytes(std::int32_t id) const {
    const Entry& entry = entries_[index(id)];
    return {block_.data() + entry.offset, entry.length};
  }
  /// One more than the largest id.
  std::int32_t id_end() const { return static_cast<std::int32_t>(entries_.size()); }
  std::size_t size() const { return added_.size(); }

 private:
  struct Entry {
    std::uint32_t offset = 0;
    std::uint32_t length = 0;  // 0: no token has this id
  };
  struct Slot {
    std::uint32_t tag = 0;
    std::int32_t id = none;
  };

  static std::size_t index(std::int32_t id) { return static_cast<std::size_t>(id); }

  std::string block_;
  std::vector<Entry> entries_;       // [id_end]
  std::vector<std::int32_t> added_;  // ids in the order of `add`
  std::vector<Slot> slots_;          // power of two
  std::size_t mask_ = 0;
};

}  // namespace trinity::text
