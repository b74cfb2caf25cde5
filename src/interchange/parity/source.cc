#include "interchange/parity/source.h"

#include <fmt/format.h>

#include "adapt/tensor_naming.h"
#include "base/json_value.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/json_lookup.h"
#include "interchange/parity/stage.h"
#include "interchange/python_import_sources.h"

namespace trinity::interchange {
namespace {

namespace fs = std::filesystem;

/// Ordered by key, as reports have always been.
Json ordered(const Json* value) { return value == nullptr ? Json(nullptr) : sorted_by_key(*value); }

ParityReference reference_of(const Json& manifest, const Json& report, const Json& metadata) {
  ParityReference out;
  const Json* const stored = bundle::find_value(manifest, "sample_adapted_tensor");
  const Json sample = stored == nullptr ? Json::object() : *stored;
  const Json* const told = bundle::find_value(report, "reference");
  const Json python = told == nullptr ? Json::object() : *told;
  const auto text = [&](std::string_view key) {
    const auto first = bundle::find_text(sample, {key});
    return first ? first : bundle::find_text(python, {key});
  };
  const auto shape = [&](std::string_view key) {
    auto first = bundle::find_integers(sample, key);
    return first.empty() ? bundle::find_integers(python, key) : first;
  };
  out.source_name =
      text("source_name")
          .value_or(bundle::find_text(metadata, {"source_name"}).value_or(kSampleSource));
  out.elixir_name =
      text("elixir_name").value_or(adapt::bundle_path(out.source_name).value_or(out.source_name));
  out.offset_start = bundle::find_integer(sample, "offset_start");
  out.offset_end = bundle::find_integer(sample, "offset_end");
  out.source_shape = shape("source_shape");
  out.sample_shape = shape("sample_reconstructed_shape");
  out.expected_sha256 = bundle::find_text(sample, {"sample_reconstructed_bf16_sha256"});
  if (!out.expected_sha256)
    out.expected_sha256 = bundle::find_text(python, {"expected_bf16_sha256"});
  if (!out.expected_sha256)
    out.expected_sha256 = bundle::find_text(metadata, {"stored_reference_bf16_sha256"});
  out.expected_min = ordered(bundle::find_value(sample, "sample_reconstructed_bf16_min"));
  out.expected_max = ordered(bundle::find_value(sample, "sample_reconstructed_bf16_max"));
  out.tensor_count = bundle::find_integer(manifest, "selected_tensor_count");
  out.singular_value_count = bundle::find_integer(manifest, "selected_singular_value_count");
  return out;
}

std::map<std::string, std::string> sample_stage_keys() {
  std::map<std::string, std::string> keys;
  for (const StageRule& rule : parity_stages())
    keys.emplace(rule.name, fmt::format("stage.{}", rule.name));
  return keys;
}

/// The file that a report or manifest names, else the default one in the components folder.
fs::path stage_file(const ParityPaths& paths, const Json& report, std::string_view key,
                    const char* default_name) {
  const std::string in_stages = fmt::format("stage_debug.{}", key);
  const std::string in_inputs = fmt::format("inputs.{}", key);
  if (const auto named = bundle::find_text(report, {in_stages, in_inputs})) {
    fs::path beside = bundle::locate_named_file(paths.python_report.parent_path(), *named);
    std::error_code ignored;
    if (fs::exists(beside, ignored) || paths.components_dir.empty()) return beside;
    return bundle::locate_named_file(paths.components_dir, *named);
  }
  return paths.components_dir.empty() ? fs::path() : paths.components_dir / default_name;
}

}  // namespace

Json path_json(const fs::path& path) { return path.empty() ? Json(nullptr) : Json(path.string()); }

Json baseline_json(const ParityBaseline& baseline) {
  if (baseline.source.empty()) return nullptr;
  return {{"label", baseline.label},
          {"observed_bf16_sha256", baseline.sha256},
          {"expected_hash_reproducible", baseline.reproducible},
          {"source", baseline.source}};
}

ParityBaseline find_baseline(const Json& report) {
  ParityBaseline out;
  out.sha256 = bundle::find_text(report, {"reference.current_python_baseline_bf16_sha256"});
  if (out.sha256) {
    out.label = bundle::find_text(report, {"reference.current_python_baseline_label"});
    out.reproducible = ordered(bundle::find_value(report, "reference.expected_hash_reproducible"));
    out.source = "python_report_reference";
    return out;
  }
  const Json* variants = bundle::find_list(report, {"variants"});
  if (variants == nullptr) return out;
  const Json& first = variants->front();
  out.label = bundle::find_text(first, {"label"});
  out.sha256 = bundle::find_text(first, {"observed_bf16_sha256"});
  out.reproducible = ordered(bundle::find_value(first, "matches_expected"));
  out.source = "python_report_first_variant";
  return out;
}

Result<ParityTensor> read_parity_tensor(const Json& entry, VLayout default_layout,
                                        const fs::path& stages) {
  ParityTensor tensor;
  tensor.source_name = bundle::find_text(entry, {"source_name", "source_parameter"}).value_or("");
  if (tensor.source_name.empty())
    return fail(ErrorKind::invalid_input, "missing_tensor_name",
                "an entry of the debug manifest has no source_name; write the bundle again");
  tensor.elixir_name =
      bundle::find_text(entry, {"elixir_name", "elixir_path"})
          .value_or(adapt::bundle_path(tensor.source_name).value_or(tensor.source_name));
  tensor.safe_key = bundle::find_text(entry, {"safe_key", "safe_parameter"})
                        .value_or(safe_tensor_name(tensor.source_name));
  tensor.source_shape = bundle::find_integers(entry, "source_shape");
  tensor.layout = default_layout;
  if (const auto layout = bundle::find_text(entry, {"component_v_layout", "v_layout"})) {
    TRINITY_TRY(tensor.layout, parse_v_layout(*layout));
  }
  const auto key = [&](std::string_view lower, std::string_view upper) {
    return bundle::find_text(entry, {fmt::format("component_tensors.{}", lower),
                                     fmt::format("component_tensors.{}", upper)})
        .value_or(fmt::format("svd.{}.{}", upper, tensor.safe_key));
  };
  tensor.u_key = key("u", "U");
  tensor.s_key = key("s", "S");
  tensor.v_key = key("v", "V");
  tensor.scale_key =
      bundle::find_text(entry, {"scale_tensor"}).value_or("svf.scale_offsets." + tensor.safe_key);
  tensor.offset_start = bundle::find_integer(entry, "offset_start");
  tensor.offset_end = bundle::find_integer(entry, "offset_end");
  if (const Json* keys = bundle::find_value(entry, "stage_tensors");
      keys != nullptr && keys->is_object())
    for (const auto& [stage, name] : keys->items())
      if (name.is_string()) tensor.stage_keys.emplace(stage, name.as_string());
  if (tensor.stage_keys.empty())
    for (const StageRule& rule : parity_stages())
      tensor.stage_keys.emplace(rule.name, fmt::format("tensor.{}.{}", tensor.safe_key, rule.name));
  tensor.stage_file = stages;
  return tensor;
}

Result<ParityInputs> read_parity_inputs(const ParityPaths& paths) {
  ParityInputs in;
  Json reference;
  if (!paths.reference.empty()) {
    TRINITY_TRY(reference, bundle::read_json_object(paths.reference));
  }
  if (!paths.python_report.empty()) {
    TRINITY_TRY(in.python_report, bundle::read_json_object(paths.python_report));
  }
  std::error_code ignored;
  const fs::path manifest = paths.components_dir / kDebugManifestFile;
  if (!paths.components_dir.empty() && fs::exists(manifest, ignored)) {
    TRINITY_TRY(in.metadata, bundle::read_json_object(manifest));
  }
  in.reference = reference_of(reference, in.python_report, in.metadata);
  in.baseline = find_baseline(in.python_report);
  in.components_file = paths.components_dir / kPythonComponentsFile;
  in.scales_file = paths.components_dir / kPythonScalesFile;
  in.sample_stage_file = stage_file(paths, in.python_report, "stage_tensor_file", kSampleStageFile);
  in.all_stage_file =
      stage_file(paths, in.python_report, "all_selected_stage_tensor_file", kAllStageFile);

  TRINITY_TRY(
      const VLayout layout,
      parse_v_layout(bundle::find_text(in.metadata, {"component_v_layout"}).value_or("torch_v")));
  if (const Json* entries = bundle::find_list(in.metadata, {"selected_tensors"}))
    for (const Json& entry : *entries) {
      TRINITY_TRY(ParityTensor tensor, read_parity_tensor(entry, layout, in.all_stage_file));
      in.selected.push_back(std::move(tensor));
    }
  const Json plain = {{"source_name", in.reference.source_name},
                      {"elixir_name", in.reference.elixir_name}};
  TRINITY_TRY(in.sample, read_parity_tensor(plain, layout, in.sample_stage_file));
  for (const ParityTensor& tensor : in.selected)
    if (tensor.source_name == in.reference.source_name) in.sample = tensor;
  in.sample.stage_file = in.sample_stage_file;
  in.sample.stage_keys = sample_stage_keys();
  if (!in.sample.offset_start) in.sample.offset_start = in.reference.offset_start;
  if (!in.sample.offset_end) in.sample.offset_end = in.reference.offset_end;
  return in;
}

Result<SafetensorsFile> open_named_file(const fs::path& path) {
  auto file = SafetensorsFile::open(path);
  if (!file) file.error().message = excerpt(file.error().message, 2048);
  return file;
}

Result<ComponentFiles> open_component_files(const fs::path& components, const fs::path& scales) {
  ComponentFiles files;
  TRINITY_TRY(SafetensorsFile first, SafetensorsFile::open(components));
  TRINITY_TRY(SafetensorsFile second, SafetensorsFile::open(scales));
  files.components = std::make_unique<SafetensorsFile>(std::move(first));
  files.scales = std::make_unique<SafetensorsFile>(std::move(second));
  return files;
}

Result<Components> components_of(const ComponentFiles& files, const ParityTensor& tensor,
                                 VLayout layout) {
  const auto view = [](const SafetensorsFile& file, const std::string& key) -> Result<TensorView> {
    if (file.find(key) != nullptr) return file.tensor(key);
    return fail(ErrorKind::invalid_input, "missing_component",
                fmt::format("{} has no tensor {}; write the components again", file.path().string(),
                            excerpt(key)));
  };
  Components out;
  out.layout = layout;
  TRINITY_TRY(out.u, view(*files.components, tensor.u_key));
  TRINITY_TRY(out.s, view(*files.components, tensor.s_key));
  TRINITY_TRY(out.v, view(*files.components, tensor.v_key));
  TRINITY_TRY(out.offsets, view(*files.scales, tensor.scale_key));
  TRINITY_CHECK(check_components(out));
  return out;
}

}  // namespace trinity::interchange
