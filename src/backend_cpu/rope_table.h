// Cosines and sines of the rotary angles, computed once for each position and kept.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/rope.h"

namespace trinity::cpu {

/// Tables [position][head_dim / 2] of cos and sin of position · frequency, times the attention
/// factor of a scaled rope. The angle is an f32 product of f32 factors, as in the reference
/// formula; the rest is correctly rounded (rope_angles.h), the same bits everywhere.
class RopeTable {
 public:
  RopeTable(int64_t head_dim, const backend::Rope& rope);

  int64_t head_dim() const { return 2 * static_cast<int64_t>(frequencies_.size()); }
  const backend::Rope& rope() const { return rope_; }

  /// Makes positions 0..count−1 available.
  void reserve(int64_t count);
  const float* cosines() const { return cosines_.data(); }
  const float* sines() const { return sines_.data(); }

 private:
  backend::Rope rope_;
  std::vector<float> frequencies_;
  std::vector<float> cosines_;
  std::vector<float> sines_;
};

}  // namespace trinity::cpu
