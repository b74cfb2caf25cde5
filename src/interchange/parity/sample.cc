#include "interchange/parity/sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "adapt/router_vector.h"
#include "adapt/tensor_naming.h"
#include "base/json_value.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/manifest.h"
#include "interchange/parity/native.h"
#include "interchange/parity/replay.h"
#include "interchange/parity/stage.h"
#include "tensor/checkpoint.h"

namespace trinity::interchange {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSampleSchema = "trinity_sakana_svd_parity_trace.v2";
constexpr const char* kSampleStageSchema = "trinity_sakana_elixir_stage_debug.v1";
/// Of the released vector, when nothing else says how many of its numbers are offsets.
constexpr size_t kReleasedSize = 19456;
constexpr int64_t kReleasedOffsets = 9216;

std::vector<VLayout> layouts_to_try(VLayout preferred, bool preferred_only) {
  std::vector<VLayout> out = {preferred};
  if (preferred_only) return out;
  for (const VLayout layout : {VLayout::torch_v, VLayout::nx, VLayout::vh})
    if (layout != preferred) out.push_back(layout);
  return out;
}

class Sampler {
 public:
  Sampler(const std::vector<ParityTarget>& targets, const ParitySampleOptions& options,
          const ParityListener& listener)
      : targets_(targets), options_(options), listener_(listener) {}

  Result<Json> run() {
    if (targets_.empty())
      return fail(ErrorKind::usage, "no_semantic_targets",
                  "host and device are both excluded; leave one of them");
    TRINITY_TRY(in_, read_parity_inputs(options_.paths));
    TRINITY_CHECK(make_stage_folder(options_.stage_dir));
    TRINITY_CHECK(open_inputs());
    TRINITY_CHECK(choose_sample());
    TRINITY_TRY(
        const adapt::RouterVector vector,
        adapt::RouterVector::load(options_.router_vector, options_.vector_tensor.empty()
                                                              ? adapt::RouterVector::kTensorName
                                                              : options_.vector_tensor));
    const std::vector<float> offsets = scale_offsets(vector.values);
    TRINITY_TRY(const TensorView source, source_of(in_.sample));
    TRINITY_TRY(const bool transposed, final_transposed(source));

    Json report = head_of_report(source, transposed);
    TRINITY_TRY(report["router_vector"], summary_of(vector.values));
    TRINITY_TRY(report["scale_offsets"], summary_of(offsets));
    TRINITY_TRY(report["source_tensor"], tensor_summary(source, label()));
    report["python_current_baseline"] = baseline_json(in_.baseline);
    report["python_component_metadata"] = sorted_by_key(in_.metadata);
    say(fmt::format("expected_bf16_sha256={}", in_.reference.expected_sha256.value_or("none")));
    say(fmt::format("python_current_bf16_sha256={}", in_.baseline.sha256.value_or("none")));
    report["native_elixir_svd_variants"] = Json::array();
    if (options_.native_svd) {
      TRINITY_TRY(report["native_elixir_svd_variants"], native(source, offsets, transposed));
    }
    TRINITY_TRY(report["semantic_python_component_variants"], semantic(transposed));
    return report;
  }

 private:
  void say(const std::string& line) const {
    if (listener_) listener_(line);
  }
  const std::string& label() const { return targets_.front().backend->info().label; }

  Result<Json> summary_of(std::span<const float> values) const {
    return tensor_summary(
        {DType::f32, {static_cast<int64_t>(values.size())}, std::as_bytes(values)}, label());
  }

  Status open_inputs() {
    if (!options_.model.empty() && !options_.source_from_python_stage) {
      TRINITY_TRY(Checkpoint model, Checkpoint::open(options_.model));
      model_.emplace(std::move(model));
    }
    std::error_code ignored;
    if (fs::exists(in_.sample_stage_file, ignored)) {
      TRINITY_TRY(SafetensorsFile file, open_named_file(in_.sample_stage_file));
      sample_stages_.emplace(std::move(file));
    }
    if (options_.all_selected_tensors) {
      if (in_.selected.empty())
        return fail(ErrorKind::invalid_input, "missing_selected_tensors",
                    fmt::format("--all-selected-tensors needs the selected_tensors of {}; write "
                                "the debug bundle with all tensors",
                                (options_.paths.components_dir / kDebugManifestFile).string()));
      if (!fs::exists(in_.all_stage_file, ignored))
        return fail(ErrorKind::missing, "missing_python_stage",
                    fmt::format("--all-selected-tensors needs the stages of all tensors, but "
                                "there is no {}",
                                in_.all_stage_file.string()));
    }
    if (fs::exists(in_.all_stage_file, ignored)) {
      TRINITY_TRY(SafetensorsFile file, open_named_file(in_.all_stage_file));
      all_stages_.emplace(std::move(file));
    }
    if (options_.source_from_python_stage && options_.paths.python_report.empty())
      return fail(ErrorKind::usage, "missing_python_report",
                  "--source-from-python-stage takes the source from the stages that a Python "
                  "report names; give --python-report");
    return {};
  }

  /// A bundle of all tensors need not contain the usual sample: then the first of those compared is
  /// the one that the report's head describes.
  Status choose_sample() {
    if (!options_.all_selected_tensors || selected_sample() != nullptr) return {};
    TRINITY_TRY(const std::vector<ParityTensor> tensors, tensors_to_compare());
    in_.sample = tensors.front();
    in_.reference.source_shape.clear();
    in_.reference.sample_shape.clear();
    in_.reference.source_name = in_.sample.source_name;
    in_.reference.elixir_name = in_.sample.elixir_name;
    return {};
  }

  std::vector<float> scale_offsets(std::span<const float> values) const {
    int64_t count = in_.reference.singular_value_count.value_or(0);
    if (count == 0 && values.size() == kReleasedSize) count = kReleasedOffsets;
    if (count == 0)
      for (const ParityTensor& tensor : in_.selected)
        count = std::max(count, tensor.offset_end.value_or(0));
    count = std::clamp<int64_t>(count, 0, static_cast<int64_t>(values.size()));
    return {values.begin(), values.begin() + count};
  }

  static std::optional<TensorView> stage_view(const std::optional<SafetensorsFile>& file,
                                              const ParityTensor& tensor) {
    const auto key = tensor.stage_keys.find(std::string(kSourceStage));
    if (!file || key == tensor.stage_keys.end()) return std::nullopt;
    auto view = file->tensor(key->second);
    return view ? std::optional(*view) : std::nullopt;
  }

  /// The sample entry as the bundle of all tensors has it.
  const ParityTensor* selected_sample() const {
    for (const ParityTensor& tensor : in_.selected)
      if (tensor.source_name == in_.sample.source_name) return &tensor;
    return nullptr;
  }

  /// Base weights: of the model, else as the Python side recorded them.
  Result<TensorView> source_of(const ParityTensor& tensor) const {
    if (model_) {
      const bool tied_head =
          tensor.source_name == adapt::kLmHeadName && !model_->has(adapt::kLmHeadName);
      return model_->tensor(tied_head ? adapt::kEmbeddingName : tensor.source_name);
    }
    if (const auto view = stage_view(sample_stages_, tensor)) return *view;
    if (const auto view = stage_view(all_stages_, tensor)) return *view;
    if (const ParityTensor* all = selected_sample();
        all != nullptr && all->source_name == tensor.source_name)
      if (const auto view = stage_view(all_stages_, *all)) return *view;
    if (options_.source_from_python_stage)
      return fail(ErrorKind::missing, "missing_python_stage",
                  fmt::format("the Python stages lack stage.source_f32 of {}; write them with "
                              "stage tensors",
                              excerpt(tensor.source_name)));
    return fail(ErrorKind::usage, "missing_parity_source",
                fmt::format("the base weights of {} are needed: name the model with --model, or "
                            "take them from the Python stages with --source-from-python-stage",
                            excerpt(tensor.source_name)));
  }

  /// Whether the sample's final tensor stands transposed in a bundle.
  Result<bool> final_transposed(const TensorView& source) const {
    adapt::MatrixShape target = in_.reference.sample_shape;
    if (target.empty()) target = adapt::bundle_shape(in_.sample.source_name, source.shape);
    return adapt::transposed_in_bundle(in_.sample.source_name, in_.sample.elixir_name, source.shape,
                                       target);
  }

  Json head_of_report(const TensorView& source, bool transposed) const {
    const ParityReference& r = in_.reference;
    const auto number = [](const std::optional<int64_t>& value) {
      return value ? Json(*value) : Json(nullptr);
    };
    const adapt::MatrixShape turned = {source.shape[1], source.shape[0]};
    const adapt::MatrixShape final_shape = transposed ? turned : source.shape;
    const adapt::MatrixShape bundle = adapt::bundle_shape(in_.sample.source_name, source.shape);
    return {
        {"schema", kSampleSchema},
        {"generated_at_utc", bundle::utc_now()},
        {"paths",
         {{"router_vector", path_json(options_.router_vector)},
          {"reference_manifest", path_json(options_.paths.reference)},
          {"components_dir", path_json(options_.paths.components_dir)},
          {"python_report", path_json(options_.paths.python_report)},
          {"stage_dir", path_json(options_.stage_dir)}}},
        {"reference",
         {{"source_name", r.source_name},
          {"elixir_name", r.elixir_name},
          {"offset_start", number(in_.sample.offset_start)},
          {"offset_end", number(in_.sample.offset_end)},
          {"source_shape", r.source_shape.empty() ? source.shape : r.source_shape},
          {"sample_reconstructed_shape", final_shape},
          {"expected_bf16_sha256", r.expected_sha256 ? Json(*r.expected_sha256) : Json(nullptr)},
          {"expected_bf16_min", r.expected_min},
          {"expected_bf16_max", r.expected_max}}},
        {"selection",
         {{"selected_tensor_count", number(r.tensor_count)},
          {"selected_singular_value_count", number(r.singular_value_count)},
          {"sample_elixir_shape", bundle},
          {"sample_source_oriented_shape", source.shape},
          {"sample_source_type", bundle::manifest_type(source.dtype)},
          {"sample_source_backend", label()},
          {"sample_source_oriented_backend", label()},
          {"diagnostic_snapshots_backend", label()},
          {"compute_backend", targets_.back().backend->info().label},
          {"native_svd_enabled", options_.native_svd},
          {"source_from_python_stage", options_.source_from_python_stage},
          {"all_selected_tensors", options_.all_selected_tensors},
          {"selected_source_filter", options_.selected_source_filter.empty()
                                         ? Json(nullptr)
                                         : Json(options_.selected_source_filter)},
          {"python_all_selected_stage_loaded", all_stages_.has_value()}}}};
  }

  Result<Json> native(const TensorView& source, std::span<const float> offsets, bool transposed) {
    const int64_t start = in_.sample.offset_start.value_or(0);
    const int64_t count = std::min(source.shape[0], source.shape[1]);
    if (start < 0 || start + count > static_cast<int64_t>(offsets.size()))
      return fail(ErrorKind::invalid_input, "offset_span_mismatch",
                  fmt::format("the sample needs offsets {} to {}, but the router vector has {}; "
                              "give the reference manifest that belongs to it",
                              start, start + count, offsets.size()));
    const auto span = offsets.subspan(static_cast<size_t>(start), static_cast<size_t>(count));
    Json variants = native_variants(*targets_.front().backend, source, span, in_, transposed);
    for (const Json& variant : variants) say_variant(variant);
    return variants;
  }

  Result<std::vector<ParityTensor>> tensors_to_compare() const {
    if (!options_.all_selected_tensors) return std::vector<ParityTensor>{in_.sample};
    std::vector<ParityTensor> out;
    const std::string& part = options_.selected_source_filter;
    for (const ParityTensor& tensor : in_.selected)
      if (part.empty() || tensor.source_name.find(part) != std::string::npos ||
          tensor.elixir_name.find(part) != std::string::npos)
        out.push_back(tensor);
    if (out.empty())
      return fail(ErrorKind::usage, "no_matching_tensor",
                  fmt::format("no selected tensor has \"{}\" in its name", excerpt(part)));
    return out;
  }

  Result<Json> semantic(bool sample_transposed) {
    std::error_code ignored;
    if (options_.paths.components_dir.empty()) return Json(nullptr);
    if (!fs::exists(in_.components_file, ignored) || !fs::exists(in_.scales_file, ignored))
      return Json{{"error", "missing_semantic_component_files"},
                  {"component_path", in_.components_file.string()},
                  {"scale_path", in_.scales_file.string()}};
    TRINITY_TRY(files_, open_component_files(in_.components_file, in_.scales_file));
    TRINITY_TRY(const std::vector<ParityTensor> tensors, tensors_to_compare());
    Json out = Json::array();
    for (const ParityTensor& tensor : tensors)
      for (const ParityTarget& target : targets_)
        for (const VLayout layout : layouts_to_try(
                 tensor.layout, options_.preferred_layout_only || options_.all_selected_tensors)) {
          out.push_back(variant_or_error(tensor, target, layout, sample_transposed));
          say_variant(out.back());
        }
    return out;
  }

  std::string variant_label(const ParityTensor& tensor, const ParityTarget& target,
                            VLayout layout) const {
    std::string label = fmt::format("semantic_python_components_{}_v_layout_{}", target.name,
                                    v_layout_name(layout));
    if (options_.all_selected_tensors) label += "_tensor_" + tensor.safe_key;
    return label;
  }

  Json variant_or_error(const ParityTensor& tensor, const ParityTarget& target, VLayout layout,
                        bool sample_transposed) const {
    auto variant = compute_variant(tensor, target, layout, sample_transposed);
    if (variant) return std::move(*variant);
    return {{"label", variant_label(tensor, target, layout)},
            {"svd_provider", "python_components_safetensors"},
            {"v_layout", v_layout_name(layout)},
            {"source_name", tensor.source_name},
            {"elixir_name", tensor.elixir_name},
            {"safe_key", tensor.safe_key},
            {"error", variant.error().message},
            {"error_stacktrace", variant.error().tag},
            {"matches_expected", false}};
  }

  Result<Json> compute_variant(const ParityTensor& tensor, const ParityTarget& target,
                               VLayout layout, bool sample_transposed) const {
    ReplayRequest request;
    TRINITY_TRY(request.components, components_of(files_, tensor, layout));
    request.components_file = files_.components.get();
    TRINITY_TRY(request.source, source_of(tensor));
    request.transpose_final = !options_.all_selected_tensors && sample_transposed;
    const std::optional<SafetensorsFile>& stages =
        options_.all_selected_tensors ? all_stages_ : sample_stages_;
    const bool compared = layout == VLayout::torch_v && stages.has_value();
    if (compared) {
      request.stages = &*stages;
      request.stage_keys = tensor.stage_keys;
    }
    if (compared && !options_.stage_dir.empty()) {
      std::string name =
          fmt::format("trinity_svf_elixir_stage_{}_{}", target.name, v_layout_name(layout));
      if (options_.all_selected_tensors) name += "_" + safe_file_part(tensor.safe_key);
      request.write_stages = options_.stage_dir / (name + ".safetensors");
    }
    TRINITY_TRY(const ReplayResult replay, replay_stages(*target.backend, request));
    const std::string& backend = target.backend->info().label;
    TRINITY_TRY(const Json u, tensor_summary(request.components.u, backend));
    TRINITY_TRY(const Json s, tensor_summary(request.components.s, backend));
    TRINITY_TRY(const Json v, tensor_summary(request.components.v, backend));
    TRINITY_TRY(const Json offsets, tensor_summary(request.components.offsets, backend));
    const auto number = [](const std::optional<int64_t>& value) {
      return value ? Json(*value) : Json(nullptr);
    };
    Json stage_debug = nullptr;
    if (compared) {
      const auto parity = functional_parity(replay.checks);
      stage_debug = {{"schema", kSampleStageSchema},
                     {"stage_tensor_file", path_json(request.write_stages)},
                     {"source_name", tensor.source_name},
                     {"elixir_name", tensor.elixir_name},
                     {"compared_to_python_stage_tensors", true},
                     {"functional_parity_passed", parity ? Json(*parity) : Json(nullptr)},
                     {"checks", replay.checks_json}};
    }
    Json out = {{"label", variant_label(tensor, target, layout)},
                {"svd_provider", "python_components_safetensors"},
                {"compute_backend", backend},
                {"v_layout", v_layout_name(layout)},
                {"source_name", tensor.source_name},
                {"elixir_name", tensor.elixir_name},
                {"safe_key", tensor.safe_key},
                {"offset_start", number(tensor.offset_start)},
                {"offset_end", number(tensor.offset_end)},
                {"u", u},
                {"s", s},
                {"v", v},
                {"offsets", offsets},
                {"zero_offset_max_abs_error_vs_source", replay.zero_max_abs_error},
                {"final_f32_before_bf16", replay.final_f32},
                {"final", replay.final_bf16},
                {"stage_debug", stage_debug}};
    add_hash_verdicts(out, replay.final_bf16_sha256, in_,
                      tensor.source_name == in_.reference.source_name);
    return out;
  }

  /// A key of the bundle as part of a file name: it cannot leave the folder.
  static std::string safe_file_part(const std::string& key) {
    std::string out = key;
    for (char& c : out)
      if (c == '/' || c == '\0') c = '_';
    return out;
  }

  void say_variant(const Json& variant) const {
    const auto label = variant["label"].as_string();
    if (variant.contains("error"))
      return say(fmt::format("{} error={}", label, variant["error"].as_string()));
    std::string line = fmt::format("{} bf16_sha256={} zero_offset_max_abs={:.3g}", label,
                                   variant["observed_bf16_sha256"].as_string(),
                                   variant["zero_offset_max_abs_error_vs_source"].as_double());
    if (variant.contains("stage_debug") && variant["stage_debug"].is_object()) {
      const Json& debug = variant["stage_debug"];
      int64_t failed = 0;
      for (const Json& check : debug["checks"])
        failed += check["required_for_functional_parity"].as_bool() &&
                          !check["functional_passed"].as_bool()
                      ? 1
                      : 0;
      line += fmt::format(" stages={} required_failed={}", debug["checks"].size(), failed);
    }
    say(line);
  }

  const std::vector<ParityTarget>& targets_;
  const ParitySampleOptions& options_;
  const ParityListener& listener_;
  ParityInputs in_;
  ComponentFiles files_;
  std::optional<Checkpoint> model_;
  std::optional<SafetensorsFile> sample_stages_, all_stages_;
};

}  // namespace

std::string device_target_name(const std::string& backend_label) {
  if (backend_label.find("cuda") != std::string::npos) return "device_exla_backend_client_cuda";
  std::string out = "device_";
  for (const char c : backend_label) {
    const bool kept = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    out += kept ? c : '_';
  }
  return out;
}

Result<Json> parity_sample(const std::vector<ParityTarget>& targets,
                           const ParitySampleOptions& options, const ParityListener& listener) {
  return Sampler(targets, options, listener).run();
}

}  // namespace trinity::interchange
