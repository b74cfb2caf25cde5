// What the MLX lanes keep behind the handles.
#pragma once

#include <mlx/array.h>

#include <memory>
#include <vector>

#include "backend/tensor_handle.h"
#include "backend_mlx/mlx_worker.h"
#include "tensor/tensor.h"

namespace trinity::mlx_backend {

/// An activation [rows, cols] or a norm weight [size], perhaps not computed yet.
struct ArrayStorage : backend::BackendStorage {
  ArrayStorage(mlx::core::array held, std::shared_ptr<Worker> owner)
      : array(std::move(held)), worker(std::move(owner)) {}
  ~ArrayStorage() override { worker->discard(std::move(array)); }
  ArrayStorage(const ArrayStorage&) = delete;
  ArrayStorage& operator=(const ArrayStorage&) = delete;

  mlx::core::array array;
  std::shared_ptr<Worker> worker;
};

/// Linear weights, transposed: [in, sum of outs].
struct LinearStorage : ArrayStorage {
  using ArrayStorage::ArrayStorage;
  std::vector<int64_t> out_sizes;  // columns of each stacked matrix
};

}  // namespace trinity::mlx_backend
