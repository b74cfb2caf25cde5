// What this processor can do, as far as the CPU lanes care.
#pragma once

#include <optional>
#include <string>

namespace trinity::cpu {

struct CpuFeatures {
  bool avx512 = false;       // F, BW, VL and DQ
  bool avx512_bf16 = false;  // bf16 dot products
  bool avx512_vnni = false;  // int8 dot products
  std::string model_name;    // for people
};

/// Asked of the processor once.
const CpuFeatures& cpu_features();

/// Why bf16 products cannot run here; nothing when they can.
std::optional<std::string> bf16_unavailable(const CpuFeatures& features);

}  // namespace trinity::cpu
