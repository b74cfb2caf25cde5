#include "interchange/parity/native.h"

#include <fmt/format.h>

#include <cmath>

#include "adapt/svf.h"
#include "base/json_value.h"
#include "base/try.h"
#include "bundle/manifest.h"
#include "interchange/parity/replay.h"
#include "tensor/float_cast.h"

namespace trinity::interchange {
namespace {

/// Columns of U whose singular value is this share of the largest times k are zero.
constexpr double kCutOff = 0x1p-23;

struct NativeKind {
  const char* label;
  bool in_source_type;
  enum class Offsets { like_s, f32, source } offsets;
};
constexpr NativeKind kKinds[] = {
    {"native_nx_f32_svd_offsets_singular_final_bf16", false, NativeKind::Offsets::like_s},
    {"native_nx_source_svd_offsets_singular_final_bf16", true, NativeKind::Offsets::like_s},
    {"native_nx_f32_svd_offsets_f32_final_bf16", false, NativeKind::Offsets::f32},
    {"native_nx_f32_svd_offsets_source_final_bf16", false, NativeKind::Offsets::source},
};

void round_all(std::vector<float>& values, DType dtype) {
  for (float& value : values) value = static_cast<float>(round_to(double{value}, dtype));
}

std::vector<float> narrowed(std::span<const double> values) {
  std::vector<float> out;
  out.reserve(values.size());
  for (const double value : values) out.push_back(static_cast<float>(value));
  return out;
}

TensorView view_of(const std::vector<float>& values, std::vector<int64_t> shape) {
  return {DType::f32, std::move(shape), std::as_bytes(std::span(values))};
}

Result<Json> native_variant(backend::Backend& backend, const NativeKind& kind,
                            const TensorView& source, std::span<const float> offsets,
                            const ParityInputs& inputs, bool transpose_final) {
  DType offset_type = DType::f32;
  if (kind.offsets == NativeKind::Offsets::source ||
      (kind.offsets == NativeKind::Offsets::like_s && kind.in_source_type))
    offset_type = source.dtype;
  TRINITY_TRY(const OwnedComponents owned,
              decompose_components(backend, source, kind.in_source_type, offsets, offset_type));
  ReplayRequest request;
  request.components = owned.view();
  request.source = source;
  request.transpose_final = transpose_final;
  TRINITY_TRY(const ReplayResult replay, replay_stages(backend, request));
  TRINITY_TRY(const ComponentScaling scaling, scale_components(request.components));
  double sum = 0, scaled_sum = 0;
  for (size_t i = 0; i < scaling.s.size(); ++i) {
    sum += double{scaling.s[i]};
    scaled_sum += double{scaling.scaled_s[i]};
  }
  const std::string& label = backend.info().label;
  TRINITY_TRY(const Json u, tensor_summary(request.components.u, label));
  TRINITY_TRY(const Json s, tensor_summary(request.components.s, label));
  TRINITY_TRY(const Json v, tensor_summary(request.components.v, label));
  Json out = {{"label", kind.label},
              {"svd_provider", "native"},
              {"compute_type", kind.in_source_type ? "source" : "f32"},
              {"offset_type", bundle::manifest_type(offset_type)},
              {"u", u},
              {"s",
               {{"singular_values", s},
                {"typed_offsets", replay.offsets},
                {"scaled_s", replay.scaled_s},
                {"sum_s", sum},
                {"sum_scaled_s", scaled_sum},
                {"normalization", double{replay.normalization}}}},
              {"v", v},
              {"component_backends", {{"u", label}, {"s", label}, {"v", label}}},
              {"zero_offset_max_abs_error_vs_source", replay.zero_max_abs_error},
              {"final_f32_before_bf16", replay.final_f32},
              {"final", replay.final_bf16}};
  add_hash_verdicts(out, replay.final_bf16_sha256, inputs, true);
  return out;
}

}  // namespace

Components OwnedComponents::view() const {
  const auto k = static_cast<int64_t>(s.size());
  Components out;
  out.layout = layout;
  out.u = view_of(u, {rows, k});
  out.s = view_of(s, {k});
  out.v = layout == VLayout::torch_v ? view_of(v, {columns, k}) : view_of(v, {k, columns});
  out.offsets = view_of(offsets, {k});
  return out;
}

Result<OwnedComponents> decompose_components(backend::Backend& backend, const TensorView& source,
                                             bool in_source_type, std::span<const float> offsets,
                                             DType offset_type) {
  backend::DenseAlgebra* const algebra = backend.dense_algebra();
  if (algebra == nullptr)
    return fail(ErrorKind::unsupported, "operation_unsupported",
                fmt::format("the backend {} cannot decompose", backend.info().id));
  TRINITY_TRY(const adapt::TallMatrix tall, adapt::TallMatrix::of(source));
  TRINITY_TRY(const adapt::Spectrum spectrum,
              adapt::decompose(
                  *algebra, tall,
                  in_source_type ? adapt::SvdComputeType::source : adapt::SvdComputeType::f32));
  const int64_t k = tall.columns(), m = tall.rows();
  OwnedComponents out;
  out.s = narrowed(spectrum.singular_values);
  out.offsets.assign(offsets.begin(), offsets.end());
  std::vector<float> vectors = narrowed(spectrum.eigen.vectors);  // row i is vᵢ
  // The other side's vectors are A·vᵢ / σᵢ: a product with the rows of `vectors` as weights.
  TRINITY_TRY(const std::vector<float> a, to_f32(tall.view()));
  const TensorView weights = view_of(vectors, {k, k});
  TRINITY_TRY(const backend::Weight weight, backend.prepare_linear(std::span(&weights, 1)));
  TRINITY_TRY(const backend::Tensor x, backend.upload(a, m, k));
  TRINITY_TRY(const backend::Tensor y, backend.linear(x, weight));
  TRINITY_TRY(std::vector<float> left, backend.download(y));
  const double smallest = static_cast<double>(k) * kCutOff * spectrum.singular_values.front();
  for (size_t i = 0; i < left.size(); ++i) {
    const double sigma = spectrum.singular_values[i % static_cast<size_t>(k)];
    left[i] = sigma <= smallest ? 0 : static_cast<float>(double{left[i]} / sigma);
  }
  if (tall.transposed()) {  // Aᵀ = L·S·Vᵀ, so A = V·S·Lᵀ
    out.rows = k;
    out.columns = m;
    out.layout = VLayout::torch_v;
    out.u.resize(vectors.size());
    transpose_elements(reinterpret_cast<const std::byte*>(vectors.data()), k, k, sizeof(float),
                       reinterpret_cast<std::byte*>(out.u.data()));
    out.v = std::move(left);
  } else {
    out.rows = m;
    out.columns = k;
    out.layout = VLayout::nx;
    out.u = std::move(left);
    out.v = std::move(vectors);
  }
  if (in_source_type)
    for (std::vector<float>* values : {&out.u, &out.s, &out.v}) round_all(*values, source.dtype);
  round_all(out.offsets, offset_type);
  return out;
}

Json native_variants(backend::Backend& backend, const TensorView& source,
                     std::span<const float> offsets, const ParityInputs& inputs,
                     bool transpose_final) {
  Json out = Json::array();
  for (const NativeKind& kind : kKinds) {
    auto variant = native_variant(backend, kind, source, offsets, inputs, transpose_final);
    if (variant) {
      out.push_back(std::move(*variant));
    } else {
      out.push_back({{"label", kind.label},
                     {"svd_provider", "native"},
                     {"error", variant.error().message},
                     {"error_stacktrace", variant.error().tag},
                     {"matches_expected", false}});
    }
  }
  return out;
}

void add_hash_verdicts(Json& variant, const std::string& observed, const ParityInputs& inputs,
                       bool is_sample) {
  const auto& expected = inputs.reference.expected_sha256;
  const auto& current = inputs.baseline.sha256;
  const auto text = [&](const std::optional<std::string>& value) {
    return is_sample && value ? Json(*value) : Json(nullptr);
  };
  variant["observed_bf16_sha256"] = observed;
  variant["expected_bf16_sha256"] = text(expected);
  variant["matches_expected"] = is_sample && expected == observed;
  variant["python_current_baseline_label"] = text(inputs.baseline.label);
  variant["python_current_bf16_sha256"] = text(current);
  variant["matches_python_current"] = is_sample && current == observed;
}

}  // namespace trinity::interchange
