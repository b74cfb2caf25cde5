#include "route/exsss.h"

#include <cmath>

#include "route/exsss_tables.h"

namespace trinity::route {
namespace {

constexpr std::uint64_t kMask58 = (std::uint64_t{1} << 58) - 1;

std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15u;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// The next non-zero 58-bit word of splitmix64.
std::uint64_t seed58(std::uint64_t& state) {
  std::uint64_t word = 0;
  while (word == 0) word = splitmix64(state) & kMask58;
  return word;
}

}  // namespace

Exsss::Exsss(const SeedTriple& seed) {
  // Each word of the seed is mixed with the state that the word before it left behind.
  std::uint64_t state = seed[0];
  seed58(state);
  state ^= seed[1];
  head_ = seed58(state);
  state ^= seed[2];
  tail_ = seed58(state);
}

std::uint64_t Exsss::next() {
  const std::uint64_t s0 = tail_;
  const std::uint64_t s1 = (head_ ^ (head_ << 24)) & kMask58;
  const std::uint64_t word = s1 ^ s0 ^ (s1 >> 11) ^ (s0 >> 41);
  head_ = s0;
  tail_ = word;
  const std::uint64_t scrambled = (s0 * 5) & kMask58;
  const std::uint64_t rotated = ((scrambled << 7) | (scrambled >> 51)) & kMask58;
  return (rotated * 9) & kMask58;
}

double Exsss::uniform() { return static_cast<double>(next() >> 5) * 0x1p-53; }

std::uint64_t Exsss::uniform(std::uint64_t n) {
  constexpr std::uint64_t kRange = kMask58 + 1;
  if (n == 0 || n > kRange) return 0;
  for (;;) {
    // Words of the last, incomplete run of n are thrown away; they would favour small results.
    const std::uint64_t word = next();
    const std::uint64_t rest = word % n;
    if (word - rest <= kRange - n) return rest + 1;
  }
}

double Exsss::normal() {
  constexpr double kInverseEdge = 1 / kZigguratEdge;
  for (;;) {
    const std::uint64_t word = next();
    const double sign = (word >> 6) & 1 ? -1.0 : 1.0;
    const std::uint64_t draw = word >> 7;
    const std::size_t index = draw & 255;
    const ZigguratLayer& layer = kZigguratLayers[index];
    const double x = static_cast<double>(draw) * layer.width;
    if (draw < layer.inside) return sign * x;

    if (index == 0) {
      // Beyond the edge: Marsaglia's method for the tail.
      for (;;) {
        const double beyond = -kInverseEdge * std::log(uniform());
        const double y = -std::log(uniform());
        if (y + y > beyond * beyond) return sign * (kZigguratEdge + beyond);
      }
    }
    // In the wedge between the layer's rectangle and the curve.
    const double below = layer.height;
    const double above = kZigguratLayers[index - 1].height;
    if ((above - below) * uniform() + below < std::exp(-0.5 * x * x)) return sign * x;
  }
}

}  // namespace trinity::route
