// Our own decomposition of the sample tensor, put together in the ways that a report lists.
#pragma once

#include <trinity/error.h>

#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/json_value.h"
#include "interchange/parity/source.h"

namespace trinity::interchange {

/// U, S and V with memory of their own.
struct OwnedComponents {
  std::vector<float> u, s, v, offsets;
  int64_t rows = 0, columns = 0;
  VLayout layout = VLayout::nx;
  Components view() const;
};

/// Decomposes `source` on the backend; `offsets` are rounded to `offset_type`. Errors: those of
/// decompose, `operation_unsupported` (the backend has no dense algebra).
Result<OwnedComponents> decompose_components(backend::Backend& backend, const TensorView& source,
                                             bool in_source_type, std::span<const float> offsets,
                                             DType offset_type);

/// The four native variants: decomposed as f32 or in the source's type, with the offsets in the
/// type of S, in f32 or in the source's type. A variant that fails says so in its place.
Json native_variants(backend::Backend& backend, const TensorView& source,
                     std::span<const float> offsets, const ParityInputs& inputs,
                     bool transpose_final);

/// Adds whether a hash is the expected one and the other side's current one.
void add_hash_verdicts(Json& variant, const std::string& observed, const ParityInputs& inputs,
                       bool is_sample);

}  // namespace trinity::interchange
