// What a rerun keeps of an earlier run of the same work.
//
// Two runs are the same work when vector, base model, selection and recipe agree; where the files
// lie is no part of it. Kept is every tensor that is recorded as complete and whose file still has
// the recorded hash. Tensors whose base weights were hashed must also come from the weights at
// hand, else the bundle would be a mixture.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <map>
#include <string>

#include "adapt/selection.h"
#include "bundle/manifest.h"
#include "model/weights.h"

namespace trinity::bundle {

/// Takes over what a previous run finished: entries that agree with the fresh manifest and whose
/// files are valid keep their state. Error `export_exception` ("existing manifest identity
/// mismatch; use --force to rebuild artifacts").
Status resume_manifest(const std::filesystem::path& folder, const Manifest& previous,
                       Manifest& manifest);

/// A folder's name is no identity: under another one it is the same model when the hashes of its
/// tensors agree, which require_same_base sees to. One of the two manifests gets the other's name
/// for the model where that is so, or where nothing of the earlier run is kept.
void adopt_base_name(Manifest& previous, Manifest& ours);

/// SHA-256 of base tensors' bytes, by stored name.
using SourceHashes = std::map<std::string, std::string>;

/// Compares the base tensors of what is complete with the weights at hand, and keeps their hashes.
/// Errors: `export_exception` as above, `missing_tensor`.
Status require_same_base(const Manifest& manifest, const adapt::Selection& selection,
                         const model::TensorSource& base, SourceHashes& hashes);

}  // namespace trinity::bundle
