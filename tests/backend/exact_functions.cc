// Compiled several times, see exact_functions.h. TRINITY_EXACT_BUILD names the function that is
// defined here. The namespace of the arithmetic gets the same name, or the linker would keep one
// copy of its inline functions for all.
#include "backend/exact_functions.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#define exact TRINITY_EXACT_BUILD
#include "backend/exact_rows.h"
#undef exact

#define TRINITY_TEXT_OF(name) #name
#define TRINITY_TEXT(name) TRINITY_TEXT_OF(name)

namespace trinity::testing {

ExactFunctions TRINITY_EXACT_BUILD() {
  namespace build = ::trinity::backend::TRINITY_EXACT_BUILD;
  return {TRINITY_TEXT(TRINITY_EXACT_BUILD),
          build::exp_nonpositive,
          build::silu_mul,
          build::row_sum,
          build::product,
          build::rms_norm_row,
          build::rotate_head,
          build::attend,
          build::int8_row,
          build::int8_product};
}

}  // namespace trinity::testing
