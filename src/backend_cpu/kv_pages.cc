#include "backend_cpu/kv_pages.h"

#include <cstring>

namespace trinity::cpu {

size_t PagedKvCache::bytes() const {
  size_t pages = 0;
  for (const Layer& layer : layers_) pages += layer.pages.size();
  return pages * static_cast<size_t>(layout_.page_bytes());
}

std::unique_ptr<backend::KvCache> PagedKvCache::fork(int64_t length) const {
  auto copy = std::make_unique<PagedKvCache>(layout_, static_cast<int64_t>(layers_.size()), pool_);
  const auto full = static_cast<size_t>(length / kPageTokens);
  for (size_t l = 0; l < layers_.size(); ++l) {
    Layer& target = copy->layers_[l];
    target.length = length;
    target.pages.assign(layers_[l].pages.begin(),
                        layers_[l].pages.begin() + static_cast<std::ptrdiff_t>(full));
    if (length % kPageTokens != 0) {
      auto page = pool_->take(static_cast<size_t>(layout_.page_bytes()));
      std::memcpy(page.get(), layers_[l].pages[full].get(),
                  static_cast<size_t>(layout_.page_bytes()));
      target.pages.push_back(std::move(page));
    }
  }
  return copy;
}

void PagedKvCache::clear(int64_t layer) { layers_[static_cast<size_t>(layer)] = Layer(); }

void PagedKvCache::grow(int64_t layer, int64_t length) {
  Layer& target = layers_[static_cast<size_t>(layer)];
  while (static_cast<int64_t>(target.pages.size()) * kPageTokens < length)
    target.pages.push_back(pool_->take(static_cast<size_t>(layout_.page_bytes())));
  target.length = length;
}

}  // namespace trinity::cpu
