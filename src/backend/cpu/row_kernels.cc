#include "backend/cpu/row_kernels.h"

#include <cmath>
#include <cstring>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/row_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
//
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace trinity::cpu {
namespace HWY_NAMESPACE {

#include "backend/cpu/row_kernels-inl.h"

HWY_INLINE float largest_magnitude(const float* x, int64_t count) {
  const Wide d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto high = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) high = hn::Max(high, hn::Abs(hn::LoadU(d, x + i)));
  float largest = hn::GetLane(hn::MaxOfLanes(d, high));
  for (; i < count; ++i) largest = std::fmax(largest, std::fabs(x[i]));
  return largest;
}

/// Rounds a row to int8 with the scale max|x| / 127.
HWY_INLINE void quantise_row(const float* x, int64_t cols, const RowsOut& out, int64_t row) {
  int8_t* to = static_cast<int8_t*>(out.data) + row * out.stride;
  const float largest = largest_magnitude(x, cols);
  const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
  out.row_scale[row] = largest / 127.0f;
  for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
    const hn::Rebind<int8_t, decltype(d)> di8;
    const auto scaled = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, inverse));
    hn::StoreU(hn::DemoteTo(di8, hn::NearestInt(scaled)), di8, to + i);
  });
}

/// Calls body(writer) so that the row lands in `out`; int8 rows pass through `scratch`, because
/// their scale is known only when all values are.
template <class Body>
HWY_INLINE void write_row(const RowsOut& out, int64_t row, int64_t cols, float* scratch,
                          const Body& body) {
  switch (out.element) {
    case Element::f32:
      return body(F32Writer{static_cast<float*>(out.data) + row * out.stride});
    case Element::bf16:
      return body(Bf16Writer{static_cast<uint16_t*>(out.data) + row * out.stride});
    case Element::s8:
      body(F32Writer{scratch});
      return quantise_row(scratch, cols, out, row);
  }
}

void ConvertRows(const RowsIn& x, int64_t cols, const RowsOut& out, RowRange rows, float* scratch) {
  for (int64_t r = rows.begin; r < rows.end; ++r)
    write_row(out, r, cols, scratch, [&](const auto& write) HWY_ATTR {
      for_each(cols, [&](auto d, int64_t i) HWY_ATTR { write(d, i, load_scaled(d, x, r, i)); });
    });
}

void AddNormRows(float* residual, int64_t residual_stride, const RowsIn* delta, const float* weight,
                 float eps, int64_t cols, const RowsOut& out, RowRange rows, float* scratch) {
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    float* h = residual + r * residual_stride;
    if (delta != nullptr)
      for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
        hn::StoreU(hn::Add(hn::LoadU(d, h + i), load_scaled(d, *delta, r, i)), d, h + i);
      });
    const float inverse = inverse_rms(h, cols, eps);
    write_row(out, r, cols, scratch,
              [&](const auto& write) HWY_ATTR { norm_head(h, cols, inverse, weight, write); });
  }
}

void AddRows(const RowsIn& a, const RowsIn& b, int64_t cols, const RowsOut& out, RowRange rows,
             float* scratch) {
  for (int64_t r = rows.begin; r < rows.end; ++r)
    write_row(out, r, cols, scratch, [&](const auto& write) HWY_ATTR {
      for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
        write(d, i, hn::Add(load_scaled(d, a, r, i), load_scaled(d, b, r, i)));
      });
    });
}

void SiluMulRows(const RowsIn& gate, const RowsIn& up, int64_t cols, const RowsOut& out,
                 RowRange rows, float* scratch) {
  for (int64_t r = rows.begin; r < rows.end; ++r)
    write_row(out, r, cols, scratch, [&](const auto& write) HWY_ATTR {
      for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
        // Below −87 the exponential would overflow, and silu is 0 to f32 anyway. A NaN stays one.
        const auto lowest = hn::Set(d, -87.0f);
        auto z = load_scaled(d, gate, r, i);
        z = hn::IfThenElse(hn::Lt(z, lowest), lowest, z);
        const auto silu = hn::Div(z, hn::Add(hn::Set(d, 1.0f), hn::Exp(d, hn::Neg(z))));
        write(d, i, hn::Mul(silu, load_scaled(d, up, r, i)));
      });
    });
}

void HeadNormRopeRows(const RowsIn& x, const HeadRows& heads, const RowsOut& out, RowRange rows,
                      float* scratch) {
  const int64_t dim = heads.head_dim, half = dim / 2, cols = heads.heads * dim;
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    for_each(cols, [&](auto d, int64_t i)
                       HWY_ATTR { hn::StoreU(load_scaled(d, x, r, i), d, scratch + i); });
    const bool turn = heads.cosines != nullptr;
    const float* cosines = turn ? heads.cosines + heads.positions[r] * half : nullptr;
    const float* sines = turn ? heads.sines + heads.positions[r] * half : nullptr;
    write_row(out, r, cols, scratch, [&](const auto& write) HWY_ATTR {
      for (int64_t h = 0; h < heads.heads; ++h) {
        const float* head = scratch + h * dim;
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

/// One row of workspace for each thread; grows to the widest row seen.
float* row_scratch(int64_t cols) {
  thread_local std::vector<float> scratch;
  if (static_cast<int64_t>(scratch.size()) < cols) scratch.resize(static_cast<size_t>(cols));
  return scratch.data();
}

}  // namespace

void convert_rows(const RowsIn& x, int64_t cols, const RowsOut& out, RowRange rows) {
  HWY_DYNAMIC_DISPATCH(ConvertRows)(x, cols, out, rows, row_scratch(cols));
}

void add_norm_rows(float* residual, int64_t residual_stride, const RowsIn* delta,
                   const float* weight, float eps, int64_t cols, const RowsOut& out,
                   RowRange rows) {
  HWY_DYNAMIC_DISPATCH(AddNormRows)
  (residual, residual_stride, delta, weight, eps, cols, out, rows, row_scratch(cols));
}

void add_rows(const RowsIn& a, const RowsIn& b, int64_t cols, const RowsOut& out, RowRange rows) {
  HWY_DYNAMIC_DISPATCH(AddRows)(a, b, cols, out, rows, row_scratch(cols));
}

void silu_mul_rows(const RowsIn& gate, const RowsIn& up, int64_t cols, const RowsOut& out,
                   RowRange rows) {
  HWY_DYNAMIC_DISPATCH(SiluMulRows)(gate, up, cols, out, rows, row_scratch(cols));
}

void head_norm_rope_rows(const RowsIn& x, const HeadRows& heads, const RowsOut& out,
                         RowRange rows) {
  HWY_DYNAMIC_DISPATCH(HeadNormRopeRows)
  (x, heads, out, rows, row_scratch(heads.heads * heads.head_dim));
}

}  // namespace trinity::cpu
#endif  // HWY_ONCE
