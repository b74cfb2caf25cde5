// The bits of every operation on generated inputs, one SHA-256 an operation.
//
// An exact lane must give the published hashes on every machine. Shapes: 1, 3, 25 and 130 tokens;
// odd widths, and widths that no block of a product, vector or sum divides; heads of 14, 64 and
// 128; attention that continues what a cache holds, two sequences in one call. Weights in bf16 and
// f32.
//
// A result that only products read (a norm, an activation, attention) is read through a product
// with the identity, as a lane may keep it in the format of its products; everything else is
// downloaded.
#pragma once

#include <string>
#include <vector>

#include "backend/backend.h"

namespace trinity::prove {

struct OpBits {
  std::string op;  // name in the op contract, or "head"
  std::string sha256;
};

/// The operations in the order of the forward pass, the fused ones after their parts, then the
/// head.
const std::vector<std::string>& exact_op_names();

/// One entry for each name, in that order. Errors: those of the backend, which name the operation.
Result<std::vector<OpBits>> exact_op_bits(backend::Backend& backend);

}  // namespace trinity::prove
