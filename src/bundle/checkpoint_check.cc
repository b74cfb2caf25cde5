#include "bundle/checkpoint_check.h"

#include <fmt/format.h>

#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/bundle_paths.h"

namespace trinity::bundle {

TensorDeclaration expected_tensor(const ManifestTensor& entry, ArtifactLayout layout) {
  if (layout == ArtifactLayout::factor_directory)
    return {entry.artifact_key, DType::f32, {entry.singular_values, entry.singular_values}};
  return {entry.artifact_key, parse_manifest_type(entry.type).value_or(DType::f32), entry.shape};
}

Status check_entry_tensor(const SafetensorsFile& file, const ManifestTensor& entry,
                          ArtifactLayout layout) {
  const TensorInfo* info = file.find(entry.artifact_key);
  if (info == nullptr)
    return fail(ErrorKind::invalid_input, "missing_tensor",
                fmt::format("{} holds no tensor {}; export or fetch the bundle again",
                            file.path().string(), excerpt(entry.artifact_key)));
  const TensorDeclaration expected = expected_tensor(entry, layout);
  if (!expected.shape.empty() && info->shape != expected.shape)
    return fail(
        ErrorKind::invalid_input, "shape_mismatch",
        fmt::format("shape mismatch: {} is {}, but the manifest says {}", excerpt(entry.path),
                    shape_text(info->shape), shape_text(expected.shape)));
  const bool typed = layout == ArtifactLayout::factor_directory || !entry.type.empty();
  if (typed && info->dtype != expected.dtype)
    return fail(
        ErrorKind::invalid_input, "type_mismatch",
        fmt::format("type mismatch: {} is {}, but the manifest says {}", excerpt(entry.path),
                    info->dtype_name,
                    layout == ArtifactLayout::factor_directory ? "F32" : excerpt(entry.type)));
  return {};
}

Status check_checkpoint(const std::filesystem::path& folder, const ManifestTensor& entry,
                        ArtifactLayout layout, bool check_hash) {
  TRINITY_TRY(const auto path, resolve_inside(folder, entry.checkpoint_path));
  if (check_hash && entry.checkpoint_sha256 && !entry.checkpoint_sha256->empty()) {
    TRINITY_TRY(const std::string hash, sha256_file(path));
    if (hash != *entry.checkpoint_sha256)
      return fail(ErrorKind::invalid_input, "checkpoint_sha256_mismatch",
                  fmt::format("{} sha256 mismatch: {} hashes to {}, the manifest says {}; run "
                              "trinity export --resume to rebuild it, or fetch it again",
                              excerpt(entry.path), entry.checkpoint_path, hash,
                              excerpt(*entry.checkpoint_sha256)));
  }
  TRINITY_TRY(const SafetensorsFile file, SafetensorsFile::open(path));
  return check_entry_tensor(file, entry, layout);
}

}  // namespace trinity::bundle
