// The merging of long pieces: the heap and the rounds of text/bpe.h.
//
// Both keep the tokens in a doubly linked list laid over the positions of the piece. A token lives
// at the position of its first byte. `ranks[p]` is the rank of the pair that begins at p, no_rank
// if it has none or if p has been swallowed; queue entries that disagree with it are stale and
// skipped.
#include <algorithm>
#include <functional>
#include <map>
#include <queue>

#include "text/bpe.h"

namespace trinity::text {

namespace {

constexpr std::uint32_t end_of_list = std::numeric_limits<std::uint32_t>::max();

class TokenList {
 public:
  TokenList(const MergeTable& merges, std::vector<std::int32_t> tokens)
      : merges_(merges),
        tokens_(std::move(tokens)),
        links_(tokens_.size()),
        ranks_(tokens_.size()) {
    const auto count = static_cast<std::uint32_t>(tokens_.size());
    for (std::uint32_t i = 0; i < count; ++i) {
      links_[i] = {i == 0 ? end_of_list : i - 1, i + 1 == count ? end_of_list : i + 1};
    }
    for (std::uint32_t i = 0; i < count; ++i) update_rank(i);
  }

  std::uint32_t size() const { return static_cast<std::uint32_t>(tokens_.size()); }
  std::uint32_t rank(std::uint32_t position) const { return ranks_[position]; }

  /// Merges the pair at `position`, then calls `changed(p)` for each neighbouring pair that now has
  /// a rank, from left to right.
  template <typename Changed>
  void merge(std::uint32_t position, Changed&& changed) {
    tokens_[position] = merges_.product(ranks_[position]);
    const std::uint32_t swallowed = links_[position].next;
    const std::uint32_t next = links_[swallowed].next;
    links_[position].next = next;
    if (next != end_of_list) links_[next].previous = position;
    ranks_[swallowed] = MergeTable::no_rank;
    const std::uint32_t previous = links_[position].previous;
    if (previous != end_of_list) {
      update_rank(previous);
      if (ranks_[previous] != MergeTable::no_rank) changed(previous);
    }
    update_rank(position);
    if (ranks_[position] != MergeTable::no_rank) changed(position);
  }

  void append_to(std::vector<std::int32_t>& ids) const {
    for (std::uint32_t i = 0; i != end_of_list; i = links_[i].next) ids.push_back(tokens_[i]);
  }

 private:
  struct Link {
    std::uint32_t previous;
    std::uint32_t next;
  };

  void update_rank(std::uint32_t position) {
    const std::uint32_t next = links_[position].next;
    ranks_[position] =
        next == end_of_list ? MergeTable::no_rank : merges_.rank(tokens_[position], tokens_[next]);
  }

  const MergeTable& merges_;
  std::vector<std::int32_t> tokens_;
  std::vector<Link> links_;
  std::vector<std::uint32_t> ranks_;
};

}  // namespace

void Bpe::merge_heap(std::string_view piece, std::vector<std::int32_t>& ids) const {
  std::vector<std::int32_t> bytes(piece.size());
  std::transform(piece.begin(), piece.end(), bytes.begin(), [&](char c) { return byte_id(c); });
  TokenList list(merges_, std::move(bytes));

  // One number orders entries by rank, then by position.
  const auto entry = [&](std::uint32_t position) {
    return std::uint64_t{list.rank(position)} << 32 | position;
  };
  std::vector<std::uint64_t> first;
  for (std::uint32_t i = 0; i < list.size(); ++i) {
    if (list.rank(i) != MergeTable::no_rank) first.push_back(entry(i));
  }
  std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> queue(
      std::greater<>(), std::move(first));
  while (!queue.empty()) {
    const auto rank = static_cast<std::uint32_t>(queue.top() >> 32);
    const auto position = static_cast<std::uint32_t>(queue.top());
    queue.pop();
    if (list.rank(position) != rank) continue;
    list.merge(position, [&](std::uint32_t changed) { queue.push(entry(changed)); });
  }
  list.append_to(ids);
}

void Bpe::merge_rounds(std::string_view piece, std::vector<std::int32_t>& ids) const {
  std::vector<std::int32_t> bytes(piece.size());
  std::transform(piece.begin(), piece.end(), bytes.begin(), [&](char c) { return byte_id(c); });
  TokenList list(merges_, std::move(bytes));

  // The positions of every rank still to come. A merge makes only pairs of higher ranks (the table
  // is ordered), so the lowest rank is complete when its round begins. Its positions ascend: what
  // makes a token is decided by its own bytes, so a token is made in one round only and a pair
  // comes into being in the round of its younger part, which runs from left to right.
  std::map<std::uint32_t, std::vector<std::uint32_t>> rounds;
  for (std::uint32_t i = 0; i < list.size(); ++i) {
    if (list.rank(i) != MergeTable::no_rank) rounds[list.rank(i)].push_back(i);
  }
  while (!rounds.empty()) {
    auto round = rounds.extract(rounds.begin());
    for (const std::uint32_t position : round.mapped()) {
      if (list.rank(position) != round.key()) continue;
      list.merge(position,
                 [&](std::uint32_t changed) { rounds[list.rank(changed)].push_back(changed); });
    }
  }
  list.append_to(ids);
}

}  // namespace trinity::text
