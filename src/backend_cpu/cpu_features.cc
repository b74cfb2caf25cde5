#include "backend_cpu/cpu_features.h"

#include <fstream>

namespace trinity::cpu {
namespace {

std::string read_model_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  return "unknown processor";
}

CpuFeatures ask_processor() {
  CpuFeatures features;
#if defined(__x86_64__)
  __builtin_cpu_init();
  features.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  features.avx512_bf16 = features.avx512 && __builtin_cpu_supports("avx512bf16");
  features.avx512_vnni = features.avx512 && __builtin_cpu_supports("avx512vnni");
#endif
  features.model_name = read_model_name();
  return features;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = ask_processor();
  return features;
}

std::optional<std::string> bf16_unavailable(const CpuFeatures& features) {
  if (features.avx512_bf16) return std::nullopt;
  return "this processor (" + features.model_name +
         ") has no AVX512-BF16 instructions; use --profile cpu_f32";
}

}  // namespace trinity::cpu
