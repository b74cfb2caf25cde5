// Whether a tensor's file in a bundle is what the manifest says.
#pragma once

#include <filesystem>

#include "bundle/manifest.h"
#include "tensor/safetensors.h"

namespace trinity::bundle {

/// The tensor that an entry's file must hold: the product, or in a compact bundle the k×k factor.
TensorDeclaration expected_tensor(const ManifestTensor& entry, ArtifactLayout layout);

/// Checks existence, file hash (when one is recorded), tensor name, shape and type. Errors:
/// `missing_file`, `checkpoint_sha256_mismatch` ("<path> sha256 mismatch"), `missing_tensor`,
/// `shape_mismatch`, `type_mismatch`, those of the reader, `path_outside_bundle`.
Status check_checkpoint(const std::filesystem::path& folder, const ManifestTensor& entry,
                        ArtifactLayout layout, bool check_hash = true);

/// The same for a tensor of an open file.
Status check_entry_tensor(const SafetensorsFile& file, const ManifestTensor& entry,
                          ArtifactLayout layout);

}  // namespace trinity::bundle
