#include "backend_cpu/attention.h"

#include <algorithm>
#include <vector>

namespace trinity::cpu {
namespace {

/// One workspace for each thread; grows to the largest item seen.
float* thread_scratch(int64_t floats) {
  thread_local std::shared_ptr<std::byte[]> block;
  thread_local int64_t capacity = 0;
  if (capacity < floats) {
    block = allocate_block(static_cast<size_t>(floats) * sizeof(float));
    capacity = floats;
  }
  return reinterpret_cast<float*>(block.get());
}

}  // namespace

void attend(ThreadPool& threads, const AttentionCall& call,
            std::span<const backend::SequenceSlice> slices, int64_t layer) {
  std::vector<AttentionItem> items;
  int64_t scratch_floats = 0;
  for (const backend::SequenceSlice& slice : slices) {
    const auto& kv = static_cast<const PagedKvCache&>(*slice.kv);
    const PageLayout& layout = kv.layout();
    const int64_t group = call.heads / layout.kv_heads;
    const bool is_long = slice.position_begin + slice.row_count > kLongPositions;
    const int64_t step = std::max<int64_t>(1, (is_long ? kLongItemRows : kItemRows) / group);
    scratch_floats = std::max(scratch_floats, attention_scratch_floats(layout.padded_dim(), group));
    // Late positions see more keys: they go first so that the threads finish together.
    const int64_t steps = (slice.row_count + step - 1) / step;
    for (int64_t s = steps - 1; s >= 0; --s)
      for (int64_t head = 0; head < layout.kv_heads; ++head) {
        const int64_t row = slice.row_begin + s * step;
        const int64_t col = head * group * layout.head_dim;
        AttentionItem item;
        item.kv = &kv;
        item.layer = layer;
        item.kv_head = head;
        item.first_position = slice.position_begin + s * step;
        item.positions = std::min(step, slice.row_count - s * step);
        item.group = group;
        item.q = call.q + (row * call.q_stride + col) * element_size(call.element);
        item.q_stride = call.q_stride;
        item.out = static_cast<std::byte*>(call.out.data) +
                   (row * call.out.stride + col) * element_size(call.out.element);
        item.out_stride = call.out.stride;
        item.out_element = call.out.element;
        items.push_back(item);
      }
  }
  threads.run(static_cast<int64_t>(items.size()), [&](int64_t i) {
    float* scratch = thread_scratch(scratch_floats);
    const AttentionItem& item = items[static_cast<size_t>(i)];
    call.element == Element::bf16 ? attend_bf16(item, scratch) : attend_f32(item, scratch);
  });
}

}  // namespace trinity::cpu
