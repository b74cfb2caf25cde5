#include "backend/cpu/cpu_entries.h"

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/cpu_features.h"

namespace trinity {
namespace {

template <cpu::Element element>
std::optional<std::string> unavailable() {
  if (element == cpu::Element::bf16) return cpu::bf16_unavailable(cpu::cpu_features());
  if (element == cpu::Element::s8) return cpu::int8_unavailable(cpu::cpu_features());
  return std::nullopt;
}

template <cpu::Element element>
Result<std::unique_ptr<Backend>> create(const BackendOptions& options) {
  return make_cpu_backend(element, options.threads);
}

/// Which promise this machine does not keep in a lane; see BackendEntry::broken_promise.
template <cpu::Element>
std::optional<std::string> broken_promise() {
  return std::nullopt;
}

template <cpu::Element element>
BackendEntry entry(std::string id, std::string description) {
  return {std::move(id),        std::move(description), Exactness::bit_stable,
          unavailable<element>, create<element>,        broken_promise<element>};
}

}  // namespace

std::vector<BackendEntry> cpu_entries() {
  return {
      entry<cpu::Element::f32>("cpu_f32", "oneDNN products in f32, any x86-64 processor"),
      entry<cpu::Element::bf16>("cpu_bf16", "oneDNN products and attention in bf16"),
      entry<cpu::Element::s8>("cpu_int8", "oneDNN products in int8, scales per channel and token")};
}

}  // namespace trinity
