// Vector helpers that the row kernels share. Included once for each instruction set, inside its
// namespace and after Highway; hence no include guard and no includes.

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

/// The bits of bf16(value), rounded to nearest even, in the lower half of each lane.
template <class D>
HWY_INLINE hn::Vec<hn::Rebind<uint32_t, D>> bf16_bits(D /*tag*/, hn::Vec<D> value) {
  const hn::Rebind<uint32_t, D> du32;
  const auto bits = hn::BitCast(du32, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du32, 1u));
  return hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(du32, 0x7FFFu)), odd));
}

template <class D>
HWY_INLINE void store_bf16(D d, hn::Vec<D> value, uint16_t* to) {
  const hn::Rebind<uint16_t, D> du16;
  hn::StoreU(hn::TruncateTo(du16, bf16_bits(d, value)), du16, to);
}

/// Where the values of one row go, element type known at compile time.
struct F32Writer {
  float* to;
  template <class D>
  HWY_INLINE void operator()(D d, int64_t i, hn::Vec<D> value) const {
    hn::StoreU(value, d, to + i);
  }
};
struct Bf16Writer {
  uint16_t* to;
  template <class D>
  HWY_INLINE void operator()(D d, int64_t i, hn::Vec<D> value) const {
    store_bf16(d, value, to + i);
  }
};

/// 1 / rms of a head.
HWY_INLINE float inverse_rms(const float* head, int64_t dim, float eps) {
  return 1.0f / std::sqrt(sum_of_squares(head, dim) / static_cast<float>(dim) + eps);
}

/// Writes head · inverse · weight.
template <class Writer>
HWY_INLINE void norm_head(const float* head, int64_t dim, float inverse, const float* weight,
                          const Writer& write) {
  for_each(dim, [&](auto d, int64_t i) HWY_ATTR {
    const auto normed = hn::Mul(hn::LoadU(d, head + i), hn::Set(d, inverse));
    write(d, i, hn::Mul(normed, hn::LoadU(d, weight + i)));
  });
}

/// Writes head · inverse · weight, rotated by pairs (i, i + dim/2); dim is even. A null weight
/// means no norm, null cosines no rotation. Reads `head` before it writes the same elements, so
/// `write` may go back to it.
template <class Writer>
HWY_INLINE void norm_rotate_head(const float* head, int64_t dim, float inverse, const float* weight,
                                 const float* cosines, const float* sines, const Writer& write) {
  const int64_t half = dim / 2;
  for_each(half, [&](auto d, int64_t i) HWY_ATTR {
    auto a = hn::LoadU(d, head + i), b = hn::LoadU(d, head + half + i);
    if (weight != nullptr) {
      const auto factor = hn::Set(d, inverse);
      a = hn::Mul(hn::Mul(a, factor), hn::LoadU(d, weight + i));
      b = hn::Mul(hn::Mul(b, factor), hn::LoadU(d, weight + half + i));
    }
    if (cosines != nullptr) {
      const auto c = hn::LoadU(d, cosines + i), s = hn::LoadU(d, sines + i);
      const auto turned = hn::Sub(hn::Mul(a, c), hn::Mul(b, s));
      b = hn::Add(hn::Mul(b, c), hn::Mul(a, s));
      a = turned;
    }
    write(d, i, a);
    write(d, half + i, b);
  });
}
