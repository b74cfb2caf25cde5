#include "backend/cpu/rope_table.h"

#include <algorithm>
#include <cmath>

namespace trinity::cpu {

RopeTable::RopeTable(int64_t head_dim, double theta) : theta_(theta) {
  for (int64_t i = 0; i < head_dim / 2; ++i)
    inverse_frequencies_.push_back(static_cast<float>(
        1.0 / std::pow(theta, 2.0 * static_cast<double>(i) / static_cast<double>(head_dim))));
}

void RopeTable::reserve(int64_t count) {
  const size_t half = inverse_frequencies_.size();
  const size_t have = half == 0 ? 0 : cosines_.size() / half;
  if (static_cast<size_t>(count) <= have) return;
  // Growing by half again keeps the work linear over a long conversation.
  const size_t want = std::max(static_cast<size_t>(count), have + have / 2);
  cosines_.resize(want * half);
  sines_.resize(want * half);
  for (size_t position = have; position < want; ++position)
    for (size_t i = 0; i < half; ++i) {
      const float angle = static_cast<float>(position) * inverse_frequencies_[i];
      cosines_[position * half + i] = static_cast<float>(std::cos(double{angle}));
      sines_[position * half + i] = static_cast<float>(std::sin(double{angle}));
    }
}

}  // namespace trinity::cpu
