// The scalar functions of the exact arithmetic as compiled in several ways.
//
// exact_functions.cc is compiled once with optimisation, once without, and, where the processor has
// it, once for hardware fma. A definition of bits is one only if all give the same.
#pragma once

#include <cstdint>

namespace trinity::testing {

struct ExactFunctions {
  const char* name;
  float (*exp_nonpositive)(float);
  float (*silu_mul)(float, float);
  float (*row_sum)(const float*, int64_t);
  float (*product)(const float*, const float*, int64_t);
  void (*rms_norm_row)(const float*, const float*, int64_t, float, float*);
  void (*rotate_head)(const float*, const float*, const float*, int64_t, float*);
  void (*attend)(const float*, const float*, const float*, int64_t, int64_t, int64_t, float*);
  float (*int8_row)(const float*, int64_t, int8_t*);
  float (*int8_product)(const int8_t*, float, const int8_t*, float, int64_t);
};

ExactFunctions exact_optimised();
ExactFunctions exact_unoptimised();
/// Defined on x86-64 only, to be called only where the processor has fma.
ExactFunctions exact_hardware_fma();

}  // namespace trinity::testing
