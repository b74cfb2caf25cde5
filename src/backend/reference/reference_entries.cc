#include "backend/reference/reference_entries.h"

#include "backend/reference/exact_backend.h"
#include "backend/reference/reference_backend.h"

namespace trinity {
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

}  // namespace

std::vector<BackendEntry> reference_entries() {
  return {{"reference", "the oracle: plain loops, f32 storage, f64 accumulation (slow)",
           Exactness::oracle, always_available, create<ReferenceRounding::f32>},
          {"reference_bf16", "the oracle with PyTorch's bf16 rounding order (slow)",
           Exactness::oracle, always_available, create<ReferenceRounding::bf16_order>},
          {"reference_exact", "the oracle of bits: f32 in a defined order (slow)",
           Exactness::oracle, always_available, create<ExactProducts::f32>},
          {"reference_exact_int8", "the oracle of bits with int8 products (slow)",
           Exactness::oracle, always_available, create<ExactProducts::int8>}};
}

}  // namespace trinity
