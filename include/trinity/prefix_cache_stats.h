// What the prefix cache of a router holds and has saved, for metrics.
#pragma once

#include <cstddef>
#include <cstdint>

namespace trinity {

struct PrefixCacheStats {
  std::uint64_t lookups = 0;
  std::uint64_t hits = 0;            // lookups that reused at least one token
  std::uint64_t reused_tokens = 0;   // tokens that were not computed again
  std::uint64_t evictions = 0;       // times that a page (or a whole conversation) was given up
  std::uint64_t evicted_tokens = 0;  // tokens that are to be computed again if they return
  std::size_t byte_budget = 0;       // what `bytes` never exceeds; 0 = no cache
  std::size_t bytes = 0;             // of pages, each counted once, and of token ids
  std::size_t pages = 0;             // 0 in a backend whose caches have no pages
  std::size_t entries = 0;           // token sequences that are not a beginning of another one
};

}  // namespace trinity
