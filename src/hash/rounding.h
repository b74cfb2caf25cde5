// Decimal rounding as the hashes need it: exact, and half away from zero.
//
// A double is m * 2^e with integer m, so x * 10^n is a fraction whose denominator is a power of two
// and whose numerator fits 128 bits. The tie is decided on that exact fraction, and the rounded
// decimal is divided back with one correct rounding. printf("%.6f") rounds ties to even and
// multiplying by 10^n in floating point rounds twice; neither gives these values.
#pragma once

namespace trinity::hash {

/// Largest number of decimal places that round_decimal accepts.
inline constexpr int kMaxDecimalPlaces = 15;

/// The double nearest to x rounded to `places` (0..15, clamped) decimals, ties away from zero, the
/// tie decided on x's exact value. A negative x that rounds to zero gives -0.0. NaN and infinities
/// are returned as they are.
double round_decimal(double x, int places);

}  // namespace trinity::hash
