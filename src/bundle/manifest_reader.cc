// The manifest from JSON: field by field, with the first wrong one named.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/bundle_paths.h"
#include "bundle/manifest.h"

namespace trinity::bundle {
namespace {

/// Of a dimension, count or offset; sums and products of two dimensions fit 64 bits.
constexpr int64_t kLargestSize = int64_t{1} << 31;

tl::unexpected<Error> invalid(const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_manifest",
              "manifest.json is invalid: " + what + "; get an undamaged copy of the bundle");
}

/// Reads fields of one JSON object; remembers the first thing that was wrong.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  /// Absent and null are the same: nothing.
  const Json* find(const char* key) const {
    const Json* const found = object_.find(key);
    return found == nullptr || found->is_null() ? nullptr : found;
  }

  void text(const char* key, std::string& out) {
    if (const auto* value = expect(key, &Json::is_string, "a string")) out = value->as_string();
  }
  void text(const char* key, std::optional<std::string>& out) {
    if (const auto* value = expect(key, &Json::is_string, "a string")) out = value->as_string();
  }
  void integer(const char* key, int64_t& out) {
    if (const auto* value = expect(key, &Json::is_number_integer, "an integer"))
      out = value->as_int64();
  }
  void integer(const char* key, std::optional<int64_t>& out) {
    if (const auto* value = expect(key, &Json::is_number_integer, "an integer"))
      out = value->as_int64();
  }
  /// A count, a dimension or a place in a list.
  void size(const char* key, int64_t& out) {
    const auto* value = expect(key, &Json::is_number_integer, "an integer");
    if (value == nullptr) return;
    if (is_size(*value))
      out = value->as_int64();
    else
      wrong(key, "a size");
  }
  void boolean(const char* key, bool& out) {
    if (const auto* value = expect(key, &Json::is_boolean, "true or false")) out = value->as_bool();
  }
  void boolean(const char* key, std::optional<bool>& out) {
    if (const auto* value = expect(key, &Json::is_boolean, "true or false")) out = value->as_bool();
  }
  void number(const char* key, std::optional<double>& out) {
    if (const auto* value = expect(key, &Json::is_number, "a number")) out = value->as_double();
  }
  void sizes(const char* key, std::vector<int64_t>& out) {
    const auto* value = expect(key, &Json::is_array, "a list");
    if (value == nullptr) return;
    for (const auto& item : *value) {
      if (!is_size(item)) return wrong(key, "a list of sizes");
      out.push_back(item.as_int64());
    }
  }
  void wrong(const char* key, const char* expected) {
    if (status_) status_ = invalid(fmt::format("{}{} must be {}", where_, key, expected));
  }
  const Status& status() const { return status_; }

 private:
  static bool is_size(const Json& value) {
    if (!value.is_number_integer()) return false;
    if (value.is_number_unsigned()) return value.as_uint64() <= uint64_t{kLargestSize};
    return value.as_int64() >= 0 && value.as_int64() <= kLargestSize;
  }

  const Json* expect(const char* key, bool (Json::*is)() const, const char* expected) {
    const auto* value = find(key);
    if (value == nullptr) return nullptr;
    if ((value->*is)()) return value;
    wrong(key, expected);
    return nullptr;
  }

  const Json& object_;
  std::string where_;
  Status status_;
};

constexpr std::array kRequired = {"artifact_version",
                                  "status",
                                  "export_complete",
                                  "base_model_repo",
                                  "bumblebee_module",
                                  "architecture",
                                  "xla_target",
                                  "export_backend",
                                  "source_vector_path",
                                  "source_vector_tensor",
                                  "source_vector_shape",
                                  "source_vector_sha256",
                                  "scale_offset_count",
                                  "router_head_shape",
                                  "router_head_artifact",
                                  "router_head_tensor_key",
                                  "adapted_tensors_artifact",
                                  "artifact_layout",
                                  "selected_tensor_count",
                                  "selected_singular_value_count",
                                  "selected_tensors",
                                  "source_split",
                                  "split"};

Result<std::vector<std::string>> parse_segments(const Json* value, const std::string& path) {
  std::vector<std::string> out;
  if (value == nullptr) {
    for (size_t begin = 0; begin <= path.size();) {
      const size_t end = std::min(path.find('.', begin), path.size());
      out.push_back(path.substr(begin, end - begin));
      begin = end + 1;
    }
    return out;
  }
  if (!value->is_array()) return invalid("segments of " + excerpt(path) + " must be a list");
  for (const auto& item : *value) {
    if (item.is_string())
      out.push_back(item.as_string());
    else if (item.is_number_integer())
      out.push_back(std::to_string(item.as_int64()));
    else
      return invalid("segments of " + excerpt(path) + " must be strings and integers");
  }
  return out;
}

Result<ArtifactLayout> parse_layout(const std::string& name) {
  for (const ArtifactLayout layout :
       {ArtifactLayout::checkpoint_directory, ArtifactLayout::single_file,
        ArtifactLayout::factor_directory})
    if (name == artifact_layout_name(layout)) return layout;
  return invalid(
      "artifact_layout \"" + excerpt(name) +
      "\" is unknown (checkpoint_directory, single_file and factor_directory are known)");
}

}  // namespace

Result<ManifestTensor> parse_manifest_tensor(const Json& json, size_t place) {
  const std::string where = fmt::format("selected_tensors[{}].", place);
  if (!json.is_object())
    return invalid(fmt::format("selected_tensors[{}] must be an object", place));
  ManifestTensor t;
  Fields fields(json, where);
  t.index = static_cast<int64_t>(place) + 1;
  fields.size("index", t.index);
  fields.text("path", t.path);
  fields.text("artifact_key", t.artifact_key);
  fields.text("source_name", t.source_name);
  fields.sizes("shape", t.shape);
  fields.text("type", t.type);
  fields.text("source_type", t.source_type);
  fields.text("svd_compute_type", t.svd_compute_type);
  std::string status;
  fields.text("status", status);
  bool known = false;
  for (const TensorStatus candidate :
       {TensorStatus::pending, TensorStatus::running, TensorStatus::complete, TensorStatus::failed})
    if (status == tensor_status_name(candidate)) {
      t.status = candidate;
      known = true;
    }
  if (!known) fields.wrong("status", "pending, running, complete or failed");
  fields.size("offset_start", t.offset_start);
  fields.size("offset_end", t.offset_end);
  fields.size("singular_values", t.singular_values);
  fields.text("checkpoint_path", t.checkpoint_path);
  fields.text("checkpoint_sha256", t.checkpoint_sha256);
  fields.text("backend_observed_during_export", t.made.backend_label);
  fields.integer("decompose_elapsed_ms", t.made.decompose_elapsed_ms);
  fields.integer("reconstruct_elapsed_ms", t.made.reconstruct_elapsed_ms);
  fields.text("u_backend", t.made.u_backend);
  fields.text("s_backend", t.made.s_backend);
  fields.text("v_backend", t.made.v_backend);
  fields.text("adapted_backend", t.made.adapted_backend);
  fields.text("decompose_source_type", t.made.decompose_source_type);
  fields.text("reconstructed_type_before_cast", t.made.reconstructed_type_before_cast);
  fields.text("checkpoint_type", t.made.checkpoint_type);
  fields.text("error", t.error);
  fields.text("python_v_layout", t.imported.python_v_layout);
  fields.boolean("target_verified", t.imported.target_verified);
  fields.number("normalization", t.measured.normalization);
  fields.text("source_sha256", t.measured.source_sha256);
  if (const auto* keys = fields.find("component_keys"); keys != nullptr && keys->is_object()) {
    Fields components(*keys, where + "component_keys.");
    TensorImport::Keys out;
    components.text("u", out.u);
    components.text("s", out.s);
    components.text("v", out.v);
    components.text("scale", out.scale);
    TRINITY_CHECK(components.status());
    t.imported.component_keys = out;
  }
  if (const auto* gaps = fields.find("svd_gap_report"); gaps != nullptr && gaps->is_object()) {
    Fields report(*gaps, where + "svd_gap_report.");
    std::optional<double> smallest;
    TensorMeasures::Gaps out;
    report.number("smallest_relative_gap", smallest);
    report.integer("gaps_below_resolution", out.gaps_below_resolution);
    TRINITY_CHECK(report.status());
    out.smallest_relative_gap = smallest.value_or(0);
    t.measured.svd_gap_report = out;
  }
  TRINITY_CHECK(fields.status());
  if (t.path.empty()) return invalid(where + "path is missing");
  if (t.artifact_key.empty()) t.artifact_key = t.path;
  TRINITY_TRY(t.segments, parse_segments(fields.find("segments"), t.path));
  if (!t.checkpoint_path.empty()) TRINITY_CHECK(require_inside(t.checkpoint_path));
  return t;
}

Result<Manifest> parse_manifest(std::string_view text) {
  const auto json = parse_json(text);
  if (!json) return invalid(json.error().message);
  if (!json->is_object()) return invalid("it is no JSON object");
  Fields fields(*json, "");
  for (const char* key : kRequired)
    if (fields.find(key) == nullptr)
      return fail(
          ErrorKind::invalid_input, "missing_manifest_key",
          fmt::format("manifest.json lacks \"{}\"; get an undamaged copy of the bundle", key));
  Manifest m;
  fields.integer("artifact_version", m.artifact_version);
  fields.text("status", m.progress.status);
  fields.boolean("export_complete", m.progress.export_complete);
  fields.boolean("partial_debug_only", m.progress.partial_debug_only);
  fields.text("created_at", m.progress.created_at);
  fields.text("updated_at", m.progress.updated_at);
  fields.text("base_model_repo", m.base.repo);
  fields.text("bumblebee_module", m.base.bumblebee_module);
  fields.text("architecture", m.base.architecture);
  fields.text("xla_target", m.recipe.xla_target);
  fields.text("export_backend", m.recipe.export_backend);
  fields.text("importer", m.imported.importer);
  fields.text("python_manifest_path", m.imported.python_manifest_path);
  fields.text("reference_manifest_path", m.imported.reference_manifest_path);
  fields.text("source_vector_path", m.vector.path);
  fields.text("source_vector_tensor", m.vector.tensor);
  fields.sizes("source_vector_shape", m.vector.shape);
  fields.text("source_vector_sha256", m.vector.sha256);
  fields.size("scale_offset_count", m.scale_offset_count);
  fields.sizes("router_head_shape", m.head.shape);
  fields.text("router_head_artifact", m.head.file);
  fields.text("router_head_tensor_key", m.head.tensor_key);
  fields.text("router_head_sha256", m.head.sha256);
  fields.text("adapted_tensors_artifact", m.adapted.file);
  fields.text("adapted_tensors_sha256", m.adapted.sha256);
  fields.size("selected_singular_value_count", m.selected_singular_value_count);
  fields.integer("only_index", m.progress.only_index);
  fields.boolean("skip_existing", m.progress.skip_existing);
  fields.boolean("python_reference_manifest_loaded", m.imported.python_reference_manifest_loaded);
  fields.text("fidelity_mode", m.recipe.fidelity_mode);
  fields.text("tie_mode", m.recipe.tie_mode);
  fields.text("svd_compute_type", m.recipe.svd_compute_type);
  fields.text("producer", m.producer.program);
  fields.text("producer_profile", m.producer.profile);
  fields.text("base_model_revision", m.base.revision);
  fields.text("base_model_sha256", m.base.sha256);
  std::string layout;
  fields.text("artifact_layout", layout);
  TRINITY_CHECK(fields.status());
  TRINITY_TRY(m.adapted.layout, parse_layout(layout));
  if (m.head.shape.size() != 2 || m.head.shape[0] <= 0 || m.head.shape[1] <= 0)
    return invalid("router_head_shape must be [outputs, hidden]");
  if (const auto* python = fields.find("python_semantic_manifest"))
    m.imported.python_semantic_manifest = *python;
  if (const auto* spec = fields.find("export_spec"); spec != nullptr && spec->is_object()) {
    Fields spec_fields(*spec, "export_spec.");
    spec_fields.text("name", m.recipe.spec_name);
    spec_fields.sizes("selected_layer_indices", m.recipe.layers);
    TRINITY_CHECK(spec_fields.status());
  }
  TRINITY_CHECK(require_inside(m.head.file));
  TRINITY_CHECK(require_inside(m.adapted.file));
  const auto* tensors = fields.find("selected_tensors");
  if (!tensors->is_array())
    return fail(
        ErrorKind::invalid_input, "invalid_selected_tensors",
        "selected_tensors of manifest.json is no list; get an undamaged copy of the bundle");
  for (size_t i = 0; i < tensors->size(); ++i) {
    TRINITY_TRY(m.tensors.emplace_back(), parse_manifest_tensor((*tensors)[i], i));
  }
  return m;
}

}  // namespace trinity::bundle
