// The merged file of a bundle: all of its tensors in one, beside the files of their own.
//
// An export appends what it computes as it goes; what earlier runs finished is copied at the end.
#pragma once

#include <trinity/error.h>

#include <filesystem>

#include "bundle/manifest.h"
#include "bundle/tensor_file.h"

namespace trinity::bundle {

/// Room for every tensor of the manifest, under the name that it gives. Errors: those of
/// MergedTensorFile::create.
Result<MergedTensorFile> create_merged_file(const std::filesystem::path& folder,
                                            const Manifest& manifest);

/// Copies the tensors that are not in it yet, puts the file into place and says so in the manifest.
/// Errors: those of SafetensorsFile and MergedTensorFile.
Status finish_merged_file(MergedTensorFile& merged, const std::filesystem::path& folder,
                          Manifest& manifest);

}  // namespace trinity::bundle
