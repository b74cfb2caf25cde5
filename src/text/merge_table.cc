#include "text/merge_table.h"

#include <algorithm>
#include <bit>

namespace trinity::text {

MergeTable::MergeTable(const std::vector<MergeRule>& rules, std::uint32_t& duplicate) {
  slots_.assign(std::bit_ceil(rules.size() * 3 / 2 + 1), empty);
  mask_ = slots_.size() - 1;
  products_.reserve(rules.size());
  duplicate = no_rank;
  std::int32_t largest_id = 0;
  for (const MergeRule& rule : rules) {
    const auto rank = static_cast<std::uint32_t>(products_.size());
    products_.push_back(rule.product);
    largest_id = std::max({largest_id, rule.left, rule.right, rule.product});
    const std::uint64_t pair = pair_of(rule.left, rule.right);
    std::size_t position = hash_pair(pair) & mask_;
    while (slots_[position] != empty && slots_[position] >> rank_bits != pair) {
      position = (position + 1) & mask_;
    }
    if (slots_[position] == empty) {
      slots_[position] = pair << rank_bits | rank;
    } else if (duplicate == no_rank) {
      duplicate = rank;
    }
  }

  // The last rank that makes each token, plus one; 0 for tokens that no merge makes.
  std::vector<std::uint32_t> made_by(static_cast<std::size_t>(largest_id) + 1, 0);
  const auto made = [&](std::int32_t id) -> std::uint32_t& {
    return made_by[static_cast<std::size_t>(id)];
  };
  for (std::uint32_t rank = 0; rank < rules.size(); ++rank) made(rules[rank].product) = rank + 1;
  for (std::uint32_t rank = 0; rank < rules.size(); ++rank) {
    if (made(rules[rank].left) > rank || made(rules[rank].right) > rank) is_ordered_ = false;
  }
}

}  // namespace trinity::text
