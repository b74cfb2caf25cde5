// The generator behind seeded decisions and evolution samples: Xorshift116 with the StarStar
// scrambler on 58-bit words, known as `exsss`.
//
// Published runs name their seeds for this generator, so its words, its seeding by splitmix64 and
// its conversion to uniform numbers are fixed. Everything is unsigned arithmetic on 64-bit words
// with the low 58 bits kept.
#pragma once

#include <trinity/decision.h>

#include <cstdint>

namespace trinity::route {

class Exsss {
 public:
  /// Seeds with three words; negative seeds are taken modulo 2^64.
  explicit Exsss(const SeedTriple& seed);

  /// The next 58-bit word.
  std::uint64_t next();

  /// A number in [0, 1): the upper 53 bits of the next word.
  double uniform();

  /// An integer in 1..n without bias, n in 1..2^58; 0 when n is outside that range.
  std::uint64_t uniform(std::uint64_t n);

  /// A standard normal number by kNormalTransform.
  double normal();

  /// Name of the transform of normal(), recorded by everything that samples with it.
  static constexpr const char* kNormalTransform = "exsss_ziggurat_256";

 private:
  std::uint64_t head_;
  std::uint64_t tail_;
};

}  // namespace trinity::route
