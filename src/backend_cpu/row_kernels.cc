#include "backend_cpu/row_kernels.h"

#include <cmath>

#include "backend/exact_arithmetic.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend_cpu/row_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trinity::cpu {
namespace HWY_NAMESPACE {

#include "backend_cpu/exact_math-inl.h"
#include "backend_cpu/row_kernels-inl.h"

/// Calls body(writer) so that the row lands in `out`.
template <class Body>
HWY_INLINE void write_row(const RowsOut& out, int64_t row, const Body& body) {
  if (out.element == Element::f32)
    return body(F32Writer{static_cast<float*>(out.data) + row * out.stride});
  body(Bf16Writer{static_cast<uint16_t*>(out.data) + row * out.stride});
}

void ConvertRows(const RowsIn& x, int64_t cols, const RowsOut& out, RowRange rows) {
  for (int64_t r = rows.begin; r < rows.end; ++r)
    write_row(out, r, [&](const auto& write) HWY_ATTR {
      for_each(cols, [&](auto d, int64_t i)
                         HWY_ATTR { write(d, i, hn::LoadU(d, x.data + r * x.stride + i)); });
    });
}

void AddNormRows(float* residual, int64_t residual_stride, const RowsIn* delta, const float* weight,
                 float eps, int64_t cols, const RowsOut& out, RowRange rows) {
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    float* h = residual + r * residual_stride;
    if (delta != nullptr)
      for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
        hn::StoreU(hn::Add(hn::LoadU(d, h + i), hn::LoadU(d, delta->data + r * delta->stride + i)),
                   d, h + i);
      });
    const float inverse = inverse_rms(h, cols, eps);
    write_row(out, r,
              [&](const auto& write) HWY_ATTR { norm_head(h, cols, inverse, weight, write); });
  }
}

void AddRows(const RowsIn& a, const RowsIn& b, int64_t cols, const RowsOut& out, RowRange rows) {
  for (int64_t r = rows.begin; r < rows.end; ++r)
    write_row(out, r, [&](const auto& write) HWY_ATTR {
      for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
        write(d, i,
              hn::Add(hn::LoadU(d, a.data + r * a.stride + i),
                      hn::LoadU(d, b.data + r * b.stride + i)));
      });
    });
}

void SiluMulRows(const RowsIn& gate, const RowsIn& up, int64_t cols, const RowsOut& out,
                 RowRange rows) {
  for (int64_t r = rows.begin; r < rows.end; ++r)
    write_row(out, r, [&](const auto& write) HWY_ATTR {
      for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
        write(d, i,
              silu_mul(d, hn::LoadU(d, gate.data + r * gate.stride + i),
                       hn::LoadU(d, up.data + r * up.stride + i)));
      });
    });
}

void HeadNormRopeRows(const RowsIn& x, const HeadRows& heads, const RowsOut& out, RowRange rows) {
  const int64_t dim = heads.head_dim, half = dim / 2;
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const bool turn = heads.cosines != nullptr;
    const float* cosines = turn ? heads.cosines + heads.positions[r] * half : nullptr;
    const float* sines = turn ? heads.sines + heads.positions[r] * half : nullptr;
    write_row(out, r, [&](const auto& write) HWY_ATTR {
      for (int64_t h = 0; h < heads.heads; ++h) {
        const float* head = x.data + r * x.stride + h * dim;
        const float inverse = heads.weight == nullptr ? 1.0f : inverse_rms(head, dim, heads.eps);
        auto shifted = write;
        shifted.to += h * dim;
        if (turn)
          norm_rotate_head(head, dim, inverse, heads.weight, cosines, sines, shifted);
        else  // whole hidden states too, whose size may be odd
          norm_head(head, dim, inverse, heads.weight, shifted);
      }
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity::cpu {
namespace {

HWY_EXPORT(ConvertRows);
HWY_EXPORT(AddNormRows);
HWY_EXPORT(AddRows);
HWY_EXPORT(SiluMulRows);
HWY_EXPORT(HeadNormRopeRows);

}  // namespace

void convert_rows(const RowsIn& x, int64_t cols, const RowsOut& out, RowRange rows) {
  HWY_DYNAMIC_DISPATCH(ConvertRows)(x, cols, out, rows);
}

void add_norm_rows(float* residual, int64_t residual_stride, const RowsIn* delta,
                   const float* weight, float eps, int64_t cols, const RowsOut& out,
                   RowRange rows) {
  HWY_DYNAMIC_DISPATCH(AddNormRows)
  (residual, residual_stride, delta, weight, eps, cols, out, rows);
}

void add_rows(const RowsIn& a, const RowsIn& b, int64_t cols, const RowsOut& out, RowRange rows) {
  HWY_DYNAMIC_DISPATCH(AddRows)(a, b, cols, out, rows);
}

void silu_mul_rows(const RowsIn& gate, const RowsIn& up, int64_t cols, const RowsOut& out,
                   RowRange rows) {
  HWY_DYNAMIC_DISPATCH(SiluMulRows)(gate, up, cols, out, rows);
}

void head_norm_rope_rows(const RowsIn& x, const HeadRows& heads, const RowsOut& out,
                         RowRange rows) {
  HWY_DYNAMIC_DISPATCH(HeadNormRopeRows)
  (x, heads, out, rows);
}

}  // namespace trinity::cpu
#endif  // HWY_ONCE
