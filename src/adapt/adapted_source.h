// Base weights with some tensors replaced: what a model with an adapted bundle, or a router vector,
// is loaded from.
//
// Layer matrices are multiplied by their factor when they are added. The embedding is not: its rows
// are multiplied when they are asked for, and rounded to the type of the weights as the exporter
// rounds the whole matrix, so both give the same bits.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapt/selection.h"
#include "adapt/svf.h"
#include "model/weights.h"

namespace trinity::adapt {

class AdaptedSource final : public model::TensorSource {
 public:
  /// `base` must outlive the source.
  explicit AdaptedSource(const model::TensorSource& base) : base_(base) {}

  /// Replaces a tensor by a view whose memory outlives the source.
  void replace(const std::string& name, const TensorView& view);
  /// Replaces a tensor by memory of its own.
  void replace(const std::string& name, DType dtype, MatrixShape shape,
               std::vector<std::byte> bytes);
  /// Replaces a matrix by base·factor. `algebra` must live as long as the source and what
  /// is loaded from it. Errors: `missing_tensor`, those of the algebra.
  Status project(backend::DenseAlgebra& algebra, const std::string& name,
                 std::span<const double> factor);

  Result<TensorView> tensor(const std::string& name) const override;
  std::shared_ptr<const model::EmbeddingRows> embedding_rows() const override { return rows_; }
  void release(const std::string& name) const override;

 private:
  struct Owned {
    TensorView view;
    std::vector<std::byte> bytes;
  };
  const model::TensorSource& base_;
  std::map<std::string, Owned> replaced_;
  std::shared_ptr<const model::EmbeddingRows> rows_;
};

/// base·factor in the type of the checkpoint, and in its orientation or, `turned`, transposed.
Result<std::vector<std::byte>> project_matrix(backend::DenseAlgebra& algebra,
                                              const TensorView& matrix,
                                              std::span<const double> factor, bool turned = false);

}  // namespace trinity::adapt
