#include "model/prefix_cache.h"

#include <algorithm>

namespace trinity::model {
namespace {

int64_t common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t limit = std::min(a.size(), b.size());
  return std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(limit), b.begin()).first -
         a.begin();
}

}  // namespace

PrefixCache::Match PrefixCache::find(std::span<const int32_t> ids, int64_t max_length) {
  ++stats_.lookups;
  auto best = entries_.end();
  int64_t best_length = 0;
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    const int64_t length = std::min(common_prefix(it->ids, ids), max_length);
    if (length > best_length) {
      best_length = length;
      best = it;
    }
  }
  if (best == entries_.end()) return {};
  entries_.splice(entries_.begin(), entries_, best);
  ++stats_.hits;
  stats_.reused_tokens += static_cast<uint64_t>(best_length);
  return {best->kv->fork(best_length), best_length};
}

bool PrefixCache::insert(std::span<const int32_t> ids, std::unique_ptr<backend::KvCache> kv) {
  const size_t size = kv->bytes() + ids.size_bytes();
  if (size > byte_budget_) return false;
  for (auto it = entries_.begin(); it != entries_.end();) {
    // What the new entry covers in full would only take room twice.
    if (common_prefix(it->ids, ids) == static_cast<int64_t>(it->ids.size())) {
      bytes_ -= it->bytes;
      it = entries_.erase(it);
    } else {
      ++it;
    }
  }
  while (!entries_.empty() && bytes_ + size > byte_budget_) {
    bytes_ -= entries_.back().bytes;
    entries_.pop_back();
    ++stats_.evictions;
  }
  entries_.push_front({{ids.begin(), ids.end()}, std::move(kv), size});
  bytes_ += size;
  return true;
}

PrefixCacheStats PrefixCache::stats() const {
  PrefixCacheStats stats = stats_;
  stats.bytes = bytes_;
  stats.entries = entries_.size();
  return stats;
}

void PrefixCache::clear() {
  entries_.clear();
  bytes_ = 0;
}

}  // namespace trinity::model
