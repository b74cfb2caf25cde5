// The MLX lanes in the list of backends; both say why when this build or machine lacks the library.
#pragma once

#include <vector>

#include "backend/backend_entry.h"

namespace trinity::mlx_backend {

/// `mlx` composes every operation of basic ones; `mlx_fast` calls the library's fused kernels for
/// norm, rotation and attention.
std::vector<backend::BackendEntry> mlx_entries();

}  // namespace trinity::mlx_backend
