// What an export is going to do: vector, base model and selection, read and checked against each
// other before anything is written.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapt/adapter.h"
#include "adapt/router_vector.h"
#include "adapt/selection.h"
#include "bundle/manifest.h"
#include "model/checkpoint_source.h"
#include "model/config.h"

namespace trinity::bundle {

struct ExportOptions {
  std::filesystem::path model;   // base model folder
  std::filesystem::path vector;  // router vector
  std::string vector_tensor = adapt::RouterVector::kTensorName;
  std::filesystem::path out;
  std::vector<int64_t> layers;  // empty = all
  int64_t head_rows = 0;        // of the vector's head; 0 = as many as are left
  adapt::AdaptationOptions adaptation;
  bool compact = false;  // factors instead of products
  bool merge = false;    // also one file with all tensors beside the checkpoints
  bool resume = false;
  bool force = false;
  bool skip_existing = true;          // with resume: keep valid checkpoints
  std::optional<int64_t> only_index;  // 1-based
  std::string profile;                // for the manifest
  std::string producer;               // program and version
  std::string base_model_repo;        // empty = the model folder's name
  std::string base_model_revision;    // empty = unknown
};

struct ExportPlan {
  adapt::RouterVector vector;
  adapt::RouterVectorParts parts;
  model::ModelConfig config;
  Checkpoint checkpoint;
  adapt::Selection selection;
  Manifest manifest;  // fresh: everything pending

  const adapt::SelectedTensor& tensor(size_t place) const { return selection.tensors[place]; }
};

/// Errors: those of the readers, `no_selected_tensors`, `invalid_layers`,
/// `router_vector_size_mismatch`, `unlikely_head`, `non_finite_vector`, `invalid_only_index`.
Result<std::unique_ptr<ExportPlan>> plan_export(const ExportOptions& options);

/// Places of the tensors in the order in which they are computed: the canonical one, except that
/// those of one base matrix follow each other. The decomposition is then at hand, and the disk has
/// the rest of the run to catch up with the largest files.
std::vector<size_t> order_of_work(const adapt::Selection& selection);

/// The options as the log records them.
Json options_document(const ExportOptions& options);

/// What the entry of a computed tensor says of how it was made.
void record_making(ManifestTensor& entry, const adapt::SelectedTensor& tensor,
                   const adapt::TensorFactor& factor, ArtifactLayout layout,
                   const std::string& backend_label);

/// Hash of the base tensors' names, types, shapes and bytes, from the hashes of the selected ones.
/// `hashes` maps stored names to the SHA-256 of their bytes.
std::string base_tensors_sha256(const adapt::Selection& selection,
                                const std::map<std::string, std::string>& hashes);

/// The same from the hashes in a manifest's tensors, which are those of the selection.
std::string base_tensors_sha256(const adapt::Selection& selection, const Manifest& manifest);

}  // namespace trinity::bundle
