#include <cblas.h>
#include <fmt/format.h>

#include "backend_mlx/product_library.h"

namespace trinity::mlx_backend {

std::string use_product_threads(int threads) {
  if (threads > 0) openblas_set_num_threads(threads);
  const int used = openblas_get_num_threads();
  return fmt::format("OpenBLAS ({}), {} thread{}", openblas_get_corename(), used,
                     used == 1 ? "" : "s");
}

}  // namespace trinity::mlx_backend
