// What a components bundle of the Python lane says about itself: files, tensors, names.
//
// Two generations of manifests are read: flat ones (paths and `selected_tensors` at the top) and
// the full exporter's (`outputs`, `svf.entries`). What a manifest leaves out comes from a reference
// manifest, when one is given, and from the naming rules. Nothing but manifests is opened here.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "bundle/manifest.h"
#include "interchange/components.h"

namespace trinity::interchange {

inline constexpr const char* kPythonManifestFile = "trinity_sakana_export_manifest.json";
inline constexpr const char* kPythonComponentsFile = "trinity_svf_components.safetensors";
inline constexpr const char* kPythonScalesFile = "trinity_svf_scale_offsets.safetensors";
inline constexpr const char* kPythonHeadFile = "trinity_router_head.safetensors";
inline constexpr const char* kPythonHeadKey = "trinity.router_head.linear.weight";

struct PythonEntry {
  std::string source_name;     // PyTorch name
  std::string path;            // bundle path
  std::vector<int64_t> shape;  // in the checkpoint; empty = not given
  VLayout layout = VLayout::torch_v;
  bundle::TensorImport::Keys keys;
  std::optional<int64_t> offset_start, offset_end;  // span in all offsets
};

struct PythonSources {
  std::filesystem::path manifest, components, scales, head;
  std::optional<std::string> head_key;  // empty = kPythonHeadKey, or the file's only tensor
  std::vector<PythonEntry> entries;
  bool reference_loaded = false;
  // For the bundle's manifest; absent where the Python manifest is silent.
  std::optional<std::string> base_model, vector_path, vector_tensor, vector_sha256;
  std::vector<int64_t> vector_shape;
  Json semantic_manifest;  // the parts of the Python manifest that are kept
};

/// Reads <folder>/<manifest> and the reference manifest (may be empty: none). Errors:
/// `missing_json` (names the path), `invalid_json`, `missing_selected_tensors`,
/// `missing_tensor_name`, `missing_elixir_name`, `unknown_v_layout`, `duplicate_tensor`.
Result<PythonSources> read_python_sources(const std::filesystem::path& folder,
                                          const std::string& manifest,
                                          const std::filesystem::path& reference);

/// The same from documents in memory; `reference` may be null. The named files need not exist.
Result<PythonSources> python_sources_of(const std::filesystem::path& folder,
                                        const std::string& manifest_name, const Json& manifest,
                                        const Json& reference);

/// A tensor name as component files spell it: whatever is not a letter, a digit, `_`, `.` or `-`
/// becomes `__`.
std::string safe_tensor_name(std::string_view source_name);

/// How a path is recorded in a manifest, so that it tells nothing about the machine: relative to
/// `root` inside it ("." for the root itself), unchanged when relative already, else
/// "<external>:<file name>".
std::string provenance_path(const std::filesystem::path& path, const std::filesystem::path& root);

}  // namespace trinity::interchange
