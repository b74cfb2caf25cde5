// Frequency: the true value is f32 number f when it lies between the middles to f's neighbours, and
// θ^(−p/q) > m is the same as θ^p · m^q < 1, a product of doubles. It is multiplied out in pairs of
// doubles; equality is impossible, since a middle is no root of a power of a binary fraction.
//
// Cosine and sine: the f64 value of a library lies within a few units of its last place of the
// truth. If the numbers at both ends of that interval round alike, so does the truth. Otherwise the
// angle is reduced by multiples of π/2, which is held in three doubles (160 bits), and the Taylor
// series is summed in pairs of doubles. The hardest f32 argument needs about 60 correct bits; here
// are 85 or more.
#include "backend/rope_angles.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "backend/double_double.h"
#include "backend/rope_scaling.h"

namespace trinity::backend {
namespace {

constexpr double kLargestAngle = 0x1p40;
constexpr double kLibraryError = 0x1p-50;  // relative, 4 to 8 units in the last place
constexpr int kTerms = 15;                 // (π/4)^31 / 31! < 2^-120

// π/2 = kHalfPi[0] + kHalfPi[1] + kHalfPi[2] + 1.3 · 2^-164.
constexpr double kHalfPi[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};
constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;

float neighbour(float value, float direction) { return std::nextafterf(value, direction); }

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Where f32 rounding changes between two neighbours; exact.
double middle(float a, float b) { return (double{a} + double{b}) / 2; }

/// To nearest. Rounding hi alone errs when hi is a middle: then lo decides.
float rounded(const DoubleDouble& value) {
  const auto near = static_cast<float>(value.hi);
  if (double{near} == value.hi || value.lo == 0) return near;
  const float other = neighbour(near, value.hi > double{near} ? kInfinity : -kInfinity);
  if (middle(near, other) != value.hi) return near;
  return (value.lo > 0) == (other > near) ? other : near;
}

/// θ^p · m^q < 1. Factors below and above 1 take turns, so that the product stays near 1.
bool product_is_below_one(double theta, int64_t p, double m, int64_t q) {
  DoubleDouble product{1, 0};
  while (p + q > 0) {
    const bool grow = product.hi < 1;
    const bool take_theta = q == 0 || (p > 0 && (theta > 1) == grow);
    product = product * DoubleDouble{take_theta ? theta : m, 0};
    --(take_theta ? p : q);
  }
  return product.hi < 1 || (product.hi == 1 && product.lo < 0);
}

/// θ^(−p/q).
float root_of_power(double theta, int64_t p, int64_t q) {
  const auto value =
      static_cast<float>(std::pow(theta, -static_cast<double>(p) / static_cast<double>(q)));
  if (!std::isfinite(value) || value == 0) return value;
  const float above = neighbour(value, kInfinity), below = neighbour(value, 0);
  if (product_is_below_one(theta, p, middle(value, above), q)) return above;
  return product_is_below_one(theta, p, middle(value, below), q) ? value : below;
}

/// Whether every number within the library's error of `value` rounds to the same f32.
bool is_settled(double value) {
  const double slack = std::fabs(value) * kLibraryError;
  return static_cast<float>(value - slack) == static_cast<float>(value + slack);
}

}  // namespace

std::vector<float> rope_frequencies(int64_t head_dim, const Rope& rope) {
  if (rope.scaling != RopeScaling::none) return scaled_rope_frequencies(head_dim, rope);
  std::vector<float> frequencies;
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    const int64_t common = std::gcd(2 * i, head_dim);
    frequencies.push_back(root_of_power(rope.theta, 2 * i / common, head_dim / common));
  }
  return frequencies;
}

CosSin rope_cos_sin(float angle) {
  const double cosine = std::cos(double{angle}), sine = std::sin(double{angle});
  const bool in_range = std::fabs(double{angle}) <= kLargestAngle;
  if (in_range && !(is_settled(cosine) && is_settled(sine))) return rope_cos_sin_by_series(angle);
  return {static_cast<float>(cosine), static_cast<float>(sine)};
}

CosSin rope_cos_sin_by_series(float angle) {
  const double quarters = std::nearbyint(double{angle} * kTwoOverPi);
  DoubleDouble x{double{angle}, 0};
  for (const double part : kHalfPi) x = x + -two_product(quarters, part);
  const DoubleDouble square = x * x;
  DoubleDouble cosine{1, 0}, sine = x, cosine_term = cosine, sine_term = x;
  for (int k = 1; k <= kTerms; ++k) {
    cosine_term = -(cosine_term * square) / ((2.0 * k - 1) * (2.0 * k));
    sine_term = -(sine_term * square) / ((2.0 * k) * (2.0 * k + 1));
    cosine = cosine + cosine_term;
    sine = sine + sine_term;
  }
  switch (static_cast<int64_t>(quarters) & 3) {
    case 0:
      return {rounded(cosine), rounded(sine)};
    case 1:
      return {rounded(-sine), rounded(cosine)};
    case 2:
      return {rounded(-cosine), rounded(-sine)};
    default:
      return {rounded(sine), rounded(-cosine)};
  }
}

}  // namespace trinity::backend
