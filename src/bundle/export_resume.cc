#include "bundle/export_resume.h"

#include <fmt/format.h>

#include "base/sha256.h"
#include "base/try.h"
#include "bundle/checkpoint_check.h"

namespace trinity::bundle {
namespace {

bool same_entry(const ManifestTensor& a, const ManifestTensor& b) {
  return a.path == b.path && a.artifact_key == b.artifact_key && a.shape == b.shape &&
         a.singular_values == b.singular_values && a.type == b.type && a.segments == b.segments &&
         a.checkpoint_path == b.checkpoint_path;
}

/// The name of the first field in which two exports differ; empty when they are the same work.
std::string first_difference(const Manifest& a, const Manifest& b) {
  if (a.base.repo != b.base.repo) return "base_model_repo";
  if (a.base.bumblebee_module != b.base.bumblebee_module) return "bumblebee_module";
  if (a.base.architecture != b.base.architecture) return "architecture";
  if (a.recipe.xla_target != b.recipe.xla_target) return "xla_target";
  if (a.recipe.export_backend != b.recipe.export_backend) return "export_backend";
  if (a.vector.tensor != b.vector.tensor) return "source_vector_tensor";
  if (a.vector.sha256 != b.vector.sha256) return "source_vector_sha256";
  if (a.vector.shape != b.vector.shape) return "source_vector_shape";
  if (a.selected_singular_value_count != b.selected_singular_value_count)
    return "selected_singular_value_count";
  if (a.scale_offset_count != b.scale_offset_count) return "scale_offset_count";
  if (a.head.shape != b.head.shape) return "router_head_shape";
  if (a.recipe.svd_compute_type.value_or("source") != b.recipe.svd_compute_type.value_or("source"))
    return "svd_compute_type";
  if (a.recipe.tie_mode.value_or("embed_offsets") != b.recipe.tie_mode.value_or("embed_offsets"))
    return "tie_mode";
  const bool compact_a = a.adapted.layout == ArtifactLayout::factor_directory;
  const bool compact_b = b.adapted.layout == ArtifactLayout::factor_directory;
  if (compact_a != compact_b) return "artifact_layout";
  if (a.tensors.size() != b.tensors.size()) return "selected_tensor_count";
  for (size_t i = 0; i < a.tensors.size(); ++i)
    if (!same_entry(a.tensors[i], b.tensors[i])) return "selected_tensors";
  return {};
}

}  // namespace

Status resume_manifest(const std::filesystem::path& folder, const Manifest& previous,
                       Manifest& manifest) {
  if (const std::string field = first_difference(previous, manifest); !field.empty())
    return fail(ErrorKind::usage, "export_exception",
                fmt::format("existing manifest identity mismatch; use --force to rebuild artifacts "
                            "({} differs)",
                            field));
  manifest.progress.created_at = previous.progress.created_at;
  manifest.progress.updated_at = previous.progress.updated_at;
  manifest.head.sha256 = previous.head.sha256;
  manifest.adapted.sha256 = previous.adapted.sha256;
  manifest.base.sha256 = previous.base.sha256;
  for (size_t i = 0; i < manifest.tensors.size(); ++i) {
    const ManifestTensor& before = previous.tensors[i];
    if (before.status != TensorStatus::complete || !before.checkpoint_sha256 ||
        before.checkpoint_sha256->empty() ||
        !check_checkpoint(folder, before, previous.adapted.layout))
      continue;
    manifest.tensors[i] = before;
  }
  return {};
}

void adopt_base_name(Manifest& previous, Manifest& ours) {
  if (previous.base.repo == ours.base.repo) return;
  int64_t finished = 0, hashed = 0;
  for (const ManifestTensor& entry : previous.tensors)
    if (entry.complete()) {
      ++finished;
      hashed += entry.measured.source_sha256 ? 1 : 0;
    }
  if (finished == 0) {
    previous.base.repo = ours.base.repo;  // nothing of it is kept
  } else if (finished == hashed) {
    ours.base.repo = previous.base.repo;
    ours.recipe.spec_name = previous.recipe.spec_name;
  }
}

Status require_same_base(const Manifest& manifest, const adapt::Selection& selection,
                         const model::TensorSource& base, SourceHashes& hashes) {
  for (size_t place = 0; place < manifest.tensors.size(); ++place) {
    const ManifestTensor& entry = manifest.tensors[place];
    if (!entry.complete() || !entry.measured.source_sha256) continue;
    const std::string& name = selection.tensors[place].stored_name;
    std::string& hash = hashes[name];
    if (hash.empty()) {
      TRINITY_TRY(const TensorView view, base.tensor(name));
      hash = sha256_hex(view.bytes);
    }
    if (hash != *entry.measured.source_sha256)
      return fail(ErrorKind::usage, "export_exception",
                  fmt::format("existing manifest identity mismatch; use --force to rebuild "
                              "artifacts (the base model's {} differs)",
                              name));
  }
  return {};
}

}  // namespace trinity::bundle
