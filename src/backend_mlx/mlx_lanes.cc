// The lanes of a build that has MLX.
#include "backend_mlx/mlx_lanes.h"

#include <fmt/format.h>
#include <mlx/version.h>

#include "backend_mlx/fused_backend.h"
#include "backend_mlx/mlx_backend.h"

namespace trinity::mlx_backend {

// Streams that belong to threads, and the argument lists that are called here.
static_assert(MLX_VERSION_NUMERIC >= 32000 && MLX_VERSION_NUMERIC < 100000,
              "MLX 0.32 or a later 0.x is needed");

std::optional<std::string> unavailable() {
  // A library of another version may have other layouts behind the same names.
  const std::string built =
      fmt::format("{}.{}.{}", MLX_VERSION_MAJOR, MLX_VERSION_MINOR, MLX_VERSION_PATCH);
  const std::string loaded = mlx::core::version();
  if (loaded == built || loaded.rfind(built + ".", 0) == 0) return std::nullopt;
  return fmt::format("it was built for MLX {}, but MLX {} was loaded; build again", built, loaded);
}

Result<std::unique_ptr<backend::Backend>> create_composed(const backend::BackendOptions& options) {
  return MlxBackend::create<MlxBackend>(options.threads);
}

Result<std::unique_ptr<backend::Backend>> create_fused(const backend::BackendOptions& options) {
  return MlxBackend::create<FusedBackend>(options.threads);
}

}  // namespace trinity::mlx_backend
