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

namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::ScalableTag<float>;
using One = hn::CappedTag<float, 1>;

/// Calls body(tag, index) for whole vectors, then for single elements.
template <class Body>
HWY_INLINE void for_each(int64_t count, const Body& body) {
  const Wide wide;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) body(wide, i);
  for (; i < count; ++i) body(One(), i);
}

template <class D>
HWY_INLINE hn::Vec<D> load_scaled(D d, const RowsIn& x, int64_t row, int64_t col) {
  auto value = hn::LoadU(d, x.data + row * x.stride + col);
  if (x.col_scale != nullptr) value = hn::Mul(value, hn::LoadU(d, x.col_scale + col));
  if (x.row_scale != nullptr) value = hn::Mul(value, hn::Set(d, x.row_scale[row]));
  return value;
}

/// Sum of squares in four running vectors, combined in a fixed order.
HWY_INLINE float sum_of_squares(const float* x, int64_t count) {
  const Wide d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    const auto a = hn::LoadU(d, x + i), b = hn::LoadU(d, x + i + lanes);
    const auto c = hn::LoadU(d, x + i + 2 * lanes), e = hn::LoadU(d, x + i + 3 * lanes);
    s0 = hn::MulAdd(a, a, s0);
    s1 = hn::MulAdd(b, b, s1);
    s2 = hn::MulAdd(c, c, s2);
    s3 = hn::MulAdd(e, e, s3);
  }
  for (; i + lanes <= count; i += lanes) {
    const auto a = hn::LoadU(d, x + i);
    s0 = hn::MulAdd(a, a, s0);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
  for (; i < count; ++i) sum += x[i] * x[i];
  return sum;
}

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

/// Rounds to nearest even; the upper halves of the results are what bf16 keeps.
template <class D>
HWY_INLINE void store_bf16(D /*tag*/, hn::Vec<D> value, uint16_t* to) {
  const hn::Rebind<uint32_t, D> du32;
  const hn::Rebind<uint16_t, D> du16;
  const auto bits = hn::BitCast(du32, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du32, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(du32, 0x7FFFu)), odd));
  hn::StoreU(hn::TruncateTo(du16, rounded), du16, to);
}

/// Writes one finished row (f32, `cols` values) in the destination's element type.
HWY_INLINE void store_row(const float* x, int64_t cols, const RowsOut& out, int64_t row) {
  if (out.element == Element::f32) {
    std::memcpy(static_cast<float*>(out.data) + row * out.stride, x,
                static_cast<size_t>(cols) * sizeof(float));
  } else if (out.element == Element::bf16) {
    uint16_t* to = static_cast<uint16_t*>(out.data) + row * out.stride;
    for_each(cols, [&](auto d, int64_t i) HWY_ATTR { store_bf16(d, hn::LoadU(d, x + i), to + i); });
  } else {
    int8_t* to = static_cast<int8_t*>(out.data) + row * out.stride;
    const float largest = largest_magnitude(x, cols);
    const float scale = largest / 127.0f;
    const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
    out.row_scale[row] = scale;
    for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
      const hn::Rebind<int8_t, decltype(d)> di8;
      const auto scaled = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, inverse));
      hn::StoreU(hn::DemoteTo(di8, hn::NearestInt(scaled)), di8, to + i);
    });
  }
}

void ConvertRows(const RowsIn& x, int64_t cols, const RowsOut& out, RowRange rows,
                 float* scratch) {
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
      hn::StoreU(load_scaled(d, x, r, i), d, scratch + i);
    });
    store_row(scratch, cols, out, r);
  }
}

void AddNormRows(float* residual, int64_t residual_stride, const RowsIn* delta,
                 const float* weight, float eps, int64_t cols, const RowsOut& out, RowRange rows,
                 float* scratch) {
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    float* h = residual + r * residual_stride;
    if (delta != nullptr)
      for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
        hn::StoreU(hn::Add(hn::LoadU(d, h + i), load_scaled(d, *delta, r, i)), d, h + i);
      });
    const float mean = sum_of_squares(h, cols) / static_cast<float>(cols);
    const float inverse = 1.0f / std::sqrt(mean + eps);
    for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
      const auto normed = hn::Mul(hn::LoadU(d, h + i), hn::Set(d, inverse));
      hn::StoreU(hn::Mul(normed, hn::LoadU(d, weight + i)), d, scratch + i);
    });
    store_row(scratch, cols, out, r);
  }
}

void AddRows(const RowsIn& a, const RowsIn& b, int64_t cols, const RowsOut& out, RowRange rows,
             float* scratch) {
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
      hn::StoreU(hn::Add(load_scaled(d, a, r, i), load_scaled(d, b, r, i)), d, scratch + i);
    });
    store_row(scratch, cols, out, r);
  }
}

void SiluMulRows(const RowsIn& gate, const RowsIn& up, int64_t cols, const RowsOut& out,
                 RowRange rows, float* scratch) {
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
      const auto z = load_scaled(d, gate, r, i);
      const auto silu = hn::Div(z, hn::Add(hn::Set(d, 1.0f), hn::Exp(d, hn::Neg(z))));
      hn::StoreU(hn::Mul(silu, load_scaled(d, up, r, i)), d, scratch + i);
    });
    store_row(scratch, cols, out, r);
  }
}

void HeadNormRopeRows(const RowsIn& x, const HeadRows& heads, const RowsOut& out, RowRange rows,
                      float* scratch) {
  const int64_t dim = heads.head_dim, half = dim / 2, cols = heads.heads * dim;
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    for_each(cols, [&](auto d, int64_t i) HWY_ATTR {
      hn::StoreU(load_scaled(d, x, r, i), d, scratch + i);
    });
    for (int64_t h = 0; h < heads.heads; ++h) {
      float* head = scratch + h * dim;
      if (heads.weight != nullptr) {
        const float mean = sum_of_squares(head, dim) / static_cast<float>(dim);
        const float inverse = 1.0f / std::sqrt(mean + heads.eps);
        for_each(dim, [&](auto d, int64_t i) HWY_ATTR {
          const auto normed = hn::Mul(hn::LoadU(d, head + i), hn::Set(d, inverse));
          hn::StoreU(hn::Mul(normed, hn::LoadU(d, heads.weight + i)), d, head + i);
        });
      }
      if (heads.cosines != nullptr) {
        const float* cosines = heads.cosines + heads.positions[r] * half;
        const float* sines = heads.sines + heads.positions[r] * half;
        for_each(half, [&](auto d, int64_t i) HWY_ATTR {
          const auto a = hn::LoadU(d, head + i), b = hn::LoadU(d, head + half + i);
          const auto c = hn::LoadU(d, cosines + i), s = hn::LoadU(d, sines + i);
          hn::StoreU(hn::Sub(hn::Mul(a, c), hn::Mul(b, s)), d, head + i);
          hn::StoreU(hn::Add(hn::Mul(b, c), hn::Mul(a, s)), d, head + half + i);
        });
      }
    }
    store_row(scratch, cols, out, r);
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
