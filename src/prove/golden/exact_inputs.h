// Generated inputs that are the same bits on every machine.
//
// Integers of splitmix64 are scaled by powers of two: no function of a mathematical library takes
// part, whose last digit another library may give otherwise. Values fill up to all 24 bits of an
// f32, so that nearly every operation on them has to round.
#pragma once

#include <cstdint>
#include <vector>

#include "prove/matrix/op_cases_inputs.h"

namespace trinity::prove {

class ExactInputs {
 public:
  explicit ExactInputs(uint64_t seed) : stream_(seed) {}

  /// Between −2 and 2, small ones more often, times 2^exponent.
  std::vector<float> values(int64_t count, int exponent = 0);
  /// Rows of values; every few rows one is small, large, mixed in size, or subnormal.
  std::vector<float> rows(int64_t count, int64_t cols);
  /// A weight [out, in] whose products with rows() stay of order one.
  HostMatrix weight(int64_t out, int64_t in, DType dtype);
  /// A norm weight [size] about 1.
  HostMatrix norm(int64_t size, DType dtype);
  std::vector<int32_t> ids(int64_t count, int64_t vocab) { return stream_.ids(count, vocab); }

 private:
  float value(int exponent);

  InputStream stream_;
};

}  // namespace trinity::prove
