// The manifest as JSON: keys in the order of the published format, ours at the end.
#include <algorithm>

#include "base/json.h"
#include "bundle/manifest.h"

namespace trinity::bundle {
namespace {

/// Adds a key only when there is a value.
template <class T>
void add_if(Json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}

Json segments_json(const std::vector<std::string>& segments) {
  Json out = Json::array();
  for (const std::string& segment : segments) {
    const bool digits =
        !segment.empty() && segment.size() < 18 &&
        std::all_of(segment.begin(), segment.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits)
      out.push_back(std::stoll(segment));
    else
      out.push_back(segment);
  }
  return out;
}

}  // namespace

Json tensor_document(const ManifestTensor& t, bool native) {
  Json out;
  out["index"] = t.index;
  out["path"] = t.path;
  out["artifact_key"] = t.artifact_key;
  out["segments"] = segments_json(t.segments);
  if (!t.source_name.empty()) out["source_name"] = t.source_name;
  out["shape"] = t.shape;
  out["type"] = t.type;
  out["source_type"] = t.source_type;
  if (native) out["svd_compute_type"] = t.svd_compute_type;
  out["status"] = tensor_status_name(t.status);
  out["offset_start"] = t.offset_start;
  out["offset_end"] = t.offset_end;
  out["singular_values"] = t.singular_values;
  out["checkpoint_path"] = t.checkpoint_path;
  out["checkpoint_sha256"] = Json(t.checkpoint_sha256);
  out["backend_observed_during_export"] = Json(t.made.backend_label);
  if (native) {
    out["decompose_elapsed_ms"] = Json(t.made.decompose_elapsed_ms);
    out["reconstruct_elapsed_ms"] = Json(t.made.reconstruct_elapsed_ms);
    out["u_backend"] = Json(t.made.u_backend);
    out["s_backend"] = Json(t.made.s_backend);
    out["v_backend"] = Json(t.made.v_backend);
  }
  out["adapted_backend"] = Json(t.made.adapted_backend);
  add_if(out, "decompose_source_type", t.made.decompose_source_type);
  add_if(out, "reconstructed_type_before_cast", t.made.reconstructed_type_before_cast);
  add_if(out, "checkpoint_type", t.made.checkpoint_type);
  out["error"] = Json(t.error);
  if (t.imported.component_keys)
    out["component_keys"] = {{"u", t.imported.component_keys->u},
                             {"s", t.imported.component_keys->s},
                             {"v", t.imported.component_keys->v},
                             {"scale", t.imported.component_keys->scale}};
  add_if(out, "python_v_layout", t.imported.python_v_layout);
  if (!native) out["python_component_zero_error"] = nullptr;
  add_if(out, "target_verified", t.imported.target_verified);
  if (t.measured.svd_gap_report)
    out["svd_gap_report"] = {
        {"smallest_relative_gap", t.measured.svd_gap_report->smallest_relative_gap},
        {"gaps_below_resolution", t.measured.svd_gap_report->gaps_below_resolution}};
  add_if(out, "normalization", t.measured.normalization);
  add_if(out, "source_sha256", t.measured.source_sha256);
  return out;
}

Json export_spec_document(const Manifest& m) {
  const int64_t outputs = m.head.shape.at(0), hidden = m.head.shape.at(1);
  return {{"name", m.recipe.spec_name},
          {"base_model_repo", m.base.repo},
          {"bumblebee_module", m.base.bumblebee_module},
          {"architecture", m.base.architecture},
          {"hidden_size", hidden},
          {"num_agents", outputs - 3},
          {"num_roles", 3},
          {"selected_layer_indices", m.recipe.layers},
          {"scale_offset_count", m.scale_offset_count},
          {"source_vector_tensor", m.vector.tensor},
          {"router_head_tensor_key", m.head.tensor_key},
          {"source_vector_path", m.vector.path},
          {"xla_target", m.recipe.xla_target},
          {"export_backend", m.recipe.export_backend},
          {"output_count", outputs},
          {"head_param_count", outputs * hidden},
          {"source_vector_size", m.scale_offset_count + outputs * hidden}};
}

Json manifest_document(const Manifest& m) {
  Json out;
  out["artifact_version"] = m.artifact_version;
  out["status"] = m.progress.status;
  out["export_complete"] = m.progress.export_complete;
  out["partial_debug_only"] = m.progress.partial_debug_only;
  out["created_at"] = m.progress.created_at;
  out["updated_at"] = m.progress.updated_at;
  out["base_model_repo"] = m.base.repo;
  out["bumblebee_module"] = m.base.bumblebee_module;
  out["architecture"] = m.base.architecture;
  out["xla_target"] = m.recipe.xla_target;
  out["export_backend"] = m.recipe.export_backend;
  if (m.imported.importer) {
    out["importer"] = *m.imported.importer;
    out["python_manifest_path"] = m.imported.python_manifest_path;
    out["reference_manifest_path"] = m.imported.reference_manifest_path;
  }
  if (!m.recipe.spec_name.empty() && m.head.shape.size() == 2)
    out["export_spec"] = export_spec_document(m);
  out["source_vector_path"] = m.vector.path;
  out["source_vector_tensor"] = m.vector.tensor;
  out["source_vector_shape"] = m.vector.shape;
  out["source_vector_sha256"] = m.vector.sha256;
  out["scale_offset_count"] = m.scale_offset_count;
  out["router_head_shape"] = m.head.shape;
  out["router_head_artifact"] = m.head.file;
  out["router_head_tensor_key"] = m.head.tensor_key;
  out["router_head_sha256"] = m.head.sha256;
  out["adapted_tensors_artifact"] = m.adapted.file;
  if (m.is_native()) out["adapted_tensors_sha256"] = m.adapted.sha256;
  out["artifact_layout"] = artifact_layout_name(m.adapted.layout);
  out["selected_tensor_count"] = m.tensors.size();
  out["selected_singular_value_count"] = m.selected_singular_value_count;
  Json tensors = Json::array();
  for (const ManifestTensor& tensor : m.tensors)
    tensors.push_back(tensor_document(tensor, m.is_native()));
  out["selected_tensors"] = std::move(tensors);
  const int64_t outputs = m.head.shape.size() == 2 ? m.head.shape[0] : 0;
  const int64_t hidden = m.head.shape.size() == 2 ? m.head.shape[1] : 0;
  out["source_split"] = {
      {"scale_count", m.scale_offset_count}, {"hidden_size", hidden}, {"output_count", outputs}};
  out["split"] = {{"scale_count", m.scale_offset_count}, {"head_count", outputs * hidden}};
  if (m.is_native()) {
    out["only_index"] = m.progress.only_index;
    out["skip_existing"] = m.progress.skip_existing;
  }
  if (!m.imported.python_semantic_manifest.is_null())
    out["python_semantic_manifest"] = m.imported.python_semantic_manifest;
  add_if(out, "python_reference_manifest_loaded", m.imported.python_reference_manifest_loaded);
  add_if(out, "fidelity_mode", m.recipe.fidelity_mode);
  add_if(out, "tie_mode", m.recipe.tie_mode);
  add_if(out, "svd_compute_type", m.recipe.svd_compute_type);
  add_if(out, "producer", m.producer.program);
  add_if(out, "producer_profile", m.producer.profile);
  add_if(out, "base_model_revision", m.base.revision);
  add_if(out, "base_model_sha256", m.base.sha256);
  return out;
}

std::string manifest_json(const Manifest& m) { return json_text(manifest_document(m)); }

}  // namespace trinity::bundle
