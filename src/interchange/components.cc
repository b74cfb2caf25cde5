#include "interchange/components.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/try.h"
#include "base/utf8.h"
#include "tensor/float_cast.h"

namespace trinity::interchange {
namespace {

constexpr int64_t kChunkElements = int64_t{2} << 20;
/// |ΣS(1+δ)| below this share of ΣS: the rest has cancelled to a few digits and the norm explodes.
constexpr double kSmallestShare = 1e-6;

tl::unexpected<Error> shape_error(const char* name, const TensorView& tensor,
                                  const std::string& expected) {
  return fail(ErrorKind::invalid_input, "component_shape_mismatch",
              fmt::format("{} has shape {}, but {}", name, shape_text(tensor.shape), expected));
}

Status require_float(const char* name, const TensorView& tensor) {
  for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16})
    if (tensor.dtype == dtype) return {};
  return fail(ErrorKind::unsupported, "unsupported_dtype",
              fmt::format("{} is {}, which is no float type", name, dtype_name(tensor.dtype)));
}

Result<std::vector<float>> finite_values(const char* name, const TensorView& tensor) {
  TRINITY_TRY(std::vector<float> values, to_f32(tensor));
  for (const float value : values)
    if (!std::isfinite(value))
      return fail(ErrorKind::invalid_input, "non_finite_values",
                  fmt::format("{} holds NaN or an infinity (or a number too large for f32)", name));
  return values;
}

/// V as [n, k] in f32, however it is stored.
Result<std::vector<float>> oriented_v(const Components& components) {
  TRINITY_TRY(std::vector<float> values, finite_values("V", components.v));
  if (components.layout == VLayout::torch_v) return values;
  std::vector<float> turned(values.size());
  transpose_elements(reinterpret_cast<const std::byte*>(values.data()), components.rank(),
                     components.columns(), sizeof(float),
                     reinterpret_cast<std::byte*>(turned.data()));
  return turned;
}

}  // namespace

const char* v_layout_name(VLayout layout) {
  switch (layout) {
    case VLayout::torch_v:
      return "torch_v";
    case VLayout::vh:
      return "vh";
    case VLayout::nx:
      return "nx";
  }
  return "unknown";
}

Result<VLayout> parse_v_layout(std::string_view name) {
  for (const VLayout layout : {VLayout::torch_v, VLayout::vh, VLayout::nx})
    if (name == v_layout_name(layout)) return layout;
  return fail(
      ErrorKind::invalid_input, "unknown_v_layout",
      fmt::format("the layout \"{}\" of V is unknown; use torch_v, vh or nx", excerpt(name)));
}

Status check_components(const Components& c) {
  if (c.u.shape.size() != 2 || c.u.shape[0] < 1 || c.u.shape[1] < 1)
    return shape_error("U", c.u, "it must be [rows, singular values]");
  const int64_t k = c.u.shape[1];
  if (c.s.shape != std::vector<int64_t>{k})
    return shape_error("S", c.s, fmt::format("U needs [{}]", k));
  if (c.offsets.shape != std::vector<int64_t>{k})
    return shape_error("the tensor of scale offsets", c.offsets, fmt::format("U needs [{}]", k));
  const bool plain = c.layout == VLayout::torch_v;
  if (c.v.shape.size() != 2 || c.v.shape[plain ? 1 : 0] != k || c.v.shape[plain ? 0 : 1] < 1)
    return shape_error(
        "V", c.v,
        fmt::format("U and the layout {} need {}", v_layout_name(c.layout),
                    plain ? fmt::format("[columns, {}]", k) : fmt::format("[{}, columns]", k)));
  if (k != std::min(c.rows(), c.columns()))
    return shape_error("U", c.u,
                       fmt::format("a {} x {} matrix has {} singular values", c.rows(), c.columns(),
                                   std::min(c.rows(), c.columns())));
  TRINITY_CHECK(require_float("U", c.u));
  TRINITY_CHECK(require_float("S", c.s));
  TRINITY_CHECK(require_float("V", c.v));
  return require_float("the tensor of scale offsets", c.offsets);
}

Result<ComponentScaling> scale_components(const Components& components) {
  ComponentScaling out;
  TRINITY_TRY(out.s, finite_values("S", components.s));
  TRINITY_TRY(out.offsets, finite_values("the tensor of scale offsets", components.offsets));
  if (out.s.size() != out.offsets.size())
    return shape_error("the tensor of scale offsets", components.offsets,
                       fmt::format("there are {} singular values", out.s.size()));
  out.scaled_s.resize(out.s.size());
  double sum = 0, scaled_sum = 0;
  for (size_t i = 0; i < out.s.size(); ++i) {
    out.scaled_s[i] = out.s[i] * (1.0F + out.offsets[i]);
    sum += double{out.s[i]};
    scaled_sum += double{out.scaled_s[i]};
  }
  out.normalization = static_cast<float>(sum / scaled_sum);
  if (!(std::abs(scaled_sum) > kSmallestShare * std::abs(sum)) || !std::isfinite(out.normalization))
    return fail(ErrorKind::invalid_input, "degenerate_normalization",
                fmt::format("the scaled singular values sum to {}, so their sum cannot be "
                            "normalised; the offsets do not belong to this matrix",
                            scaled_sum));
  return out;
}

Status require_f32_products(backend::Backend& backend) {
  // 1 + 2⁻²³ survives a product with one only where all 24 bits of f32 are kept.
  const float fine = 1.0F + 0x1p-23F;
  const std::array<float, 1> one = {1.0F};
  const TensorView unit{DType::f32, {1, 1}, std::as_bytes(std::span(one))};
  TRINITY_TRY(const backend::Weight weight, backend.prepare_linear(std::span(&unit, 1)));
  TRINITY_TRY(const backend::Tensor x, backend.upload(std::span(&fine, 1), 1, 1));
  TRINITY_TRY(const backend::Tensor y, backend.linear(x, weight));
  TRINITY_TRY(const std::vector<float> result, backend.download(y));
  if (result.size() == 1 && result[0] == fine) return {};
  return fail(ErrorKind::usage, "profile_lacks_f32_products",
              fmt::format("the backend {} computes with fewer digits than f32 ({}); use a profile "
                          "of full precision, for example --profile cpu_f32",
                          backend.info().id, backend.info().dtype_policy));
}

Result<ComponentProduct> ComponentProduct::prepare(backend::Backend& backend,
                                                   const Components& components) {
  TRINITY_CHECK(check_components(components));
  TRINITY_CHECK(require_f32_products(backend));
  TRINITY_TRY(const std::vector<float> v, oriented_v(components));
  const TensorView view{
      DType::f32, {components.columns(), components.rank()}, std::as_bytes(std::span(v))};
  TRINITY_TRY(backend::Weight weight, backend.prepare_linear(std::span(&view, 1)));
  return ComponentProduct(backend, components, std::move(weight));
}

int64_t ComponentProduct::chunk_rows() const {
  return std::clamp<int64_t>(kChunkElements / std::max(columns(), rank()), 1, rows());
}

Result<std::vector<float>> ComponentProduct::scaled_rows(int64_t begin, int64_t count,
                                                         std::span<const float> factors) const {
  TRINITY_TRY(const TensorView slice, row_slice(components_.u, begin, count));
  TRINITY_TRY(std::vector<float> values, to_f32(slice));
  const auto k = static_cast<size_t>(rank());
  for (size_t i = 0; i < values.size(); i += k)
    for (size_t j = 0; j < k; ++j) values[i + j] *= factors[j];
  return values;
}

Result<std::vector<float>> ComponentProduct::multiply(std::span<const float> scaled) const {
  const auto count = static_cast<int64_t>(scaled.size()) / rank();
  TRINITY_TRY(const backend::Tensor x, backend_->upload(scaled, count, rank()));
  TRINITY_TRY(const backend::Tensor y, backend_->linear(x, v_));
  return backend_->download(y);
}

void scale_values(std::span<float> values, float factor) {
  for (float& value : values) value *= factor;
}

}  // namespace trinity::interchange
