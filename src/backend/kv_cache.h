// Keys and values of one sequence, for every layer, as a backend keeps them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace trinity::backend {

struct KvShape {
  int64_t layers = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
};

/// Append-only per layer. `fork` shares or copies a prefix so that two conversations which begin
/// alike pay for the beginning once; the original never changes through a fork.
///
/// A backend that keeps tokens in pages says so: a page holds `page_tokens` consecutive tokens in
/// all layers, and the full pages of a fork are the original's. Whoever keeps many caches
/// (model/prefix_cache.h) can then count each page once and give back single pages, by keeping a
/// shorter fork. Without pages every cache counts in full.
class KvCache {
 public:
  virtual ~KvCache() = default;

  /// Tokens stored in `layer`.
  virtual int64_t length(int64_t layer) const = 0;
  /// Bytes held, shared pages counted in full.
  virtual size_t bytes() const = 0;
  /// A cache whose every layer holds the first `length` tokens of this one (length ≤ every
  /// layer's).
  virtual std::unique_ptr<KvCache> fork(int64_t length) const = 0;
  /// Forgets all tokens of `layer`, keeping the memory for reuse.
  virtual void clear(int64_t layer) = 0;

  /// Tokens of a page; 0 where nothing is shared that could be counted.
  virtual int64_t page_tokens() const { return 0; }
  /// Bytes of a page in all layers.
  virtual size_t page_bytes() const { return 0; }
  /// Takes the full pages among the first `length` tokens from `other`, which was made by the same
  /// backend and holds the same values there, and lets go of its own.
  virtual void share(const KvCache& other, int64_t length) {
    (void)other;
    (void)length;
  }
};

/// The rows of one sequence inside a chunk of rows that is computed together.
struct SequenceSlice {
  int64_t row_begin = 0;       // first row in the chunk's tensors
  int64_t row_count = 0;       // rows of this sequence in the chunk
  int64_t position_begin = 0;  // absolute position (0-based) of the first of them
  KvCache* kv = nullptr;
};

}  // namespace trinity::backend
