// The operations of the op contract once more, written from their formulas and sharing nothing with
// any backend: doubles throughout, one plain loop each. What lanes are judged by.
//
// With Rounding::bf16_order every value is rounded where PyTorch's eager bf16 path stores one.
// Matrices are row-major; inputs count as stored (round them with `stored` for bf16).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.h"

namespace trinity::prove::formula {

enum class Rounding { none, bf16_order };

using Values = std::vector<double>;

double stored(double value, Rounding rounding);
Values stored(std::span<const float> values, Rounding rounding);

/// x [rows, in] · Wᵀ, W [out, in].
Values linear(const Values& x, const Values& w, int64_t in, Rounding rounding);
/// Over every group of w.size() numbers.
Values rms_norm(const Values& x, const Values& w, double eps, Rounding rounding);
/// Split-half rotation; x [positions, heads · head_dim].
Values rope(const Values& x, std::span<const int64_t> positions, int64_t head_dim, double theta,
            Rounding rounding);
Values add(const Values& a, const Values& b, Rounding rounding);
Values silu_mul(const Values& gate, const Values& up, Rounding rounding);
/// Queries of the last q.size() / (heads · head_dim) positions of one sequence whose keys and
/// values are k and v [tokens, kv_heads · head_dim].
Values attention(const Values& q, const Values& k, const Values& v,
                 const backend::AttentionShape& shape, Rounding rounding);

}  // namespace trinity::prove::formula
