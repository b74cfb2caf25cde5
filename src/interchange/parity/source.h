// What two sides of a comparison are given: a debug bundle of components and stages, and the other
// side's report.
//
// The debug bundle is a folder with the components (U, S, V, offsets) and the stage tensors that
// the Python side computed from them. Bundles with one sample tensor and bundles with all selected
// tensors are read, with stages in separate files.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "interchange/components.h"
#include "tensor/safetensors.h"

namespace trinity::interchange {

inline constexpr const char* kDebugManifestFile = "trinity_svf_debug_manifest.json";
inline constexpr const char* kSampleStageFile = "trinity_svf_stage_debug.safetensors";
inline constexpr const char* kAllStageFile = "trinity_svf_all_selected_stage_debug.safetensors";

/// The tensor that samples are taken from when nothing names one.
inline constexpr const char* kSampleSource = "model.layers.26.mlp.gate_proj.weight";

/// The fields of the reference manifest's sample; what is not known stays empty.
struct ParityReference {
  std::string source_name, elixir_name;
  std::optional<int64_t> offset_start, offset_end;
  std::vector<int64_t> source_shape, sample_shape;
  std::optional<std::string> expected_sha256;
  Json expected_min, expected_max;  // number or null
  std::optional<int64_t> tensor_count, singular_value_count;
};

/// The hash that the Python side obtains now.
struct ParityBaseline {
  std::optional<std::string> label, sha256;
  Json reproducible;   // boolean or null
  std::string source;  // where in the report it stands; empty = nowhere
};
Json baseline_json(const ParityBaseline& baseline);
/// From a Python report, which may be null.
ParityBaseline find_baseline(const Json& python_report);

/// One tensor: where its components and the other side's stages are.
struct ParityTensor {
  std::string source_name, elixir_name, safe_key;
  std::vector<int64_t> source_shape;  // may be empty
  VLayout layout = VLayout::torch_v;
  std::string u_key, s_key, v_key, scale_key;
  std::optional<int64_t> offset_start, offset_end;
  std::map<std::string, std::string> stage_keys;
  std::filesystem::path stage_file;  // empty = none
};

struct ParityPaths {
  std::filesystem::path components_dir;  // may be empty
  std::filesystem::path python_report;   // may be empty
  std::filesystem::path reference;       // may be empty
};

struct ParityInputs {
  Json metadata;       // the debug manifest; null when there is none
  Json python_report;  // null when none was given
  ParityReference reference;
  ParityBaseline baseline;
  std::filesystem::path components_file, scales_file;
  std::filesystem::path sample_stage_file, all_stage_file;  // where they are or would be
  std::vector<ParityTensor> selected;                       // of an all-selected bundle
  ParityTensor sample;
};

/// Errors: `missing_json`, `invalid_json`, `unknown_v_layout`.
Result<ParityInputs> read_parity_inputs(const ParityPaths& paths);

/// One entry of a manifest's list of tensors, its stages in the file `stages`.
Result<ParityTensor> read_parity_tensor(const Json& entry, VLayout default_layout,
                                        const std::filesystem::path& stages);

/// A file whose name comes from a report: the message of its errors is fit to be shown.
Result<SafetensorsFile> open_named_file(const std::filesystem::path& path);

/// The components files, open. Errors: those of SafetensorsFile::open.
struct ComponentFiles {
  std::unique_ptr<SafetensorsFile> components, scales;
};
Result<ComponentFiles> open_component_files(const std::filesystem::path& components,
                                            const std::filesystem::path& scales);

/// Views of a tensor's components. Errors: `missing_component`, those of check_components.
Result<Components> components_of(const ComponentFiles& files, const ParityTensor& tensor,
                                 VLayout layout);

/// Whether the parity of a path says that it is given: null or text.
Json path_json(const std::filesystem::path& path);

}  // namespace trinity::interchange
