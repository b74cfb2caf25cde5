// A finished bundle, opened for routing: manifest, head and adapted tensors, mapped and not copied.
//
// Only what is asked for is opened: routing never touches the LM head's file. Every file's hash is
// compared, and of base tensors those that tell one model from another (see compares_base), so that
// neither a damaged file nor another model's factors can route. Nothing is remembered of an earlier
// load: a time stamp is no proof. Instead the hashes are taken beside the load, on threads of their
// own, while the weights are read anyway; `wait_for_checks` has the last word.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapt/adapted_source.h"
#include "backend/dense_algebra.h"
#include "bundle/background_checks.h"
#include "bundle/manifest.h"
#include "route/head.h"
#include "tensor/safetensors.h"

namespace trinity::bundle {

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
  std::string tie_mode() const { return manifest_.recipe.tie_mode.value_or("embed_offsets"); }
  bool is_compact() const { return manifest_.adapted.layout == ArtifactLayout::factor_directory; }

  /// Errors: `router_head_sha256_mismatch`, `shape_mismatch`, those of Head::load.
  Result<route::Head> head() const;

  /// Puts every tensor that routing reads into `source`, whose base is `base`. Products are views
  /// of the bundle's files (turned ones are copies); factors are applied with `algebra`. The bundle
  /// must outlive the source. `algebra` may be null for a full bundle, which needs none. Errors:
  /// those of checkpoint_check.h, `shape_mismatch`, `unknown_tensor_path`. Hashes are still being
  /// compared when it returns, `base` and the bundle in use until wait_for_checks.
  Status apply(const model::TensorSource& base, backend::DenseAlgebra* algebra,
               adapt::AdaptedSource& source);

  /// The outcome of all checks that apply began; nothing may be decided by the weights before.
  /// Errors: `checkpoint_sha256_mismatch`, `adapted_tensors_sha256_mismatch`, `base_model_mismatch`
  /// (the base is not the model that the bundle was made from).
  Status wait_for_checks() { return checks_.wait(); }

  /// A tensor's file, opened; its hash is being checked. Errors: those of checkpoint_check.h.
  Result<const SafetensorsFile*> file_of(const ManifestTensor& entry);

 private:
  Bundle() = default;
  Status apply_all(const model::TensorSource& base, backend::DenseAlgebra* algebra,
                   adapt::AdaptedSource& source);
  Status apply_entry(const ManifestTensor& entry, const model::TensorSource& base,
                     backend::DenseAlgebra* algebra, adapt::AdaptedSource& source);
  bool compares_base(const ManifestTensor& entry, const std::string& name);
  Status require_base(const std::string& name, std::span<const std::byte> bytes,
                      const std::string& expected) const;

  std::filesystem::path folder_;
  BundleOptions options_;
  Manifest manifest_;
  std::string manifest_sha256_;
  std::map<std::string, SafetensorsFile> files_;  // by relative path
  std::optional<int64_t> compared_layer_;         // of a full bundle, see compares_base
  BackgroundChecks checks_;                       // last: they read what stands above
};

}  // namespace trinity::bundle
