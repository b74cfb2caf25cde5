// What the entries of the MLX lanes call: one implementation with the library, one without.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "backend/backend_entry.h"

namespace trinity::mlx_backend {

inline constexpr const char* kLabel = "trinity.mlx";
inline constexpr backend::Exactness kClaim = backend::Exactness::decision_stable;

/// Why the lanes cannot run; nothing when they can.
std::optional<std::string> unavailable();

Result<std::unique_ptr<backend::Backend>> create_composed(const backend::BackendOptions& options);
Result<std::unique_ptr<backend::Backend>> create_fused(const backend::BackendOptions& options);

}  // namespace trinity::mlx_backend
