// Remembers the keys and values of recent inputs, so that a conversation's next turn pays for its
// new tokens only.
//
// Inputs are kept in a radix tree over token ids: a node is a run of tokens, its path from the root
// a prefix that all inputs below begin with, and a leaf holds the keys and values of its whole path
// (text prefixes are not enough: a merge may change the last shared token). A lookup walks down as
// far as the ids agree and forks the cache of any leaf below that place, so its time depends on the
// input alone and not on how much is remembered. Exact because attention is causal.
//
// Pages. All leaves below a node hold the same full pages for its tokens (KvCache::share), so a
// page is there once, and the tree's shape says how many there are: a node whose tokens end at `e`
// and begin at `b` owns ⌊e/P⌋ − ⌊b/P⌋ pages of P tokens, a leaf ⌈e/P⌉ − ⌊b/P⌋, because its last
// page may be partly filled and the page in which it leaves its siblings is its own copy. Caches
// without pages count in full, each at its leaf.
//
// What goes when the budget is exceeded: GreedyDual-Size (Young 1991; Cao and Irani 1997). Only
// leaves can go. When its path is used, a leaf is worth
//     clock + (cost of computing its own tokens again) / (bytes that it owns);
// the leaf that is worth least loses its last page (all of it, where there are no pages), and the
// clock becomes what that leaf was worth: so whatever is not used again ages against what is. Among
// equals the least recently used one goes. A token at position p costs 1 + p / `equal_length`:
// products cost the same for every token, attention grows with the tokens before it, and at
// `equal_length` tokens both cost the same. So late tokens stay longer than early ones, tokens that
// share a page with few others go sooner, and a beginning that others share stays as long as they.
// The input that is being stored is not given up to make room for itself.
//
// Not thread-safe. An exception (std::bad_alloc) while storing empties the cache.
#pragma once

#include <trinity/prefix_cache_stats.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "backend/kv_cache.h"

namespace trinity::model {

using trinity::PrefixCacheStats;

class PrefixCache {
 public:
  /// `byte_budget` 0 disables the cache.
  explicit PrefixCache(size_t byte_budget, double equal_length = 4096);
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  struct Match {
    std::unique_ptr<backend::KvCache> kv;  // holds `length` tokens; null when nothing matched
    int64_t length = 0;
  };

  /// The longest stored prefix of `ids`, at most `max_length` tokens of it.
  Match find(std::span<const int32_t> ids, int64_t max_length);
  /// The length that `find` would give; changes and counts nothing.
  int64_t longest(std::span<const int32_t> ids) const;

  /// Stores the keys and values of exactly `ids`. Prefixes of it that are stored become part of it.
  /// Returns false, and drops `kv`, when it alone exceeds the budget.
  bool insert(std::span<const int32_t> ids, std::unique_ptr<backend::KvCache> kv);

  size_t byte_budget() const { return stats_.byte_budget; }
  PrefixCacheStats stats() const;
  void clear();
  /// Every stored sequence that is not a beginning of another one, for tests.
  void visit(const std::function<void(std::span<const int32_t> ids, const backend::KvCache& kv)>&
                 see) const;

 private:
  struct Node;
  using Nodes = std::list<Node>;
  struct Node {
    std::vector<int32_t> ids;
    int64_t begin = 0;  // position of the first of them
    Node* parent = nullptr;
    std::unordered_map<int32_t, Node*> children;  // by the first id of their runs
    std::unique_ptr<backend::KvCache> kv;         // of a leaf
    size_t unpaged_bytes = 0;                     // of a leaf whose kv has no pages
    double clock = 0;                             // when it was last used
    uint64_t used = 0;                            // the same as a count of uses, for equals
    double worth = 0;                             // of a leaf
    Nodes::iterator self;
    int64_t end() const { return begin + static_cast<int64_t>(ids.size()); }
  };
  struct WorthLess {
    bool operator()(const Node* a, const Node* b) const {
      if (a->worth != b->worth) return a->worth < b->worth;
      return a->used != b->used ? a->used < b->used : std::less<>()(a, b);
    }
  };
  /// How far ids agree with what is stored: `length` tokens, of which the last lies in `node`.
  struct Place {
    Node* node = nullptr;
    int64_t length = 0;
  };

  Place walk(std::span<const int32_t> ids) const;
  Node* add_node(Node* parent, std::span<const int32_t> ids, int64_t begin);
  Node* split(Node& node, int64_t at);
  Node* store(const Place& place, std::span<const int32_t> ids,
              std::unique_ptr<backend::KvCache> kv);
  void use(Node* node);
  void make_room(Node* kept);
  void evict(Node& leaf);
  void remove(Node& leaf);
  void merge(Node& parent);
  void leave(Node& node);
  void enter(Node& node);
  size_t pages_of(const Node& node) const;
  size_t bytes_of(const Node& node) const;
  double cost_of(const Node& leaf) const;

  const double equal_length_;
  int64_t page_tokens_ = 0;
  size_t page_bytes_ = 0;
  Nodes nodes_;  // the root first
  Node* root_ = nullptr;
  std::set<Node*, WorthLess> leaves_;  // but for `kept_`
  const Node* kept_ = nullptr;         // the leaf that is being stored
  double clock_ = 0;
  uint64_t uses_ = 0;
  PrefixCacheStats stats_;
};

}  // namespace trinity::model
