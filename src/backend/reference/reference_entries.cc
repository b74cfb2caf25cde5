#include "backend/reference/reference_entries.h"

#include "backend/reference/reference_backend.h"

namespace trinity {
namespace {

std::optional<std::string> always_available() { return std::nullopt; }

template <ReferenceRounding rounding>
Result<std::unique_ptr<Backend>> create(const BackendOptions&) {
  return make_reference_backend(rounding);
}

}  // namespace

std::vector<BackendEntry> reference_entries() {
  return {{"reference", "the oracle: plain loops, f32 storage, f64 accumulation (slow)",
           Exactness::oracle, always_available, create<ReferenceRounding::f32>},
          {"reference_bf16", "the oracle with PyTorch's bf16 rounding order (slow)",
           Exactness::oracle, always_available, create<ReferenceRounding::bf16_order>}};
}

}  // namespace trinity
