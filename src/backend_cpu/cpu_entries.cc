#include "backend_cpu/cpu_entries.h"

#include "backend/reference/exact_backend.h"
#include "backend_cpu/cpu_backend.h"
#include "backend_cpu/cpu_features.h"
#include "backend_cpu/lane_probe.h"
#include "backend_cpu/onednn_products.h"

namespace trinity::cpu {
namespace {

template <CpuLane lane>
std::optional<std::string> unavailable() {
  if (lane != CpuLane::bf16) return std::nullopt;
  if (!cpu::onednn_built_in()) return "this build has no oneDNN; use --profile cpu_f32";
  return cpu::bf16_unavailable(cpu::cpu_features());
}

template <CpuLane lane>
Result<std::unique_ptr<backend::Backend>> create(const backend::BackendOptions& options) {
  return make_cpu_backend(lane, options.threads);
}

/// See BackendEntry::broken_promise.
template <CpuLane lane>
std::optional<std::string> broken_promise() {
  return cpu::probe_lane(lane);
}

/// Product inputs rounded once: 2u + u² at most, 2.4e-3 over a row (4.2e-3 over a short one). Norm,
/// rotation and sums stay f32. In attention q, k, probabilities and v are rounded: up to 1.0e-2
/// over a row of unit normals, whose scores exceed those of normed heads.
backend::LaneTolerances bf16_limits() {
  constexpr double u = 1.0 / 256;  // one rounding to bf16
  backend::LaneTolerances t;
  t.linear = {2.01 * u, 5e-3};
  t.exact_linear = {1e-6, 1e-6};
  t.rms_norm = {1e-6, 1e-6};
  t.rope = {3e-7, 3e-7};
  t.silu_mul = {1.001 * u, u};
  t.attention = {3 * u, 1.5e-2};
  return t;
}

template <CpuLane lane>
backend::BackendEntry entry(std::string description, backend::LaneTolerances limits,
                            std::string note) {
  backend::BackendEntry out;
  out.id = cpu_lane_id(lane);
  out.description = std::move(description);
  out.label = kCpuLabel;
  out.exactness = cpu_lane_claim(lane);
  out.tolerances = limits;
  out.notes = {std::move(note)};
  out.unavailable_reason = unavailable<lane>;
  out.create = create<lane>;
  out.broken_promise = broken_promise<lane>;
  return out;
}

}  // namespace

std::vector<backend::BackendEntry> cpu_entries() {
  return {entry<CpuLane::f32>("f32 products, weights as stored, defined bits, any processor",
                              backend::exact_tolerances(backend::ExactProducts::f32),
                              "the profile for comparisons between backends"),
          entry<CpuLane::bf16>("oneDNN products and attention in bf16", bf16_limits(),
                               "needs AVX512-BF16"),
          entry<CpuLane::int8>(
              "int8 products, a scale per channel and token, defined bits, any processor",
              backend::exact_tolerances(backend::ExactProducts::int8),
              "chosen by name, or as fast where bf16 products lack")};
}

}  // namespace trinity::cpu
