// Where MLX brings a good library of its own (Accelerate), which chooses its threads itself.
#include "backend_mlx/product_library.h"

namespace trinity::mlx_backend {

std::string use_product_threads(int) { return "MLX's own products"; }

}  // namespace trinity::mlx_backend
