#include "backend_cpu/cpu_entries.h"

#include "backend_cpu/cpu_backend.h"
#include "backend_cpu/cpu_features.h"
#include "backend_cpu/lane_probe.h"
#include "backend_cpu/onednn_products.h"

namespace trinity {
namespace {

template <CpuLane lane>
std::optional<std::string> unavailable() {
  if (lane != CpuLane::bf16) return std::nullopt;
  if (!cpu::onednn_built_in()) return "this build has no oneDNN; use --profile cpu_f32";
  return cpu::bf16_unavailable(cpu::cpu_features());
}

template <CpuLane lane>
Result<std::unique_ptr<Backend>> create(const BackendOptions& options) {
  return make_cpu_backend(lane, options.threads);
}

/// See BackendEntry::broken_promise.
template <CpuLane lane>
std::optional<std::string> broken_promise() {
  return cpu::probe_lane(lane);
}

template <CpuLane lane>
BackendEntry entry(std::string description, Exactness claim) {
  return {cpu_lane_id(lane), std::move(description), claim,
          unavailable<lane>, create<lane>,           broken_promise<lane>};
}

}  // namespace

std::vector<BackendEntry> cpu_entries() {
  return {entry<CpuLane::f32>("f32 products, weights as stored, defined bits, any processor",
                              Exactness::exact),
          entry<CpuLane::bf16>("oneDNN products and attention in bf16", Exactness::bit_stable),
          entry<CpuLane::int8>(
              "int8 products, a scale per channel and token, defined bits, any processor",
              Exactness::exact)};
}

}  // namespace trinity
