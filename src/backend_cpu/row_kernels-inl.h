// Vector helpers that the row kernels share. Included once for each instruction set, inside its
// namespace and after Highway and exact_math-inl.h; hence no include guard and no includes.

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
      const auto turned = fused(d, a, c, hn::Neg(hn::Mul(b, s)));
      b = fused(d, b, c, hn::Mul(a, s));
      a = turned;
    }
    write(d, i, a);
    write(d, half + i, b);
  });
}
