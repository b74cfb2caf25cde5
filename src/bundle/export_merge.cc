#include "bundle/export_merge.h"

#include "base/try.h"
#include "bundle/checkpoint_check.h"
#include "tensor/safetensors.h"

namespace trinity::bundle {

Result<MergedTensorFile> create_merged_file(const std::filesystem::path& folder,
                                            const Manifest& manifest) {
  std::vector<TensorDeclaration> declarations;
  for (const ManifestTensor& entry : manifest.tensors)
    declarations.push_back(expected_tensor(entry, ArtifactLayout::single_file));
  return MergedTensorFile::create(folder / manifest.adapted.file, std::move(declarations));
}

Status finish_merged_file(MergedTensorFile& merged, const std::filesystem::path& folder,
                          Manifest& manifest) {
  for (const ManifestTensor& entry : manifest.tensors) {
    if (merged.complete(entry.artifact_key)) continue;
    TRINITY_TRY(const SafetensorsFile file, SafetensorsFile::open(folder / entry.checkpoint_path));
    TRINITY_TRY(const TensorView view, file.tensor(entry.artifact_key));
    TRINITY_CHECK(merged.append(entry.artifact_key, view.bytes));
  }
  TRINITY_TRY(manifest.adapted.sha256, merged.finish());
  manifest.adapted.layout = ArtifactLayout::single_file;
  return {};
}

}  // namespace trinity::bundle
