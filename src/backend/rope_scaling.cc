#include "backend/rope_scaling.h"

#include <algorithm>
#include <cmath>

#include "backend/double_double.h"

namespace trinity::backend {
namespace {

constexpr double kPi = 0x1.921fb54442d18p+1;
constexpr DoubleDouble kLn2{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
constexpr int kLogTerms = 24;  // 0.172^49 / 49 < 2^-124
constexpr int kExpTerms = 24;  // 0.347^25 / 25! < 2^-120

/// x = m · 2^e with m about 1, and ln(m) = 2 artanh((m − 1) / (m + 1)).
DoubleDouble log_of(double x) {
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);
  if (mantissa < 0x1.6a09e667f3bcdp-1) {  // below √½
    mantissa *= 2;
    --exponent;
  }
  const DoubleDouble z = two_sum(mantissa, -1) / two_sum(mantissa, 1);
  const DoubleDouble square = z * z;
  DoubleDouble sum = z, power = z;
  for (int k = 1; k <= kLogTerms; ++k) {
    power = power * square;
    sum = sum + power / (2.0 * k + 1);
  }
  return sum + sum + kLn2 * DoubleDouble{static_cast<double>(exponent), 0};
}

/// e^x = 2^n · e^(x − n ln 2), the rest by its Taylor series.
DoubleDouble exp_of(const DoubleDouble& x) {
  const double n = std::floor(x.hi / kLn2.hi + 0.5);
  const DoubleDouble rest = x + -(kLn2 * DoubleDouble{n, 0});
  DoubleDouble sum{1, 0}, term{1, 0};
  for (int k = 1; k <= kExpTerms; ++k) {
    term = term * rest / static_cast<double>(k);
    sum = sum + term;
  }
  const int power = static_cast<int>(n);
  return {std::ldexp(sum.hi, power), std::ldexp(sum.lo, power)};
}

/// θ^(−2i/head_dim).
double plain_frequency(int64_t i, int64_t head_dim, const DoubleDouble& log_theta) {
  const DoubleDouble exponent =
      DoubleDouble{static_cast<double>(2 * i), 0} / static_cast<double>(head_dim);
  return exp_of(-(log_theta * exponent)).hi;
}

double llama3_frequency(double frequency, const Rope& rope) {
  const double wavelength = 2 * kPi / frequency;
  const double long_wave = rope.original_positions / rope.low_freq_factor;
  const double short_wave = rope.original_positions / rope.high_freq_factor;
  if (wavelength < short_wave) return frequency;
  if (wavelength > long_wave) return frequency / rope.factor;
  const double smooth = (rope.original_positions / wavelength - rope.low_freq_factor) /
                        (rope.high_freq_factor - rope.low_freq_factor);
  return (1 - smooth) * frequency / rope.factor + smooth * frequency;
}

/// Which frequencies YaRN leaves alone (ramp 0), divides by the factor (1), or mixes.
class YarnRamp {
 public:
  YarnRamp(int64_t head_dim, const Rope& rope) {
    low_ = dimension(rope.beta_fast, head_dim, rope);
    high_ = dimension(rope.beta_slow, head_dim, rope);
    if (rope.truncate) {
      low_ = std::floor(low_);
      high_ = std::ceil(high_);
    }
    low_ = std::max(low_, 0.0);
    high_ = std::min(high_, static_cast<double>(head_dim - 1));
    if (low_ == high_) high_ += 0.001;
  }
  double at(int64_t i) const {
    return std::clamp((static_cast<double>(i) - low_) / (high_ - low_), 0.0, 1.0);
  }

 private:
  /// The dimension that turns so often within the original context.
  static double dimension(double rotations, int64_t head_dim, const Rope& rope) {
    return static_cast<double>(head_dim) *
           portable_log(rope.original_positions / (rotations * 2 * kPi)) /
           (2 * portable_log(rope.theta));
  }

  double low_ = 0;
  double high_ = 0;
};

double magnitude(double scale, double mscale) {
  return scale <= 1 ? 1.0 : 0.1 * mscale * portable_log(scale) + 1.0;
}

}  // namespace

double portable_log(double x) { return log_of(x).hi; }

double portable_exp(double x) { return exp_of({x, 0}).hi; }

double yarn_attention_factor(double factor, double mscale, double mscale_all_dim) {
  if (mscale != 0 && mscale_all_dim != 0)
    return magnitude(factor, mscale) / magnitude(factor, mscale_all_dim);
  return magnitude(factor, 1);
}

std::vector<float> scaled_rope_frequencies(int64_t head_dim, const Rope& rope) {
  const DoubleDouble log_theta = log_of(rope.theta);
  std::vector<double> frequencies;
  for (int64_t i = 0; i < head_dim / 2; ++i)
    frequencies.push_back(plain_frequency(i, head_dim, log_theta));
  if (rope.scaling == RopeScaling::yarn) {
    const YarnRamp ramp(head_dim, rope);
    for (int64_t i = 0; i < head_dim / 2; ++i) {
      double& frequency = frequencies[static_cast<size_t>(i)];
      const double kept = 1 - ramp.at(i);
      frequency = frequency / rope.factor * (1 - kept) + frequency * kept;
    }
  } else {
    for (double& frequency : frequencies)
      frequency = rope.scaling == RopeScaling::llama3 ? llama3_frequency(frequency, rope)
                                                      : frequency / rope.factor;
  }
  std::vector<float> rounded;
  for (const double frequency : frequencies) rounded.push_back(static_cast<float>(frequency));
  return rounded;
}

}  // namespace trinity::backend
