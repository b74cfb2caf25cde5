// Keys and values in pages of 32 tokens, laid out for the attention kernels.
//
// A page is 32 consecutive tokens in all layers, one block of memory a layer, which holds all
// key/value heads. Keys are stored in groups of 16 tokens with the tokens innermost, so that one
// vector register takes the same dimension of 16 keys; values are stored with the dimensions
// innermost. In bf16 neighbouring pairs (of dimensions for keys, of tokens for values) lie
// together, as the bf16 dot product wants them:
//   keys   f32 [2 groups][dim][16]        bf16 [2 groups][dim/2][16][2]
//   values f32 [32][padded dim]           bf16 [16][padded dim][2]
// Full pages are never written again, so forks share them. A partly filled last page is shared,
// too, until either side grows: then that side copies the block of the layer it writes to. Fresh
// pages hold garbage. The f32 kernel visits no masked key; in the bf16 kernel a masked key's value
// still meets the weight 0, and 0 · NaN is NaN, so whoever stores bf16 values also zeroes those of
// the tokens that complete the last group of 16.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backend/kv_cache.h"
#include "backend_cpu/buffer_pool.h"
#include "backend_cpu/row_kernels.h"

namespace trinity::cpu {

inline constexpr int64_t kPageTokens = 32;
inline constexpr int64_t kGroupTokens = 16;  // keys that share a vector register

/// Sizes of one block of a page; `element` is f32 or bf16.
struct PageLayout {
  Element element = Element::f32;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;

  int64_t padded_dim() const { return (head_dim + 15) / 16 * 16; }
  int64_t key_bytes() const { return kPageTokens * head_dim * element_size(element); }
  int64_t value_bytes() const { return kPageTokens * padded_dim() * element_size(element); }
  int64_t head_bytes() const { return (key_bytes() + value_bytes() + 63) / 64 * 64; }
  int64_t page_bytes() const { return kv_heads * head_bytes(); }
};

class PagedKvCache final : public backend::KvCache {
 public:
  PagedKvCache(const PageLayout& layout, int64_t layers, std::shared_ptr<BufferPool> pool)
      : layout_(layout), pool_(std::move(pool)), lengths_(static_cast<size_t>(layers)) {}

  int64_t length(int64_t layer) const override { return lengths_[static_cast<size_t>(layer)]; }
  size_t bytes() const override;
  std::unique_ptr<backend::KvCache> fork(int64_t length) const override;
  void clear(int64_t layer) override { lengths_[static_cast<size_t>(layer)] = 0; }
  int64_t page_tokens() const override { return kPageTokens; }
  size_t page_bytes() const override {
    return lengths_.size() * static_cast<size_t>(layout_.page_bytes());
  }
  void share(const backend::KvCache& other, int64_t length) override;

  const PageLayout& layout() const { return layout_; }

  /// Makes room for tokens up to `length` and counts them as stored.
  void grow(int64_t layer, int64_t length);
  /// Where the keys (values) of one head start in a page; see the layouts above.
  std::byte* keys(int64_t layer, int64_t head, int64_t page) { return block(layer, head, page); }
  const std::byte* keys(int64_t layer, int64_t head, int64_t page) const {
    return block(layer, head, page);
  }
  const std::byte* values(int64_t layer, int64_t head, int64_t page) const {
    return block(layer, head, page) + layout_.key_bytes();
  }

 private:
  /// Blocks by layer. Pages and blocks that have several owners are never written to.
  struct Page {
    std::vector<std::shared_ptr<std::byte[]>> blocks;
  };
  std::byte* block(int64_t layer, int64_t head, int64_t page) const {
    return pages_[static_cast<size_t>(page)]->blocks[static_cast<size_t>(layer)].get() +
           head * layout_.head_bytes();
  }
  void make_writable(size_t page, size_t layer, bool keep_contents);

  PageLayout layout_;
  std::shared_ptr<BufferPool> pool_;
  std::vector<int64_t> lengths_;  // tokens stored, by layer
  std::vector<std::shared_ptr<Page>> pages_;
};

}  // namespace trinity::cpu
