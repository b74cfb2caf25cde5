#include "backend_cpu/qkv_kernel.h"

#include <cmath>
#include <vector>

#include "backend/exact_arithmetic.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend_cpu/qkv_kernel.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trinity::cpu {
namespace HWY_NAMESPACE {

#include "backend_cpu/exact_math-inl.h"
#include "backend_cpu/row_kernels-inl.h"

template <class Writer>
HWY_INLINE void norm_rotate(const QkvRows& rows, const float* weight, int64_t position, int64_t dim,
                            const float* head, const Writer& write) {
  const bool turn = weight != nullptr;
  norm_rotate_head(head, dim, turn ? inverse_rms(head, dim, rows.eps) : 1.0f, weight,
                   turn ? rows.cosines + position * (dim / 2) : nullptr,
                   turn ? rows.sines + position * (dim / 2) : nullptr, write);
}

void store_queries(const QkvRows& rows, const QkvTask& task, int64_t dim) {
  for (int64_t r = 0; r < task.row_count; ++r)
    for (int64_t g = 0; g < rows.group; ++g) {
      const int64_t row = task.row_begin + r, col = (task.head * rows.group + g) * dim;
      const float* head = rows.q.data + row * rows.q.stride + col;
      const int64_t to = row * rows.q_out.stride + col;
      if (rows.q_out.element == Element::bf16)
        norm_rotate(rows, rows.q_norm, task.position + r, dim, head,
                    Bf16Writer{static_cast<uint16_t*>(rows.q_out.data) + to});
      else
        norm_rotate(rows, rows.q_norm, task.position + r, dim, head,
                    F32Writer{static_cast<float*>(rows.q_out.data) + to});
    }
}

void store_keys(const QkvRows& rows, const QkvTask& task, int64_t dim, float* turned) {
  const bool bf16 = task.kv->layout().element == Element::bf16;
  for (int64_t r = 0; r < task.row_count; ++r) {
    const int64_t position = task.position + r, slot = position % kPageTokens;
    const float* head = rows.k.data + (task.row_begin + r) * rows.k.stride + task.head * dim;
    std::byte* page = task.kv->keys(task.layer, task.head, position / kPageTokens);
    const int64_t first = slot / kGroupTokens * kGroupTokens * dim;
    if (bf16) {
      // Pairs of dimensions travel as one 32-bit number: [dim/2][16 tokens].
      norm_rotate(rows, rows.k_norm, position, dim, head,
                  Bf16Writer{reinterpret_cast<uint16_t*>(turned)});
      const auto* pairs = reinterpret_cast<const uint32_t*>(turned);
      uint32_t* keys = reinterpret_cast<uint32_t*>(page) + first / 2 + slot % kGroupTokens;
      for (int64_t i = 0; i < dim / 2; ++i) keys[i * kGroupTokens] = pairs[i];
    } else {
      norm_rotate(rows, rows.k_norm, position, dim, head, F32Writer{turned});
      float* keys = reinterpret_cast<float*>(page) + first + slot % kGroupTokens;
      for (int64_t i = 0; i < dim; ++i) keys[i * kGroupTokens] = turned[i];
    }
  }
}

void store_values(const QkvRows& rows, const QkvTask& task, int64_t dim) {
  const PageLayout& layout = task.kv->layout();
  const int64_t padded = layout.padded_dim(), col = task.head * dim;
  const auto values_at = [&](int64_t position) {
    return task.kv->keys(task.layer, task.head, position / kPageTokens) + layout.key_bytes();
  };
  const auto value_row = [&](int64_t row) { return rows.v.data + row * rows.v.stride + col; };
  const int64_t end = task.position + task.row_count;
  if (layout.element == Element::f32) {
    for (int64_t p = task.position; p < end; ++p) {
      float* out = reinterpret_cast<float*>(values_at(p)) + p % kPageTokens * padded;
      for_each(dim, [&](auto d, int64_t i) HWY_ATTR {
        hn::StoreU(hn::LoadU(d, value_row(task.row_begin + p - task.position) + i), d, out + i);
      });
    }
    return;
  }
  const int64_t group_end = (end + kGroupTokens - 1) / kGroupTokens * kGroupTokens;
  // Two neighbouring tokens share 32 bits: [token pair][dim][2]. Tokens after the last become zero.
  for (int64_t p = task.position; p < group_end; p = p / 2 * 2 + 2) {
    uint32_t* out = reinterpret_cast<uint32_t*>(values_at(p)) + p % kPageTokens / 2 * padded;
    const bool starts_odd = p % 2 != 0;
    const int64_t even_row = task.row_begin + p / 2 * 2 - task.position, odd_row = even_row + 1;
    const int64_t odd_position = p / 2 * 2 + 1;
    for_each(dim, [&](auto d, int64_t i) HWY_ATTR {
      const hn::Rebind<uint32_t, decltype(d)> du32;
      auto pair = hn::Zero(du32);
      if (starts_odd)  // the even token was stored earlier
        pair = hn::And(hn::LoadU(du32, out + i), hn::Set(du32, 0xFFFFu));
      else if (p < end)
        pair = bf16_bits(d, hn::LoadU(d, value_row(even_row) + i));
      if (odd_position < end)
        pair = hn::Or(pair, hn::ShiftLeft<16>(bf16_bits(d, hn::LoadU(d, value_row(odd_row) + i))));
      hn::StoreU(pair, du32, out + i);
    });
  }
}

void StoreQkv(const QkvRows& rows, const QkvTask& task, float* scratch) {
  const int64_t dim = task.kv->layout().head_dim;
  if (rows.q.data != nullptr) store_queries(rows, task, dim);
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
