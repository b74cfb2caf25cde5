// The lanes of a build without MLX: they say how to get it.
#include "backend_mlx/mlx_lanes.h"

namespace trinity::mlx_backend {

std::optional<std::string> unavailable() {
  return "this build has no MLX; run tools/install_mlx.sh, then configure and build again";
}

Result<std::unique_ptr<backend::Backend>> create_composed(const backend::BackendOptions&) {
  return fail(ErrorKind::missing, "backend_unavailable", *unavailable());
}

Result<std::unique_ptr<backend::Backend>> create_fused(const backend::BackendOptions&) {
  return fail(ErrorKind::missing, "backend_unavailable", *unavailable());
}

}  // namespace trinity::mlx_backend
