// The library behind MLX's matrix products on a processor.
//
// MLX calls cblas_sgemm. Its package for Linux brings the reference BLAS, plain loops that are more
// than ten times slower than OpenBLAS. The dynamic loader takes a symbol from the first library in
// breadth-first order that has it: the program itself links OpenBLAS, so it comes before the BLAS
// that only the MLX library asks for. On macOS MLX uses Accelerate.
#pragma once

#include <string>

namespace trinity::mlx_backend {

/// Sets the number of threads of products (0: leaves it as it is), for the whole process. Returns
/// what is used, for people.
std::string use_product_threads(int threads);

}  // namespace trinity::mlx_backend
