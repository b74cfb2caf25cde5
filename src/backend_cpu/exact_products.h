// Matrix products whose bits follow from the row and the weights alone
// (backend/exact_arithmetic.h): our own kernels over packed panels, split over threads by outputs
// and by blocks of rows.
#pragma once

#include <memory>
#include <vector>

#include "backend_cpu/buffer_pool.h"
#include "backend_cpu/product_engine.h"
#include "backend_cpu/product_kernels.h"
#include "backend_cpu/thread_pool.h"

namespace trinity::cpu {

/// Panels as product_kernels.h describes them. The kernels that they were packed for stay with
/// them.
struct PanelWeight : PackedLinear {
  WeightType type = WeightType::f32;
  const ProductKernels* kernels = nullptr;
  int64_t panels = 0;
  int64_t padded_in = 0;           // k with the zeros that fill a group up
  std::vector<float> col_scale;    // int8: [panels · width]
  std::vector<int32_t> col_start;  // int8 in fours: [panels · width]
};

class ExactProducts final : public ProductEngine {
 public:
  enum class Weights { as_stored, int8 };

  /// `as_stored` keeps BF16, F16 and F32 weights in their type (F64 is rounded to f32 once); int8
  /// rounds them to whole numbers with one scale an output, and inputs with one scale a row.
  /// `kernels` instead of the best of the instruction sets in use, for tests.
  ExactProducts(Weights weights, ThreadPool& threads, const ProductKernels* kernels = nullptr)
      : weights_(weights), threads_(threads), kernels_(kernels) {}

  /// More errors: `int8_sum_overflow` (int8: k above backend::exact::kInt8MaxTerms).
  Result<std::shared_ptr<PackedLinear>> pack(std::span<const TensorView> stacked) override;
  Status multiply(const PackedLinear& weight, const void* x, int64_t rows, float* y) override;

  /// The product on the calling thread alone; many threads may call it at once, each with a
  /// workspace of its own. The same bits as `multiply`.
  struct Workspace {
    std::shared_ptr<std::byte[]> inputs, scratch;
    size_t input_bytes = 0;
    std::vector<float> row_scale;
  };
  static void multiply_here(const PackedLinear& weight, const float* x, int64_t rows, float* y,
                            Workspace& workspace);

 private:
  Weights weights_;
  ThreadPool& threads_;
  const ProductKernels* kernels_;
  WeightArena arena_;
  Workspace workspace_;
};

}  // namespace trinity::cpu
