// The factor of each selected tensor: what turns its base weights into adapted ones.
//
// Walks from a tensor's base matrix over its spectrum and its offsets to P. A matrix that serves
// twice (a tied embedding and LM head) is decomposed once. Two matrices are decomposed at a time,
// because an eigensolver keeps one thread busy.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "adapt/selection.h"
#include "adapt/svf.h"
#include "adapt/tie_mode.h"
#include "model/weights.h"

namespace trinity::adapt {

struct AdaptationOptions {
  TieMode tie_mode = TieMode::embed_offsets;
  SvdComputeType compute_type = SvdComputeType::f32;
};

struct TensorFactor {
  std::vector<double> projector;  // [k, k]
  Scaling scaling;
  std::vector<double> singular_values;  // [k], of the base matrix
  GapReport gaps;
  double decompose_ms = 0;  // 0 when another tensor's decomposition served
  double factor_ms = 0;
};

class Adapter {
 public:
  /// All must outlive the adapter. `offsets` holds selection.scale_count() numbers, else every call
  /// gives `offset_count_mismatch`.
  Adapter(backend::DenseAlgebra& algebra, const model::TensorSource& base,
          const Selection& selection, std::span<const float> offsets,
          const AdaptationOptions& options);

  /// The factor of selection.tensors[place]. Errors: `missing_tensor`, those of svf.h, each with
  /// the tensor's name.
  Result<TensorFactor> factor(size_t place);

 private:
  /// A decomposed base matrix, kept until the last tensor that needs it has used it.
  struct Decomposed {
    Spectrum spectrum;
    int64_t uses_left = 0;
    double elapsed_ms = 0;  // not yet accounted for
  };
  Status decompose_from(size_t place);
  std::span<const float> block(size_t place) const;

  backend::DenseAlgebra& algebra_;
  const model::TensorSource& base_;
  const Selection& selection_;
  std::span<const float> offsets_;
  AdaptationOptions options_;
  std::map<std::string, Decomposed> decomposed_;  // by stored name
};

/// The base tensor of a selected one: under a tied LM head's name lies the embedding.
Result<TensorView> base_matrix(const model::TensorSource& base, const SelectedTensor& tensor);

}  // namespace trinity::adapt
