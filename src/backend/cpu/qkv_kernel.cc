#include "backend/cpu/qkv_kernel.h"

#include <cmath>
#include <cstring>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/qkv_kernel.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trinity::cpu {
namespace HWY_NAMESPACE {

#include "backend/cpu/row_kernels-inl.h"

/// One head's columns of a row, scales applied.
HWY_INLINE void load_head(const RowsIn& x, int64_t row, int64_t col, int64_t dim, float* head) {
  for_each(dim, [&](auto d, int64_t i) HWY_ATTR {
    hn::StoreU(load_scaled(d, x, row, col + i), d, head + i);
  });
}

HWY_INLINE void norm_rotate(const QkvRows& rows, const float* weight, int64_t position, int64_t dim,
                            float* head) {
  if (weight == nullptr) return;
  norm_head(head, dim, weight, rows.eps);
  rotate_head(head, dim, rows.cosines + position * (dim / 2), rows.sines + position * (dim / 2));
}

void store_queries(const QkvRows& rows, const QkvTask& task, int64_t dim, float* head) {
  for (int64_t r = 0; r < task.row_count; ++r)
    for (int64_t g = 0; g < rows.group; ++g) {
      const int64_t row = task.row_begin + r, col = (task.head * rows.group + g) * dim;
      load_head(rows.q, row, col, dim, head);
      norm_rotate(rows, rows.q_norm, task.position + r, dim, head);
      const int64_t to = row * rows.q_out.stride + col;
      if (rows.q_out.element == Element::bf16) {
        uint16_t* out = static_cast<uint16_t*>(rows.q_out.data) + to;
        for_each(dim,
                 [&](auto d, int64_t i) HWY_ATTR { store_bf16(d, hn::LoadU(d, head + i), out + i); });
      } else {
        std::memcpy(static_cast<float*>(rows.q_out.data) + to, head,
                    static_cast<size_t>(dim) * sizeof(float));
      }
    }
}

void store_keys(const QkvRows& rows, const QkvTask& task, int64_t dim, float* head) {
  const bool bf16 = task.kv->layout().element == Element::bf16;
  for (int64_t r = 0; r < task.row_count; ++r) {
    const int64_t position = task.position + r, slot = position % kPageTokens;
    load_head(rows.k, task.row_begin + r, task.head * dim, dim, head);
    norm_rotate(rows, rows.k_norm, position, dim, head);
    std::byte* page = task.kv->keys(task.layer, task.head, position / kPageTokens);
    const int64_t first = slot / kGroupTokens * kGroupTokens * dim;
    if (bf16) {
      // Pairs of dimensions travel as one 32-bit number: [dim/2][16 tokens].
      uint32_t* keys = reinterpret_cast<uint32_t*>(page) + first / 2 + slot % kGroupTokens;
      auto* pairs = reinterpret_cast<uint32_t*>(head);  // rounded in place, half the room
      for_each(dim, [&](auto d, int64_t i) HWY_ATTR {
        store_bf16(d, hn::LoadU(d, head + i), reinterpret_cast<uint16_t*>(head) + i);
      });
      for (int64_t i = 0; i < dim / 2; ++i) keys[i * kGroupTokens] = pairs[i];
    } else {
      float* keys = reinterpret_cast<float*>(page) + first + slot % kGroupTokens;
      for (int64_t i = 0; i < dim; ++i) keys[i * kGroupTokens] = head[i];
    }
  }
}

void store_values(const QkvRows& rows, const QkvTask& task, int64_t dim) {
  const PageLayout& layout = task.kv->layout();
  const int64_t padded = layout.padded_dim(), col = task.head * dim;
  const auto values_at = [&](int64_t position) {
    return task.kv->keys(task.layer, task.head, position / kPageTokens) + layout.key_bytes();
  };
  for (int64_t r = 0; r < task.row_count;) {
    const int64_t row = task.row_begin + r, position = task.position + r;
    const int64_t slot = position % kPageTokens;
    if (layout.element == Element::f32) {
      float* out = reinterpret_cast<float*>(values_at(position)) + slot * padded;
      load_head(rows.v, row, col, dim, out);
      ++r;
      continue;
    }
    // Two neighbouring tokens share 32 bits: [token pair][dim][2].
    uint32_t* out = reinterpret_cast<uint32_t*>(values_at(position)) + slot / 2 * padded;
    const bool has_even = slot % 2 == 0, has_odd = !has_even || r + 1 < task.row_count;
    const int64_t odd_row = has_even ? row + 1 : row;
    for_each(dim, [&](auto d, int64_t i) HWY_ATTR {
      const hn::Rebind<uint32_t, decltype(d)> du32;
      const auto old = hn::LoadU(du32, out + i);
      const auto even = has_even ? bf16_bits(d, load_scaled(d, rows.v, row, col + i))
                                 : hn::And(old, hn::Set(du32, 0xFFFFu));
      const auto odd = has_odd
                           ? hn::ShiftLeft<16>(bf16_bits(d, load_scaled(d, rows.v, odd_row, col + i)))
                           : hn::And(old, hn::Set(du32, 0xFFFF0000u));
      hn::StoreU(hn::Or(even, odd), du32, out + i);
    });
    r += has_even && has_odd ? 2 : 1;
  }
}

void StoreQkv(const QkvRows& rows, const QkvTask& task, float* scratch) {
  const int64_t dim = task.kv->layout().head_dim;
  if (rows.q.data != nullptr) store_queries(rows, task, dim, scratch);
  store_keys(rows, task, dim, scratch);
  store_values(rows, task, dim);
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity::cpu {
namespace {
HWY_EXPORT(StoreQkv);
}

void store_qkv(const QkvRows& rows, const QkvTask& task) {
  thread_local std::vector<float> scratch;
  const auto dim = static_cast<size_t>(task.kv->layout().head_dim);
  if (scratch.size() < dim) scratch.resize(dim);
  HWY_DYNAMIC_DISPATCH(StoreQkv)(rows, task, scratch.data());
}

}  // namespace trinity::cpu
#endif  // HWY_ONCE
