// Default bodies of the fused operations: the definition of what an override must equal.
#include "backend/backend.h"

#include "base/try.h"

namespace trinity::backend {

const char* exactness_name(Exactness exactness) {
  switch (exactness) {
    case Exactness::oracle:
      return "oracle";
    case Exactness::exact:
      return "exact";
    case Exactness::bit_stable:
      return "bit-stable";
    case Exactness::decision_stable:
      return "decision-stable";
  }
  return "unknown";
}

bool promises_bits(Exactness exactness) { return exactness != Exactness::decision_stable; }

Result<std::vector<SymmetricEigen>> DenseAlgebra::symmetric_eigen_many(
    std::vector<std::vector<double>> matrices, std::span<const int64_t> sizes) {
  std::vector<SymmetricEigen> out;
  for (size_t i = 0; i < matrices.size(); ++i) {
    TRINITY_TRY(out.emplace_back(), symmetric_eigen(std::move(matrices[i]), sizes[i]));
  }
  return out;
}

Status require_float_matrix(const TensorView& matrix) {
  if (matrix.shape.size() != 2)
    return fail(ErrorKind::invalid_input, "expected_rank_2",
                "only a matrix can be decomposed, got shape " + shape_text(matrix.shape));
  switch (matrix.dtype) {
    case DType::f64:
    case DType::f32:
    case DType::f16:
    case DType::bf16:
      break;
    default:
      return fail(ErrorKind::unsupported, "unsupported_dtype",
                  "a matrix of type " + std::string(dtype_name(matrix.dtype)) +
                      " cannot be decomposed; convert it to F32, F16 or BF16");
  }
  TRINITY_TRY(const int64_t bytes, byte_count(matrix.dtype, matrix.shape));
  if (static_cast<size_t>(bytes) != matrix.bytes.size())
    return fail(ErrorKind::invalid_input, "tensor_size_mismatch",
                "a matrix of shape " + shape_text(matrix.shape) + " does not fit its bytes");
  return {};
}

std::vector<int64_t> slice_positions(std::span<const SequenceSlice> slices, int64_t rows) {
  std::vector<int64_t> positions(static_cast<size_t>(rows), 0);
  for (const SequenceSlice& slice : slices)
    for (int64_t r = 0; r < slice.row_count; ++r)
      positions[static_cast<size_t>(slice.row_begin + r)] = slice.position_begin + r;
  return positions;
}

Result<Tensor> Backend::add_rms_norm(Tensor& residual, const Tensor* delta, const Weight& weight,
                                     float eps) {
  if (delta != nullptr) {
    TRINITY_TRY(residual, add(residual, *delta));
  }
  return rms_norm(residual, weight, eps);
}

Result<Tensor> Backend::qk_norm_rope_append(const Qkv& qkv, const Weight& q_norm,
                                            const Weight& k_norm, float eps, const Rope& rotation,
                                            std::span<const SequenceSlice> slices, int64_t layer,
                                            const AttentionShape& shape) {
  const std::vector<int64_t> positions = slice_positions(slices, qkv.k.rows());
  TRINITY_TRY(Tensor k, rms_norm(qkv.k, k_norm, eps));
  TRINITY_TRY(k, rope(k, positions, shape.head_dim, rotation));
  TRINITY_CHECK(append_kv(k, qkv.v, slices, layer));
  if (qkv.q.empty()) return Tensor();
  TRINITY_TRY(Tensor q, rms_norm(qkv.q, q_norm, eps));
  return rope(q, positions, shape.head_dim, rotation);
}

Result<Tensor> Backend::mlp(const Tensor& x, const Weight& gate_up, const Weight& down) {
  TRINITY_TRY(std::vector<Tensor> parts, linear_split(x, gate_up));
  TRINITY_TRY(Tensor hidden, silu_mul(parts[0], parts[1]));
  return linear(hidden, down);
}

}  // namespace trinity::backend
