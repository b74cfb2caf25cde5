#include "backend/stacked_shape.h"

namespace trinity::backend {

Result<StackedShape> stacked_shape(std::span<const TensorView> stacked) {
  StackedShape shape;
  for (const TensorView& view : stacked) {
    if (view.shape.size() != 2 || (!shape.out_sizes.empty() && view.shape[1] != shape.in))
      return fail(ErrorKind::invalid_input, "tensor_shape_mismatch",
                  "stacked linear weights must be matrices that share their input width");
    shape.in = view.shape[1];
    shape.out_sizes.push_back(view.shape[0]);
    shape.out += view.shape[0];
  }
  return shape;
}

}  // namespace trinity::backend
