// Remembers the keys and values of recent inputs, so that a conversation's next turn pays for its
// new tokens only.
//
// An entry is a token sequence with the keys and values of all its tokens. A lookup finds the entry
// that shares the longest prefix *of token ids* with the input (text prefixes are not enough: a
// merge may change the last shared token) and forks it at that length. Entries are dropped least
// recently used first when their bytes exceed the budget. Exact because attention is causal.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "backend/kv_cache.h"

namespace trinity::model {

struct PrefixCacheStats {
  uint64_t lookups = 0;
  uint64_t hits = 0;           // lookups that reused at least one token
  uint64_t reused_tokens = 0;  // tokens that were not computed again
  uint64_t evictions = 0;
  size_t bytes = 0;  // of all entries
  size_t entries = 0;
};

class PrefixCache {
 public:
  /// `byte_budget` 0 disables the cache.
  explicit PrefixCache(size_t byte_budget) : byte_budget_(byte_budget) {}

  struct Match {
    std::unique_ptr<backend::KvCache> kv;  // holds `length` tokens; null when nothing matched
    int64_t length = 0;
  };

  /// The longest stored prefix of `ids`, at most `max_length` tokens of it.
  Match find(std::span<const int32_t> ids, int64_t max_length);

  /// Stores the keys and values of exactly `ids`. Entries that are a prefix of it are replaced.
  /// Returns false, and drops `kv`, when it alone exceeds the budget.
  bool insert(std::span<const int32_t> ids, std::unique_ptr<backend::KvCache> kv);

  size_t byte_budget() const { return byte_budget_; }
  PrefixCacheStats stats() const;
  void clear();

 private:
  struct Entry {
    std::vector<int32_t> ids;
    std::unique_ptr<backend::KvCache> kv;
    size_t bytes = 0;
  };

  size_t byte_budget_;
  size_t bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  PrefixCacheStats stats_;
};

}  // namespace trinity::model
