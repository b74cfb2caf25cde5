#include "backend_cpu/rope_table.h"

#include <algorithm>

#include "backend/rope_angles.h"

namespace trinity::cpu {

RopeTable::RopeTable(int64_t head_dim, const backend::Rope& rope)
    : rope_(rope), frequencies_(backend::rope_frequencies(head_dim, rope)) {}

void RopeTable::reserve(int64_t count) {
  const size_t half = frequencies_.size();
  const size_t have = half == 0 ? 0 : cosines_.size() / half;
  if (static_cast<size_t>(count) <= have) return;
  // Growing by half again keeps the work linear over a long conversation.
  const size_t want = std::max(static_cast<size_t>(count), have + have / 2);
  const float scaling = rope_.attention_scaling();
  cosines_.resize(want * half);
  sines_.resize(want * half);
  for (size_t position = have; position < want; ++position)
    for (size_t i = 0; i < half; ++i) {
      const backend::CosSin turn = backend::rope_cos_sin(
          backend::rope_angle(static_cast<int64_t>(position), frequencies_[i]));
      cosines_[position * half + i] = turn.cosine * scaling;
      sines_[position * half + i] = turn.sine * scaling;
    }
}

}  // namespace trinity::cpu
