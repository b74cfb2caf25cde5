// The shape of linear weights that are stacked, one over the other, into a single product.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace trinity::backend {

struct StackedShape {
  std::vector<int64_t> out_sizes;  // rows of every part
  int64_t out = 0;                 // all rows
  int64_t in = 0;                  // columns, the same for all
};

/// Error `tensor_shape_mismatch` unless all are matrices with the same number of columns.
Result<StackedShape> stacked_shape(std::span<const TensorView> stacked);

}  // namespace trinity::backend
