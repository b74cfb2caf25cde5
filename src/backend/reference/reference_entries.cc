#include "backend/reference/reference_entries.h"

#include "backend/reference/exact_backend.h"
#include "backend/reference/reference_backend.h"
#include "backend/reference/vector_backend.h"

namespace trinity::backend {
namespace {

std::optional<std::string> always_available() { return std::nullopt; }

template <ReferenceRounding rounding>
Result<std::unique_ptr<Backend>> create(const BackendOptions&) {
  return make_reference_backend(rounding);
}

template <ExactProducts products>
Result<std::unique_ptr<Backend>> create(const BackendOptions&) {
  return make_exact_backend(products);
}

/// Sums in doubles and rounds what it stores to f32, up to three times an operation.
LaneTolerances f32_limits() {
  constexpr double v = 1.0 / (1 << 24);  // one rounding to f32
  LaneTolerances t;
  t.linear = t.exact_linear = {v, v};
  t.rms_norm = {2.1 * v, 2.1 * v};
  t.rope = {3.1 * v, 3.1 * v};
  t.add = {v, v};
  t.silu_mul = {3.1 * v, 3.1 * v};
  t.attention = {4.1 * v, 6.1 * v};
  return t;
}

/// Rounds every value it stores and every input: up to four roundings.
LaneTolerances bf16_limits() {
  constexpr double u = 1.0 / 256;  // one rounding to bf16
  LaneTolerances t;
  t.upload = u;
  t.bf16_order = true;
  t.linear = {3.02 * u, 1.5 * u};
  t.exact_linear = {1.001 * u, u};
  t.rms_norm = {4.1 * u, 4.1 * u};
  t.rope = {3.1 * u, 3.1 * u};
  t.add = {2.01 * u, 2.01 * u};
  t.silu_mul = {6.1 * u, 3 * u};
  t.attention = {5 * u, 2e-2};
  return t;
}

BackendEntry entry(std::string id, std::string description, LaneTolerances limits,
                   std::vector<std::string> more_notes,
                   Result<std::unique_ptr<Backend>> (*create)(const BackendOptions&)) {
  BackendEntry out;
  out.id = std::move(id);
  out.description = std::move(description);
  out.label = reference::kLabel;
  out.exactness = reference::kClaim;
  out.tolerances = limits;
  out.notes = {"slow by design"};
  out.notes.insert(out.notes.end(), more_notes.begin(), more_notes.end());
  out.unavailable_reason = always_available;
  out.create = create;
  return out;
}

}  // namespace

std::vector<BackendEntry> reference_entries() {
  return {
      entry("reference", "the oracle: plain loops, f32 storage, f64 accumulation (slow)",
            f32_limits(), {}, create<ReferenceRounding::f32>),
      entry("reference_bf16", "the oracle with PyTorch's bf16 rounding order (slow)", bf16_limits(),
            {"reproduces PyTorch's bf16 rounding order"}, create<ReferenceRounding::bf16_order>),
      // Those of the lanes whose bits they define.
      entry("reference_exact", "the oracle of bits: f32 in a defined order (slow)",
            exact_tolerances(ExactProducts::f32), {"the bits that cpu_f32 must have"},
            create<ExactProducts::f32>),
      entry("reference_exact_int8", "the oracle of bits with int8 products (slow)",
            exact_tolerances(ExactProducts::int8), {"the bits that cpu_int8 must have"},
            create<ExactProducts::int8>)};
}

}  // namespace trinity::backend
