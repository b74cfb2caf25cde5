// Numbers of about a hundred bits: pairs of doubles, from IEEE additions, products and fma alone,
// so that every platform computes the same ones.
#pragma once

#include <cmath>

namespace trinity::backend {

/// hi + lo, |lo| ≤ half a unit in the last place of hi.
struct DoubleDouble {
  double hi = 0;
  double lo = 0;
};

/// a + b exactly.
inline DoubleDouble two_sum(double a, double b) {
  const double sum = a + b;
  const double part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

/// a · b exactly (unless it underflows).
inline DoubleDouble two_product(double a, double b) {
  const double product = a * b;
  return {product, std::fma(a, b, -product)};
}

inline DoubleDouble operator+(const DoubleDouble& a, const DoubleDouble& b) {
  const DoubleDouble high = two_sum(a.hi, b.hi), low = two_sum(a.lo, b.lo);
  const DoubleDouble sum = two_sum(high.hi, high.lo + low.hi);
  return two_sum(sum.hi, sum.lo + low.lo);
}

inline DoubleDouble operator-(const DoubleDouble& a) { return {-a.hi, -a.lo}; }

inline DoubleDouble operator*(const DoubleDouble& a, const DoubleDouble& b) {
  const DoubleDouble product = two_product(a.hi, b.hi);
  return two_sum(product.hi, product.lo + (a.hi * b.lo + a.lo * b.hi));
}

inline DoubleDouble operator/(const DoubleDouble& a, double b) {
  const double quotient = a.hi / b;
  const double rest = std::fma(-quotient, b, a.hi) + a.lo;
  return two_sum(quotient, rest / b);
}

inline DoubleDouble operator/(const DoubleDouble& a, const DoubleDouble& b) {
  const double quotient = a.hi / b.hi;
  const DoubleDouble rest = a + -(b * DoubleDouble{quotient, 0});
  return two_sum(quotient, rest.hi / b.hi);
}

}  // namespace trinity::backend
