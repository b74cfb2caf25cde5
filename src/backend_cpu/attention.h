// Causal grouped attention over paged keys and values, softmax computed online.
//
// Work is cut into items: one sequence, one key/value head, a few consecutive positions with all
// query heads that read that head. An item walks over the keys in blocks of 64 from position 0 and
// keeps, for every query row, the running maximum, the running sum and the weighted sum of values
// (Milakov & Gimelshein 2018; FlashAttention). Block borders are absolute positions and masked keys
// contribute exactly nothing, so a row's bits depend neither on the rows beside it nor on what came
// from a cache.
//
// The inner products come in two kinds: f32 (Highway, any processor) and bf16 (AVX512-BF16).
#pragma once

#include <cstdint>
#include <span>

#include "backend_cpu/kv_pages.h"
#include "backend_cpu/thread_pool.h"

namespace trinity::cpu {

inline constexpr int64_t kBlockKeys = 64;     // keys per softmax step
inline constexpr int64_t kItemRows = 24;      // query rows per work item, at most (or one position)
inline constexpr int64_t kLongItemRows = 48;  // the same where keys no longer fit the L2 cache:
inline constexpr int64_t kLongPositions = 2048;  // more rows share each reading of the keys
inline constexpr int64_t kTileRows = 6;          // query rows held in registers at once

/// One work item; the pointers cover exactly its rows.
struct AttentionItem {
  const PagedKvCache* kv = nullptr;
  int64_t layer = 0;
  int64_t kv_head = 0;
  int64_t first_position = 0;  // of the item's first query position
  int64_t positions = 0;       // query positions
  int64_t group = 0;           // query heads that share the kv head
  const std::byte* q =
      nullptr;               // element type of the pages; first query head of the first position
  int64_t q_stride = 0;      // elements from position to position
  std::byte* out = nullptr;  // laid out like q, in `out_element`
  int64_t out_stride = 0;
  Element out_element = Element::f32;  // f32, or bf16 from the bf16 kernel
};

/// Floats of workspace an item needs: weighted sums of all its rows.
inline int64_t attention_scratch_floats(int64_t padded_dim, int64_t group) {
  return (kLongItemRows > group ? kLongItemRows : group) * (padded_dim + 2) + 64;
}

void attend_f32(const AttentionItem& item, float* scratch);
void attend_bf16(const AttentionItem& item, float* scratch);

/// Queries and results of one chunk of rows.
struct AttentionCall {
  Element element = Element::f32;  // of q and of the pages
  const std::byte* q = nullptr;    // [rows, heads · head_dim]
  int64_t q_stride = 0;
  RowsOut out;  // [rows, heads · head_dim]; f32, or bf16 when `element` is
  int64_t heads = 0;
};

/// Runs attention for all slices (every slice's cache already holds its rows), over all threads.
void attend(ThreadPool& threads, const AttentionCall& call,
            std::span<const backend::SequenceSlice> slices, int64_t layer);

}  // namespace trinity::cpu
