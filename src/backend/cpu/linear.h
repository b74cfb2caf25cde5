// Matrix products by oneDNN: weights packed once, one primitive for each shape and row count.
//
// oneDNN's kernels give every row the same bits whatever the number of rows and threads; the tests
// hold it to that. A primitive is built for a fixed row count, which takes a fraction of a
// millisecond, so the row count is rounded up to a bucket (callers allocate that many rows) and
// primitives are kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/cpu/row_kernels.h"
#include "backend/tensor_handle.h"
#include "tensor/tensor.h"

namespace trinity::cpu {

/// Rows a matrix must have room for when `rows` of them are multiplied.
int64_t bucket_rows(int64_t rows);

/// Stacked matrices in oneDNN's packed layout.
struct PackedLinear : BackendStorage {
  int64_t in = 0;
  int64_t out = 0;
  std::vector<int64_t> out_sizes;       // rows of each stacked matrix
  std::shared_ptr<std::byte[]> packed;  // layout chosen by oneDNN for (in, out)
  size_t packed_bytes = 0;
  std::vector<float> col_scale;  // int8: one scale an output, applied by the reader
};

/// See LinearEngine::concurrent; the weight and the engine must outlive it.
class ConcurrentProduct {
 public:
  struct Impl;
  explicit ConcurrentProduct(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  bool multiply(const void* src, float* dst) const;

 private:
  std::shared_ptr<const Impl> impl_;
};

class LinearEngine {
 public:
  /// `element` is the type of weights and inputs of every product.
  explicit LinearEngine(Element element);
  ~LinearEngine();

  /// Packs [out_i, in] matrices (BF16, F16 or F32, row-major) one below the other.
  Result<std::shared_ptr<PackedLinear>> pack(std::span<const TensorView> stacked);

  /// dst [rows, out] f32 = src [rows, in] · Wᵀ. Both are dense and have room for bucket_rows(rows)
  /// rows. int8 products lack the row and column scales.
  Status multiply(const PackedLinear& weight, const void* src, int64_t rows, float* dst);

  /// The product for exactly `rows` rows, to be used by several threads at once; each call computes
  /// on the thread that makes it when that thread is inside a team. The same bits as `multiply`.
  Result<ConcurrentProduct> concurrent(const PackedLinear& weight, int64_t rows);

 private:
  struct Impl;
  Result<std::byte*> gather_rows(std::span<const TensorView> stacked, PackedLinear& weight);

  Element element_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trinity::cpu
