// What the CPU lanes keep behind the handles.
#pragma once

#include <memory>
#include <vector>

#include "backend/tensor_handle.h"
#include "backend_cpu/row_kernels.h"
#include "tensor/tensor.h"

namespace trinity::cpu {

/// A matrix [rows, cols], or a range of columns of a wider one (`stride` > cols).
struct Activation : backend::BackendStorage {
  std::shared_ptr<std::byte[]> memory;
  Element element = Element::f32;
  std::byte* data = nullptr;
  int64_t stride = 0;  // elements from row to row

  RowsIn as_input() const { return {reinterpret_cast<const float*>(data), stride}; }
  RowsOut as_output() const { return {data, stride, element}; }
};

struct NormWeight : backend::BackendStorage {
  std::vector<float> values;
};

}  // namespace trinity::cpu
