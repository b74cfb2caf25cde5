#include "backend_cpu/buffer_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace trinity::cpu {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kSlab = size_t{64} << 20;

size_t round_up(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

std::shared_ptr<std::byte[]> allocate_block(size_t bytes) {
  if (bytes >= kHugePage) {
    // Mapping one huge page more than needed lets the block start on a huge-page boundary.
    const size_t size = round_up(bytes, kHugePage) + kHugePage;
    void* base = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) throw std::bad_alloc();
    const auto address = reinterpret_cast<uintptr_t>(base);
    auto* start = reinterpret_cast<std::byte*>(round_up(address, kHugePage));
    madvise(start, size - kHugePage, MADV_HUGEPAGE);
    return {start, [base, size](std::byte*) { munmap(base, size); }};
  }
  const size_t size = round_up(std::max<size_t>(bytes, 1), kAlignment);
  void* start = std::aligned_alloc(kAlignment, size);
  if (start == nullptr) throw std::bad_alloc();
  std::memset(start, 0, size);
  return {static_cast<std::byte*>(start), [](std::byte* block) { std::free(block); }};
}

std::shared_ptr<std::byte[]> WeightArena::take(size_t bytes) {
  const size_t size = round_up(std::max<size_t>(bytes, 1), kAlignment);
  if (used_ + size > slab_bytes_) {
    slab_bytes_ = std::max(size, kSlab);  // untouched pages of a slab cost nothing
    slab_ = allocate_block(slab_bytes_);
    used_ = 0;
  }
  std::shared_ptr<std::byte[]> piece(slab_, slab_.get() + used_);
  used_ += size;
  return piece;
}

std::shared_ptr<std::byte[]> BufferPool::take(size_t bytes) {
  // Size classes are powers of two and their three quarters: at most a third is wasted.
  const size_t wanted = std::max<size_t>(bytes, 256);
  const size_t power = std::bit_ceil(wanted);
  const bool three_quarters = power / 4 * 3 >= wanted;
  const size_t size = three_quarters ? power / 4 * 3 : power;
  const auto log = static_cast<size_t>(std::countr_zero(power));
  const size_t slot = 2 * log - (three_quarters ? 1 : 0);
  std::shared_ptr<std::byte[]> block;
  {
    const std::lock_guard lock(mutex_);
    if (!free_[slot].empty()) {
      block = std::move(free_[slot].back());
      free_[slot].pop_back();
      pooled_bytes_ -= size;
    }
  }
  if (block == nullptr) block = allocate_block(size);
  std::byte* data = block.get();
  return {data,
          [pool = weak_from_this(), slot, size, block = std::move(block)](std::byte*) mutable {
            if (const auto alive = pool.lock()) alive->give_back(slot, size, std::move(block));
          }};
}

void BufferPool::give_back(size_t slot, size_t size, std::shared_ptr<std::byte[]> block) {
  const std::lock_guard lock(mutex_);
  if (pooled_bytes_ + size > kMaxPooledBytes) return;
  try {
    free_[slot].push_back(std::move(block));
  } catch (const std::bad_alloc&) {
    return;  // called by destructors; the block goes back to the system
  }
  pooled_bytes_ += size;
}

}  // namespace trinity::cpu
