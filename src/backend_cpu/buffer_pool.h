// Memory for activations and weights.
//
// Activations live for one operation and come in a handful of sizes, so freed blocks are kept in
// free lists by size class and handed out again without asking the system. Weights live as long as
// the model and are allocated alone. Every block starts on a 64-byte boundary; large ones ask for
// huge pages, which makes walking through the weights faster.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace trinity::cpu {

/// Zeroed memory from the system; huge pages where it is large. Freed with the last reference.
std::shared_ptr<std::byte[]> allocate_block(size_t bytes);

/// Cuts weights out of large slabs, so that huge pages are filled and not rounded up for each
/// weight. A piece keeps its slab alive.
class WeightArena {
 public:
  std::shared_ptr<std::byte[]> take(size_t bytes);

 private:
  std::shared_ptr<std::byte[]> slab_;
  size_t slab_bytes_ = 0;
  size_t used_ = 0;
};

class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  static std::shared_ptr<BufferPool> create() {
    return std::shared_ptr<BufferPool>(new BufferPool());
  }

  /// A block of at least `bytes`, contents arbitrary. Returns to the pool with the last reference.
  std::shared_ptr<std::byte[]> take(size_t bytes);

 private:
  BufferPool() = default;
  void give_back(size_t slot, size_t size, std::shared_ptr<std::byte[]> block);

  static constexpr size_t kClasses = 130;
  static constexpr size_t kMaxPooledBytes = size_t{256} << 20;

  std::mutex mutex_;
  std::vector<std::shared_ptr<std::byte[]>> free_[kClasses];
  size_t pooled_bytes_ = 0;
};

}  // namespace trinity::cpu
