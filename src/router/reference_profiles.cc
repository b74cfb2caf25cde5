#include "router/reference_profiles.h"

namespace trinity::router {
namespace {

constexpr backend::MarginFloors kCudaFloors{0.24, 1.06};
constexpr backend::MarginFloors kMlxFloors{0.33, 0.82};
constexpr std::string_view kQwen = "qwen_coordinator";
constexpr std::string_view kTiny = "tiny_synthetic";

// Capabilities in the order require_cuda, qwen_runtime, export_svd, large_svd, artifact_runtime.
constexpr ReferenceProfile kProfiles[] = {
    {"cuda_exla",
     "EXLA on CUDA",
     {true, true, true, true, true},
     kCudaFloors,
     kQwen,
     "EXLA.Backend<cuda:",
     "",
     ""},
    {"host_exla",
     "EXLA on the host",
     {false, true, true, false, true},
     kCudaFloors,
     kQwen,
     "EXLA.Backend<host:",
     "",
     ""},
    {"binary",
     "Nx.BinaryBackend",
     {false, false, false, false, false},
     kCudaFloors,
     kTiny,
     "Nx.BinaryBackend",
     "",
     ""},
    {"cpu_binary",
     "Nx.BinaryBackend",
     {false, false, false, false, false},
     kCudaFloors,
     kTiny,
     "Nx.BinaryBackend",
     "",
     "cpu_binary is the old name of profile binary; write binary"},
    {"mock_tiny",
     "Nx.BinaryBackend",
     {false, false, false, false, true},
     kCudaFloors,
     kTiny,
     "Nx.BinaryBackend",
     "",
     ""},
    {"emlx",
     "EMLX",
     {false, true, true, false, true},
     kCudaFloors,
     kQwen,
     "EMLX.Backend",
     "EMLX on an Apple GPU in the reference",
     ""},
    {"emily",
     "Emily",
     {false, true, true, false, true},
     kMlxFloors,
     kQwen,
     "Emily.Backend",
     "Emily (MLX) in the reference; floors of its own",
     ""},
    {"emily_fast",
     "Emily with fused kernels",
     {false, true, true, false, true},
     kMlxFloors,
     kQwen,
     "Emily.Backend",
     "Emily (MLX) with fused kernels in the reference; floors of its own",
     ""},
};

}  // namespace

std::span<const ReferenceProfile> reference_profiles() { return kProfiles; }

const ReferenceProfile* find_reference_profile(std::string_view name) {
  for (const ReferenceProfile& profile : kProfiles)
    if (profile.name == name) return &profile;
  return nullptr;
}

}  // namespace trinity::router
