#include "backend_cpu/kv_pages.h"

#include <cstring>

namespace trinity::cpu {

size_t PagedKvCache::bytes() const {
  int64_t blocks = 0;
  for (const int64_t length : lengths_) blocks += (length + kPageTokens - 1) / kPageTokens;
  return static_cast<size_t>(blocks * layout_.page_bytes());
}

std::unique_ptr<backend::KvCache> PagedKvCache::fork(int64_t length) const {
  auto copy = std::make_unique<PagedKvCache>(layout_, static_cast<int64_t>(lengths_.size()), pool_);
  const int64_t pages = (length + kPageTokens - 1) / kPageTokens;
  copy->pages_.assign(pages_.begin(), pages_.begin() + static_cast<std::ptrdiff_t>(pages));
  copy->lengths_.assign(lengths_.size(), length);
  return copy;
}

void PagedKvCache::share(const backend::KvCache& other, int64_t length) {
  const auto& from = static_cast<const PagedKvCache&>(other);
  const auto full = static_cast<size_t>(length / kPageTokens);
  for (size_t page = 0; page < full; ++page) pages_[page] = from.pages_[page];
}

void PagedKvCache::grow(int64_t layer, int64_t length) {
  int64_t& stored = lengths_[static_cast<size_t>(layer)];
  for (int64_t page = stored / kPageTokens; page * kPageTokens < length; ++page)
    make_writable(static_cast<size_t>(page), static_cast<size_t>(layer),
                  page * kPageTokens < stored);
  stored = length;
}

void PagedKvCache::make_writable(size_t page, size_t layer, bool keep_contents) {
  if (page == pages_.size()) {
    pages_.push_back(std::make_shared<Page>());
    pages_.back()->blocks.resize(lengths_.size());
  }
  std::shared_ptr<Page>& own = pages_[page];
  if (own.use_count() > 1) own = std::make_shared<Page>(*own);
  std::shared_ptr<std::byte[]>& block = own->blocks[layer];
  if (block != nullptr && block.use_count() == 1) return;
  const auto bytes = static_cast<size_t>(layout_.page_bytes());
  std::shared_ptr<std::byte[]> fresh = pool_->take(bytes);
  if (keep_contents) std::memcpy(fresh.get(), block.get(), bytes);
  block = std::move(fresh);
}

}  // namespace trinity::cpu
