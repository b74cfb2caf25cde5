// The merges of a byte-pair encoding: (left id, right id) -> rank, and rank -> id of the product.
//
// An open-addressing table with linear probing. A slot is one 64-bit number, the pair in its upper
// 40 bits and the rank in its lower 24, so the whole table of a 150,000-token vocabulary is 2 MiB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "text/byte_hash.h"

namespace trinity::text {

/// Two tokens and the token they merge to.
struct MergeRule {
  std::int32_t left = 0;
  std::int32_t right = 0;
  std::int32_t product = 0;
};

class MergeTable {
 public:
  static constexpr std::uint32_t no_rank = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t max_rules = (1 << 24) - 1;

  MergeTable() = default;
  /// `rules` in rank order, at most max_rules, ids below Vocabulary::id_bound. The first rule of a
  /// pair counts; `duplicate` is the rank of the first rule whose pair was listed before, else
  /// no_rank.
  MergeTable(const std::vector<MergeRule>& rules, std::uint32_t& duplicate);

  /// The rank of the merge of two neighbouring tokens (lower ranks merge first), or no_rank.
  std::uint32_t rank(std::int32_t left, std::int32_t right) const {
    const std::uint64_t pair = pair_of(left, right);
    std::size_t position = hash_pair(pair) & mask_;
    while (true) {
      const std::uint64_t slot = slots_[position];
      if (slot >> rank_bits == pair) return static_cast<std::uint32_t>(slot & rank_mask);
      if (slot == empty) return no_rank;
      position = (position + 1) & mask_;
    }
  }
  std::int32_t product(std::uint32_t rank) const { return products_[rank]; }

  /// Whether every merge is listed after all merges that make its two parts, as in every trained
  /// table. Ranks then only grow while a piece is merged.
  bool is_ordered() const { return is_ordered_; }

 private:
  static constexpr unsigned rank_bits = 24;
  static constexpr unsigned id_bits = 20;
  static constexpr std::uint64_t rank_mask = (1 << rank_bits) - 1;
  static constexpr std::uint64_t empty = std::numeric_limits<std::uint64_t>::max();

  static std::uint64_t pair_of(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << id_bits |
           static_cast<std::uint32_t>(right);
  }

  std::vector<std::uint64_t> slots_{empty};  // power of two, at most two thirds full
  std::size_t mask_ = 0;
  std::vector<std::int32_t> products_;  // [rank]
  bool is_ordered_ = true;
};

}  // namespace trinity::text
