// The groups of cases that prove/matrix/op_cases.h consists of, and what they share.
#pragma once

#include "prove/matrix/op_cases.h"
#include "prove/matrix/op_cases_formulas.h"
#include "prove/matrix/op_cases_inputs.h"

namespace trinity::prove {

struct OpCaseGroup {
  InputStream inputs;
  bool thorough;
  const OpCaseVisitor& visit;

  /// Row counts around the borders of vectors, tiles and buckets.
  std::vector<int64_t> row_counts() const {
    if (thorough) return {1, 2, 3, 5, 17, 33, 64, 130, 257};
    return {1, 2, 17, 66};
  }
};

void visit_row_cases(OpCaseGroup& group);        // upload, products, norms, sums, activation
void visit_rope_cases(OpCaseGroup& group);       // rope
void visit_attention_cases(OpCaseGroup& group);  // append_kv, attention
void visit_fused_cases(OpCaseGroup& group);      // the operations with default bodies
void visit_exact_cases(OpCaseGroup& group);      // products of what every lane represents exactly

inline formula::Rounding rounding_of(const backend::LaneTolerances& lane) {
  return lane.bf16_order ? formula::Rounding::bf16_order : formula::Rounding::none;
}

std::vector<double> magnitudes(std::span<const double> values);
/// Σ|x·w| of every element of a product, or what int8 steps of x and W can do to it.
std::vector<double> product_scale(const formula::Values& x, const formula::Values& w, int64_t in,
                                  bool int8);
/// |a| + |b| of the pair that each element is rotated in, growing with the position as the lane's
/// limit does.
std::vector<double> rotation_scale(const formula::Values& x, std::span<const int64_t> positions,
                                   int64_t head_dim, double growth);
/// max|v| · (1 + largest Σ|q·k|/√dim) of every element of attention's result.
std::vector<double> attention_scale(const formula::Values& q, const formula::Values& k,
                                    const formula::Values& v, const backend::AttentionShape& shape);

Result<backend::Weight> prepare_matrix(backend::Backend& backend, const HostMatrix& matrix);

}  // namespace trinity::prove
