#include "backend_mlx/mlx_entries.h"

#include "backend_mlx/mlx_lanes.h"

namespace trinity {

std::vector<BackendEntry> mlx_entries() {
  return {{"mlx", "Apple's MLX in f32, composed operations", Exactness::decision_stable,
           mlx_lane::unavailable, mlx_lane::create_composed},
          {"mlx_fast", "Apple's MLX in f32 with its fused norm, rotation and attention",
           Exactness::decision_stable, mlx_lane::unavailable, mlx_lane::create_fused}};
}

}  // namespace trinity
