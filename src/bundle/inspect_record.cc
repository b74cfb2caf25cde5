// A look at a bundle or router vector for programs.
#include "bundle/inspect_document.h"

namespace trinity::bundle {
namespace {

using Kind = BundlePicture::Kind;

Json statistics_json(const adapt::VectorStatistics& s) {
  return {
      {"count", s.count},     {"mean", s.mean},       {"std", s.standard_deviation},
      {"minimum", s.minimum}, {"maximum", s.maximum}, {"share_above_tenth", s.share_above_tenth}};
}

Json spectrum_json(const std::vector<double>& values) {
  return {{"largest", values.front()}, {"smallest", values.back()}};
}

Json tensor_json(const TensorPicture& tensor, bool vector) {
  const ManifestTensor& entry = tensor.entry;
  Json out = {{"index", entry.index}, {"path", entry.path}};
  if (!entry.source_name.empty()) out["source_name"] = entry.source_name;
  out["offset_start"] = entry.offset_start;
  out["offset_end"] = entry.offset_end;
  if (!vector) {
    out["shape"] = entry.shape;
    out["type"] = entry.type;
    out["status"] = tensor_status_name(entry.status);
    const auto add = [&](const char* key, const auto& value) {
      if (value) out[key] = *value;
    };
    add("checkpoint_sha256", entry.checkpoint_sha256);
    add("backend", entry.made.backend_label);
    add("decompose_ms", entry.made.decompose_elapsed_ms);
    add("reconstruct_ms", entry.made.reconstruct_elapsed_ms);
    add("normalization", entry.measured.normalization);
    add("error", entry.error);
    add("relative_change", tensor.relative_change);
    if (entry.measured.svd_gap_report) {
      out["smallest_relative_gap"] = entry.measured.svd_gap_report->smallest_relative_gap;
      out["gaps_below_resolution"] = entry.measured.svd_gap_report->gaps_below_resolution;
    }
  }
  if (tensor.statistics) out["offsets"] = statistics_json(*tensor.statistics);
  if (!tensor.spectrum_before.empty())
    out["spectrum_before"] = spectrum_json(tensor.spectrum_before);
  if (!tensor.spectrum_after.empty()) out["spectrum_after"] = spectrum_json(tensor.spectrum_after);
  return out;
}

}  // namespace

Json inspect_record(const BundlePicture& picture, const std::string& path) {
  const Manifest& m = picture.manifest;
  const bool vector = picture.kind == Kind::vector;
  Json out = {{"path", path},
              {"kind", vector                          ? "vector"
                       : picture.kind == Kind::compact ? "compact_bundle"
                                                       : "bundle"}};
  if (!vector) {
    out["status"] = m.progress.status;
    out["complete"] = require_complete(m).has_value();
    out["artifact_layout"] = artifact_layout_name(m.adapted.layout);
    out["base_model_repo"] = m.base.repo;
    out["tie_mode"] = m.recipe.tie_mode.value_or("embed_offsets");
    if (m.producer.program) out["producer"] = *m.producer.program;
    if (m.imported.importer) out["importer"] = *m.imported.importer;
    if (m.producer.profile) out["producer_profile"] = *m.producer.profile;
    out["source_vector_sha256"] = m.vector.sha256;
    out["completed"] = picture.completed();
  } else {
    out["sha256"] = picture.vector_sha256;
  }
  out["head_shape"] = picture.head_shape;
  if (picture.head) out["head"] = statistics_json(*picture.head);
  out["tensors"] = Json::array();
  for (const TensorPicture& tensor : picture.tensors)
    out["tensors"].push_back(tensor_json(tensor, vector));
  out["notes"] = picture.notes;
  return out;
}

Json verify_record(const VerifyReport& found, const std::string& path) {
  Json findings = Json::array();
  for (const Finding& finding : found.findings)
    findings.push_back(
        {{"subject", finding.subject}, {"ok", finding.ok}, {"message", finding.message}});
  return {{"bundle", path},           {"ok", found.failed() == 0},
          {"status", found.status},   {"checks", found.findings.size()},
          {"failed", found.failed()}, {"findings", std::move(findings)}};
}

}  // namespace trinity::bundle
