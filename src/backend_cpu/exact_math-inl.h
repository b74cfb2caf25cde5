// The exact arithmetic (backend/exact_arithmetic.h) in vectors. Included once for each instruction
// set, inside its namespace and after Highway; hence no include guard and no includes.
//
// A vector holds values that do not meet, so its width never shows in a result. Where values do
// meet (row sums), sixteen partial sums lie in as many registers as it takes.

namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::ScalableTag<float>;
using One = hn::CappedTag<float, 1>;
/// At most 16 lanes, a divisor of 16 on every instruction set.
using Lanes16 = hn::CappedTag<float, 16>;
inline constexpr auto kLanes16 = static_cast<int64_t>(hn::MaxLanes(Lanes16()));
inline constexpr int kVectors16 = static_cast<int>(16 / kLanes16);

/// a · b + c with one rounding, also where the instruction set has none of its own.
template <class D>
HWY_INLINE hn::Vec<D> fused(D d, hn::Vec<D> a, hn::Vec<D> b, hn::Vec<D> c) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  constexpr size_t n = hn::MaxLanes(D());
  HWY_ALIGN float x[n], y[n], z[n];
  hn::Store(a, d, x);
  hn::Store(b, d, y);
  hn::Store(c, d, z);
  for (size_t i = 0; i < n; ++i) z[i] = std::fma(x[i], y[i], z[i]);
  return hn::Load(d, z);
#else
  (void)d;
  return hn::MulAdd(a, b, c);
#endif
}

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
HWY_INLINE hn::Vec<D> power_of_two(D d, hn::Vec<hn::Rebind<int32_t, D>> n) {
  const hn::Rebind<int32_t, D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
}

/// backend::exact::exp_nonpositive of every lane.
template <class D>
HWY_INLINE hn::Vec<D> exp_nonpositive(D d, hn::Vec<D> z) {
  const hn::Rebind<int32_t, D> di;
  const auto n = hn::Round(hn::Mul(z, hn::Set(d, backend::exact::kLog2E)));
  auto t = fused(d, n, hn::Set(d, -backend::exact::kLn2High), z);
  t = fused(d, n, hn::Set(d, -backend::exact::kLn2Low), t);
  auto y = hn::Set(d, backend::exact::kExp6);
  y = fused(d, y, t, hn::Set(d, backend::exact::kExp5));
  y = fused(d, y, t, hn::Set(d, backend::exact::kExp4));
  y = fused(d, y, t, hn::Set(d, backend::exact::kExp3));
  y = fused(d, y, t, hn::Set(d, backend::exact::kExp2));
  y = fused(d, y, t, hn::Set(d, 1.0f));
  y = fused(d, y, t, hn::Set(d, 1.0f));
  const auto whole = hn::ConvertTo(di, n);
  const auto half = hn::ShiftRight<1>(whole);
  y = hn::Mul(hn::Mul(y, power_of_two(d, half)), power_of_two(d, hn::Sub(whole, half)));
  // What lies below the lowest may have overflowed the exponent above.
  return hn::IfThenZeroElse(hn::Lt(z, hn::Set(d, backend::exact::kExpLowest)), y);
}

/// backend::exact::silu_mul of every lane.
template <class D>
HWY_INLINE hn::Vec<D> silu_mul(D d, hn::Vec<D> z, hn::Vec<D> u) {
  const auto e = exp_nonpositive(d, hn::Neg(hn::Abs(z)));
  const auto numerator = hn::IfThenElse(hn::Lt(z, hn::Zero(d)), hn::Mul(z, e), z);
  return hn::Mul(hn::Div(numerator, hn::Add(hn::Set(d, 1.0f), e)), u);
}

/// backend::exact::row_sum_of_squares. Elements that fill up the last sixteen are zeros, which
/// change no partial sum.
HWY_INLINE float row_sum_of_squares(const float* x, int64_t count) {
  const Lanes16 d;
  hn::Vec<Lanes16> p[kVectors16];
  for (int v = 0; v < kVectors16; ++v) p[v] = hn::Zero(d);
  int64_t i = 0;
  for (; i + 16 <= count; i += 16)
    for (int v = 0; v < kVectors16; ++v) {
      const auto a = hn::LoadU(d, x + i + v * kLanes16);
      p[v] = fused(d, a, a, p[v]);
    }
  if (i < count) {
    alignas(64) float rest[16] = {};
    for (int64_t j = 0; i + j < count; ++j) rest[j] = x[i + j];
    for (int v = 0; v < kVectors16; ++v) {
      const auto a = hn::Load(d, rest + v * kLanes16);
      p[v] = fused(d, a, a, p[v]);
    }
  }
  alignas(64) float partial[16];
  for (int v = 0; v < kVectors16; ++v) hn::Store(p[v], d, partial + v * kLanes16);
  return backend::exact::combine(partial);
}

/// backend::exact::inverse_rms.
HWY_INLINE float inverse_rms(const float* x, int64_t count, float eps) {
  const float reciprocal = 1.0f / static_cast<float>(count);
  return 1.0f / std::sqrt(row_sum_of_squares(x, count) * reciprocal + eps);
}
