#include "backend/cpu/kv_pages.h"

#include <cstring>

#include "tensor/bf16.h"

namespace trinity::cpu {

size_t PagedKvCache::bytes() const {
  size_t pages = 0;
  for (const Layer& layer : layers_) pages += layer.pages.size();
  return pages * static_cast<size_t>(layout_.page_bytes());
}

std::shared_ptr<std::byte[]> PagedKvCache::zeroed_page() const {
  const auto bytes = static_cast<size_t>(layout_.page_bytes());
  auto page = pool_->take(bytes);
  std::memset(page.get(), 0, bytes);
  return page;
}

std::unique_ptr<KvCache> PagedKvCache::fork(int64_t length) const {
  auto copy = std::make_unique<PagedKvCache>(
      layout_, static_cast<int64_t>(layers_.size()), pool_);
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

void PagedKvCache::clear(int64_t layer) {
  layers_[static_cast<size_t>(layer)] = Layer();
}

void PagedKvCache::grow(int64_t layer, int64_t length) {
  Layer& target = layers_[static_cast<size_t>(layer)];
  while (static_cast<int64_t>(target.pages.size()) * kPageTokens < length)
    target.pages.push_back(zeroed_page());
  target.length = length;
}

void PagedKvCache::store_head(int64_t layer, int64_t head, int64_t position, int64_t count,
                              const float* keys, int64_t key_stride, const RowsIn& values,
                              int64_t value_row, int64_t value_col) {
  const Layer& target = at(layer);
  const int64_t dim = layout_.head_dim, padded = layout_.padded_dim();
  const float* col_scale = values.col_scale == nullptr ? nullptr : values.col_scale + value_col;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t page = (position + i) / kPageTokens, slot = (position + i) % kPageTokens;
    std::byte* base = target.pages[static_cast<size_t>(page)].get() + head * layout_.head_bytes();
    const float* key = keys + i * key_stride;
    const float* value = values.data + (value_row + i) * values.stride + value_col;
    const float row_scale = values.row_scale == nullptr ? 1.0f : values.row_scale[value_row + i];
    const auto scaled = [&](int64_t d) {
      return col_scale == nullptr ? value[d] : value[d] * col_scale[d] * row_scale;
    };
    if (layout_.element == Element::bf16) {
      auto* k = reinterpret_cast<uint16_t*>(base) + slot / kGroupTokens * kGroupTokens * dim +
                slot % kGroupTokens * 2;
      for (int64_t d = 0; d < dim; d += 2) {
        k[d * kGroupTokens] = bf16_from_f32(key[d]);
        k[d * kGroupTokens + 1] = bf16_from_f32(key[d + 1]);
      }
      auto* v = reinterpret_cast<uint16_t*>(base + layout_.key_bytes()) +
                slot / 2 * padded * 2 + slot % 2;
      for (int64_t d = 0; d < dim; ++d) v[2 * d] = bf16_from_f32(scaled(d));
    } else {
      auto* k = reinterpret_cast<float*>(base) + slot / kGroupTokens * kGroupTokens * dim +
                slot % kGroupTokens;
      for (int64_t d = 0; d < dim; ++d) k[d * kGroupTokens] = key[d];
      auto* v = reinterpret_cast<float*>(base + layout_.key_bytes()) + slot * padded;
      for (int64_t d = 0; d < dim; ++d) v[d] = scaled(d);
    }
  }
}

}  // namespace trinity::cpu
