// A finished bundle, opened for routing: manifest, head and adapted tensors, mapped and not copied.
//
// Only what is asked for is opened: routing never touches the LM head's file. Hashes are compared
// when a tensor is opened, so that a damaged file cannot route.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapt/adapted_source.h"
#include "backend/dense_algebra.h"
#include "bundle/manifest.h"
#include "route/head.h"
#include "tensor/safetensors.h"

namespace trinity {

struct BundleOptions {
  bool allow_incomplete = false;  // for debugging: partial bundles, complete tensors only
  bool check_hashes = true;
};

class Bundle {
 public:
  /// Reads and judges the manifest. Errors: those of load_manifest, `unsupported_artifact_version`,
  /// `incomplete_artifact`, `no_adapted_tensors`.
  static Result<std::unique_ptr<Bundle>> open(const std::filesystem::path& folder,
                                              const BundleOptions& options = {});

  const std::filesystem::path& folder() const { return folder_; }
  const Manifest& manifest() const { return manifest_; }
  const std::string& manifest_sha256() const { return manifest_sha256_; }
  std::string tie_mode() const { return manifest_.tie_mode.value_or("embed_offsets"); }
  bool is_compact() const { return manifest_.layout == ArtifactLayout::factor_directory; }

  /// Errors: `router_head_sha256_mismatch`, `shape_mismatch`, those of Head::load.
  Result<Head> head() const;

  /// Puts every tensor that routing reads into `source`, whose base is `base`. Products are views
  /// of the bundle's files (turned ones are copies); factors are applied with `algebra`. The bundle
  /// must outlive the source. `algebra` may be null for a full bundle, which needs none. Errors:
  /// those of checkpoint_check.h, `shape_mismatch`, `base_model_mismatch` (the base is not the
  /// model that the bundle was made from), `unknown_tensor_path`.
  Status apply(const TensorSource& base, DenseAlgebra* algebra, AdaptedSource& source);

  /// A tensor's file, opened and checked. Errors: those of checkpoint_check.h.
  Result<const SafetensorsFile*> file_of(const ManifestTensor& entry);

 private:
  Bundle() = default;
  Status apply_entry(const ManifestTensor& entry, const TensorSource& base, DenseAlgebra* algebra,
                     AdaptedSource& source);
  bool compares_base(const ManifestTensor& entry, const std::string& name);

  std::filesystem::path folder_;
  BundleOptions options_;
  Manifest manifest_;
  std::string manifest_sha256_;
  std::map<std::string, SafetensorsFile> files_;  // by relative path
  std::optional<int64_t> compared_layer_;         // of a full bundle, see compares_base
};

}  // namespace trinity
