#include "interchange/parity/stage.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/json_value.h"
#include "base/try.h"
#include "bundle/manifest.h"
#include "tensor/float_cast.h"

namespace trinity::interchange {
namespace {

constexpr size_t kPrefix = 8;
constexpr int64_t kPiece = int64_t{1} << 20;

constexpr StageRule kStages[] = {
    {"source_f32", true, 0, 0},
    {"offsets_f32", true, 0, 0},
    {"scaled_s", true, 1e-6, 1e-8},
    {"normalization", true, 1e-6, 1e-6},
    {"u_scaled", true, 1e-6, 1e-8},
    {"matmul_pre_norm", true, 1e-3, 1e-5},
    {"zero_source_f32", true, 1e-3, 1e-5},
    {"adapted_source_f32", true, 1e-3, 1e-5},
    {"final_f32", true, 1e-3, 1e-5},
    {"final_bf16", false, 1e-3, 1e-5},
};

/// JSON has no word for infinity or NaN.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

std::span<const StageRule> parity_stages() { return kStages; }

StageRule stage_rule(std::string_view name) {
  for (const StageRule& rule : kStages)
    if (rule.name == name) return rule;
  return {name, false, 1e-3, 1e-5};
}

SummaryBuilder::SummaryBuilder(std::vector<int64_t> shape, DType dtype, std::string backend)
    : shape_(std::move(shape)), dtype_(dtype), backend_(std::move(backend)) {}

void SummaryBuilder::add(std::span<const std::byte> bytes, std::span<const float> as_f32) {
  own_.update(bytes);
  f32_.update(std::as_bytes(as_f32));
  std::vector<std::byte> narrow(as_f32.size() * 2);
  cast_from_f32(as_f32, DType::bf16, narrow.data());
  bf16_.update(narrow);
  for (const float value : as_f32) {
    if (size_++ == 0) minimum_ = maximum_ = double{value};
    minimum_ = std::min(minimum_, double{value});
    maximum_ = std::max(maximum_, double{value});
    sum_ += double{value};
    if (prefix_.size() < kPrefix) prefix_.push_back(value);
  }
}

Json SummaryBuilder::finish() {
  sha256_ = own_.hex();
  Json prefix = Json::array();
  for (const float value : prefix_) prefix.push_back(number(double{value}));
  return {{"shape", shape_},
          {"type", bundle::manifest_type(dtype_)},
          {"backend", backend_},
          {"snapshot_backend", backend_},
          {"size", size_},
          {"sha256", sha256_},
          {"min", number(minimum_)},
          {"max", number(maximum_)},
          {"sum", number(sum_)},
          {"prefix_f32", prefix},
          {"sha256_as_f32", f32_.hex()},
          {"sha256_as_bf16", bf16_.hex()}};
}

Result<Json> tensor_summary(const TensorView& view, const std::string& backend) {
  TRINITY_TRY(const int64_t count, element_count(view.shape));
  SummaryBuilder builder(view.shape, view.dtype, backend);
  const auto size = static_cast<size_t>(dtype_size(view.dtype));
  for (int64_t begin = 0; begin < count; begin += kPiece) {
    const int64_t piece = std::min(kPiece, count - begin);
    const auto bytes =
        view.bytes.subspan(static_cast<size_t>(begin) * size, static_cast<size_t>(piece) * size);
    TRINITY_TRY(const std::vector<float> values, to_f32({view.dtype, {piece}, bytes}));
    builder.add(bytes, values);
  }
  return builder.finish();
}

void StageDifference::add(std::span<const float> ours, std::span<const float> theirs,
                          int64_t different) {
  for (size_t i = 0; i < ours.size(); ++i) {
    // Equal infinities differ by nothing; a NaN differs from everything.
    const double error = ours[i] == theirs[i] ? 0 : std::abs(double{ours[i]} - double{theirs[i]});
    if (!(error <= maximum_))
      maximum_ = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
    sum_ += std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
  }
  count_ += static_cast<int64_t>(ours.size());
  mismatched_ += different;
}

StageCheck judge_stage(std::string_view stage, const StageDifference& difference,
                       std::optional<bool> byte_match) {
  const StageRule rule = stage_rule(stage);
  StageCheck check;
  check.stage = stage;
  check.required = rule.required;
  check.byte_match = byte_match;
  check.max_abs_error = difference.max_abs();
  check.mean_abs_error = difference.mean_abs();
  check.mismatched = difference.mismatched();
  check.passed = difference.max_abs() <= rule.max_abs && difference.mean_abs() <= rule.mean_abs;
  return check;
}

StageCheck missing_stage(std::string_view stage) {
  StageCheck check;
  check.stage = stage;
  check.required = stage_rule(stage).required;
  check.missing = true;
  check.shape_match = false;
  check.passed = !check.required;
  return check;
}

StageCheck misshapen_stage(std::string_view stage) {
  StageCheck check;
  check.stage = stage;
  check.required = stage_rule(stage).required;
  check.shape_match = false;
  check.byte_match = false;
  return check;
}

Json stage_check_json(const StageCheck& check, Json ours, Json theirs) {
  const StageRule rule = stage_rule(check.stage);
  Json out = {
      {"stage", check.stage},
      {"required_for_functional_parity", check.required},
      {"byte_match", check.byte_match},
      {"shape_match", check.shape_match},
      {"elixir", std::move(ours)},
      {"python", std::move(theirs)},
      {"max_abs_error", check.max_abs_error ? number(*check.max_abs_error) : Json(nullptr)},
      {"mean_abs_error", check.mean_abs_error ? number(*check.mean_abs_error) : Json(nullptr)},
      {"mismatched_element_count", check.mismatched},
      {"tolerance", {{"max_abs_error", rule.max_abs}, {"mean_abs_error", rule.mean_abs}}},
      {"functional_passed", check.passed}};
  if (check.missing) out["missing_python_stage"] = true;
  return out;
}

std::optional<bool> functional_parity(std::span<const StageCheck> checks) {
  if (checks.empty()) return std::nullopt;
  return required_failures(checks) == 0;
}

int64_t required_failures(std::span<const StageCheck> checks) {
  return std::count_if(checks.begin(), checks.end(),
                       [](const StageCheck& check) { return check.required && !check.passed; });
}

}  // namespace trinity::interchange
