// A matrix given by its recorded singular value decomposition, put together again with new singular
// values.
//
// From U [m, k], S [k], V and offsets δ [k] comes R = ((U scaled column by column by S·(1+δ)) × Vᵀ)
// · norm with norm = ΣS / ΣS(1+δ), in f32. The recorded factors are used as they are, never their
// products with other factors, because comparisons with another implementation look at every stage.
// Rows of U stream past, so a matrix as tall as the vocabulary needs no more memory than a chunk of
// its rows; the product runs on a backend, which holds V as a linear weight.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

namespace trinity::interchange {

/// How V is stored: as V [n, k] (torch.svd), or as Vᵀ [k, n] (`vh` of torch.linalg.svd, `nx`).
enum class VLayout { torch_v, vh, nx };
const char* v_layout_name(VLayout layout);
/// Error `unknown_v_layout`.
Result<VLayout> parse_v_layout(std::string_view name);

/// Views of float tensors; all of one matrix.
struct Components {
  TensorView u;        // [m, k]
  TensorView s;        // [k]
  TensorView v;        // [n, k] or [k, n], see `layout`
  TensorView offsets;  // [k]
  VLayout layout = VLayout::torch_v;

  int64_t rows() const { return u.shape[0]; }
  int64_t columns() const { return layout == VLayout::torch_v ? v.shape[0] : v.shape[1]; }
  int64_t rank() const { return u.shape[1]; }
};

/// Checks ranks and shapes, and that k = min(m, n). Errors: `component_shape_mismatch` (says
/// which), `unsupported_dtype`.
Status check_components(const Components& components);

/// The numbers beside U and V, in f32 as the formula's other stages.
struct ComponentScaling {
  std::vector<float> s;         // [k]
  std::vector<float> offsets;   // [k]
  std::vector<float> scaled_s;  // [k], S · (1 + δ)
  float normalization = 1;      // ΣS / ΣS(1+δ), sums in f64
};

/// Errors: `non_finite_values`, `degenerate_normalization` (ΣS(1+δ) is zero or so close to it that
/// the result would be noise).
Result<ComponentScaling> scale_components(const Components& components);

/// Refuses a backend whose products keep less than f32's digits (bf16, int8, TF32), by trying one.
/// Error `profile_lacks_f32_products`.
Status require_f32_products(backend::Backend& backend);

/// Products of rows of U with Vᵀ.
class ComponentProduct {
 public:
  /// `backend` must outlive the product, and the memory behind `components` too. Errors: those of
  /// check_components and require_f32_products, `non_finite_values` (V).
  static Result<ComponentProduct> prepare(backend::Backend& backend, const Components& components);

  int64_t rows() const { return components_.rows(); }
  int64_t columns() const { return components_.columns(); }
  int64_t rank() const { return components_.rank(); }
  /// A number of rows whose results take a few megabytes.
  int64_t chunk_rows() const;

  /// Rows [begin, begin + count) of U, column j times factors[j]: [count, k].
  Result<std::vector<float>> scaled_rows(int64_t begin, int64_t count,
                                         std::span<const float> factors) const;
  /// scaled [count, k] × Vᵀ: [count, n]. A row's bits depend on that row alone in a bit-stable
  /// lane.
  Result<std::vector<float>> multiply(std::span<const float> scaled) const;

 private:
  ComponentProduct(backend::Backend& backend, Components components, backend::Weight v)
      : backend_(&backend), components_(std::move(components)), v_(std::move(v)) {}
  backend::Backend* backend_;
  Components components_;
  backend::Weight v_;
};

/// values · factor, each in place.
void scale_values(std::span<float> values, float factor);

}  // namespace trinity::interchange
