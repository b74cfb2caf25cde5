// What one would like to know of an adapted bundle or a router vector before trusting it: how far
// the export got, how far every tensor was moved, and what its spectrum looks like.
//
// The manifest alone answers the first. Offsets come from the router vector, when it is at hand and
// is the one that the manifest names by hash, or from the factors of a compact bundle, whose
// eigenvalues are norm·(1+δ). With the base model the spectra before and after are computed, and
// the change of each tensor as a share of its norm.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "adapt/router_vector.h"
#include "adapt/vector_layout.h"
#include "backend/dense_algebra.h"
#include "bundle/manifest.h"

namespace trinity::bundle {

struct InspectOptions {
  std::filesystem::path model;   // base model; empty = no spectra
  std::filesystem::path vector;  // router vector; empty = where the manifest says
};

struct TensorPicture {
  ManifestTensor entry;         // of a vector: path, names and span only
  std::vector<float> offsets;   // in the order of the singular values; empty = unknown
  bool offsets_sorted = false;  // by size instead, because the base model is not at hand
  std::optional<adapt::VectorStatistics> statistics;    // of the offsets
  std::vector<double> spectrum_before, spectrum_after;  // descending; empty = not computed
  std::optional<double> relative_change;                // ‖W' − W‖ / ‖W‖, Frobenius
};

struct BundlePicture {
  enum class Kind { full, compact, vector };
  Kind kind = Kind::full;
  Manifest manifest;  // of a bundle
  std::vector<TensorPicture> tensors;
  std::optional<adapt::VectorStatistics> head;  // of the router head's weights
  std::vector<int64_t> head_shape;
  std::string vector_path, vector_sha256;  // whose offsets are shown; empty = none was found
  std::vector<std::string> notes;          // what could not be shown, and why
  int64_t completed() const;
};

/// Of a bundle in any state. Only what is needed is read; hashes are the business of
/// verify_bundle. Errors: those of load_manifest and of the model's readers, `vector_mismatch` (a
/// vector that was asked for is not the bundle's), `shape_mismatch`.
Result<BundlePicture> inspect_bundle(backend::DenseAlgebra& algebra,
                                     const std::filesystem::path& folder,
                                     const InspectOptions& options);

/// Of a router vector. Errors: those of RouterVector::load, `router_vector_size_mismatch`.
Result<BundlePicture> inspect_vector(const std::filesystem::path& file,
                                     const std::string& tensor_name,
                                     const adapt::VectorLayout& layout, int64_t head_rows = 0);

}  // namespace trinity::bundle
