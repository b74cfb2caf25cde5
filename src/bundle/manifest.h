// The manifest of an adapted bundle: what it holds, where it came from, how far it got.
//
// Version 1, as the published bundles use it, with a few optional fields of ours. Reading is strict
// about what routing depends on and ignores unknown keys; a file name that leaves the bundle's
// folder is refused while reading, before anything is opened.
#pragma once

#include <trinity/error.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"
#include "tensor/dtype.h"

namespace trinity::bundle {

inline constexpr const char* kManifestFile = "manifest.json";
inline constexpr const char* kHeadFile = "router_head.safetensors";
inline constexpr const char* kHeadTensorKey = "trinity_router_head";
inline constexpr const char* kMergedFile = "adapted_tensors.safetensors";
inline constexpr const char* kExportLogFile = "export.log.jsonl";
inline constexpr const char* kJournalFile = "manifest.journal";  // while a run is on its way

/// How the adapted tensors lie on disk.
enum class ArtifactLayout {
  checkpoint_directory,  // one file a tensor
  single_file,           // all in one file (checkpoints are kept beside it)
  factor_directory,  // one file a tensor, holding its k×k factor instead of the product: compact
};
const char* artifact_layout_name(ArtifactLayout layout);

/// "pending", "running", "complete", "failed".
enum class TensorStatus { pending, running, complete, failed };
const char* tensor_status_name(TensorStatus status);

/// What a tensor of a bundle is and where it lies: fixed before the work begins.
struct TensorIdentity {
  int64_t index = 0;  // 1-based
  std::string path;
  std::string artifact_key;
  std::vector<std::string> segments;  // numbers as text
  std::string source_name;            // PyTorch name, may be empty
  std::vector<int64_t> shape;         // bundle orientation
  std::string type;                   // "{:bf, 16}"; may be empty
  std::string source_type;
  std::string svd_compute_type;  // native exports
  int64_t offset_start = 0;
  int64_t offset_end = 0;
  int64_t singular_values = 0;
  std::string checkpoint_path;  // relative, inside the bundle

  bool operator==(const TensorIdentity&) const = default;
};

/// Who computed a tensor, in which types, and how long it took. Native exports, but for two labels.
struct TensorMaking {
  std::optional<std::string> backend_label;  // backend_observed_during_export
  std::optional<int64_t> decompose_elapsed_ms, reconstruct_elapsed_ms;
  std::optional<std::string> u_backend, s_backend, v_backend, adapted_backend;
  std::optional<std::string> decompose_source_type, reconstructed_type_before_cast, checkpoint_type;
};

/// Which recorded factors an imported tensor was multiplied from.
struct TensorImport {
  struct Keys {
    std::string u, s, v, scale;
  };
  std::optional<Keys> component_keys;
  std::optional<std::string> python_v_layout;
  std::optional<bool> target_verified;
};

/// What an export found out about a tensor; fields of ours.
struct TensorMeasures {
  struct Gaps {  // how well the singular values are separated
    double smallest_relative_gap = 0;
    int64_t gaps_below_resolution = 0;
  };
  std::optional<Gaps> svd_gap_report;
  std::optional<double> normalization;
  std::optional<std::string> source_sha256;  // of the base tensor's bytes
};

struct ManifestTensor : TensorIdentity {
  TensorStatus status = TensorStatus::pending;
  std::optional<std::string> checkpoint_sha256;  // of the file
  std::optional<std::string> error;
  TensorMaking made;
  TensorImport imported;
  TensorMeasures measured;

  bool complete() const { return status == TensorStatus::complete; }
};

/// How far a bundle got, and the options of the run that brought it there.
struct BundleProgress {
  std::string status = "pending";  // pending, partial, complete, failed
  bool export_complete = false;
  bool partial_debug_only = false;
  std::string created_at, updated_at;  // ISO-8601 UTC, seconds, Z
  std::optional<int64_t> only_index;
  bool skip_existing = true;
};

/// The model that the adapted tensors belong to.
struct BaseModel {
  std::string repo;
  std::string bumblebee_module = "Bumblebee.Text.Qwen3";
  std::string architecture = "for_causal_language_modeling";
  std::optional<std::string> revision;
  std::optional<std::string> sha256;  // of the selected tensors, see base_tensors_sha256
};

/// The router vector that the bundle follows from.
struct SourceVector {
  std::string path;
  std::string tensor;
  std::vector<int64_t> shape;
  std::string sha256;
};

/// The router head's file.
struct HeadArtifact {
  std::vector<int64_t> shape;  // [outputs, hidden]
  std::string file = kHeadFile;
  std::string tensor_key = kHeadTensorKey;
  std::optional<std::string> sha256;
};

/// How the adapted tensors are kept.
struct AdaptedArtifact {
  ArtifactLayout layout = ArtifactLayout::checkpoint_directory;
  std::string file = kMergedFile;
  std::optional<std::string> sha256;  // of the merged file
};

/// What was done to the base model. The first two have the values that readers of the format
/// expect, whatever computed; who did is in the tensors' labels and in `Producer`.
struct Recipe {
  std::string xla_target = "cuda12";
  std::string export_backend = "elixir_nx_exla_cuda";
  std::vector<int64_t> layers;               // of export_spec; empty = all
  std::string spec_name;                     // of export_spec; empty = no export_spec is written
  std::optional<std::string> fidelity_mode;  // ours, as the next two
  std::optional<std::string> tie_mode;       // absent = embed_offsets
  std::optional<std::string> svd_compute_type;
};

/// Which program made the bundle, and under which profile.
struct Producer {
  std::optional<std::string> program, profile;
};

/// Of a bundle that was imported.
struct ImportRecord {
  std::optional<std::string> importer;
  std::optional<std::string> python_manifest_path, reference_manifest_path;
  Json python_semantic_manifest;  // what is kept of the Python manifest, else null
  std::optional<bool> python_reference_manifest_loaded;
};

struct Manifest {
  int64_t artifact_version = 1;
  BundleProgress progress;
  BaseModel base;
  SourceVector vector;
  HeadArtifact head;
  AdaptedArtifact adapted;
  Recipe recipe;
  Producer producer;
  ImportRecord imported;
  int64_t scale_offset_count = 0;
  int64_t selected_singular_value_count = 0;
  std::vector<ManifestTensor> tensors;

  bool is_native() const { return !imported.importer.has_value(); }
  int64_t completed() const {
    return std::count_if(tensors.begin(), tensors.end(),
                         [](const ManifestTensor& tensor) { return tensor.complete(); });
  }
};

/// The document with the keys in the order of the format. All of it is rebuilt from the fields.
Json manifest_document(const Manifest& manifest);

/// The same as compact text: the file.
std::string manifest_json(const Manifest& manifest);

/// Its `export_spec`.
Json export_spec_document(const Manifest& manifest);

/// One entry of its `selected_tensors`.
Json tensor_document(const ManifestTensor& tensor, bool native);

/// Errors: `invalid_manifest` (no JSON, a field of the wrong type), `missing_manifest_key` (names
/// it), `invalid_selected_tensors`, `path_outside_bundle`.
Result<Manifest> parse_manifest(std::string_view text);

/// The same for one entry of `selected_tensors`, the one at `place` from 0.
Result<ManifestTensor> parse_manifest_tensor(const Json& json, size_t place);

/// Reads <folder>/manifest.json and, of a bundle that is not complete, what a run that was stopped
/// had finished beyond it (progress_journal.h). Also `missing_manifest`, `invalid_output_dir` (no
/// folder).
Result<Manifest> load_manifest(const std::filesystem::path& folder);

/// Writes <folder>/manifest.json atomically and sets updated_at.
Status save_manifest(const std::filesystem::path& folder, Manifest& manifest);

/// Refuses bundles that must not be used for routing: `unsupported_artifact_version`,
/// `incomplete_artifact` (status, export_complete or partial_debug_only).
Status require_complete(const Manifest& manifest);

/// How a manifest spells a type: "{:bf, 16}" for BF16 and so on.
std::string manifest_type(DType dtype);
/// The inverse; nothing for an unknown text.
std::optional<DType> parse_manifest_type(std::string_view text);

/// "NNNN_<path>.safetensors" with a 1-based index, under "checkpoints/".
std::string checkpoint_file_name(int64_t index, std::string_view path);

/// ISO-8601 UTC with seconds and Z.
std::string utc_now();

}  // namespace trinity::bundle
