// What tests of operations share: values out of a Result, and of an activation in any format. Their
// inputs are those of the operation lab (prove/matrix/op_cases_inputs.h).
#pragma once

#include <vector>

#include "prove/matrix/op_cases.h"
#include "prove/matrix/op_cases_inputs.h"
#include "support/take.h"
#include "tensor/bf16.h"

namespace trinity::testing {

/// Row-major f32 values of any activation; see activation_values.
inline std::vector<float> values_of(backend::Backend& backend, const backend::Tensor& tensor) {
  return take(prove::activation_values(backend, tensor));
}

inline std::vector<float> rounded_to_bf16(std::vector<float> values) {
  for (float& value : values) value = f32_from_bf16(bf16_from_f32(value));
  return values;
}

}  // namespace trinity::testing
