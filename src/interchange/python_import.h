// From the Python lane's components to an adapted bundle.
//
// The Python lane records U, S, V and the scale offsets of every tensor; the import multiplies them
// out in f32, turns layer kernels into the bundle's orientation, rounds once to the base model's
// type and writes one checkpoint a tensor. All of the input is checked before anything is written;
// `complete` is written last. An import that was stopped keeps its finished tensors for --resume.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "bundle/bundle_writer.h"
#include "bundle/export_log.h"
#include "bundle/manifest.h"
#include "interchange/python_import_sources.h"

namespace trinity::interchange {

struct ImportOptions {
  std::filesystem::path source;  // folder of the components bundle
  std::string manifest_name = kPythonManifestFile;
  std::filesystem::path reference;  // reference manifest; empty = none
  std::filesystem::path out;
  std::filesystem::path model;  // base model, headers only; empty = shapes by rule, type f32
  std::vector<int64_t> head_shape = {10, 1024};  // [outputs, hidden]; 0 = any
  bool force = false;
  bool resume = false;
  std::string profile;          // for the manifest
  std::string producer;         // program and version
  std::string base_model_repo;  // empty = what the Python manifest says, else Qwen/Qwen3-0.6B
  std::filesystem::path root;   // paths in the manifest are recorded relative to it
};

/// Progress is counted in rows of U. Errors: those of python_import_sources.h and export_folder.h,
/// `safetensors_read_error`, `qwen_target_load_error`, `missing_target_tensor`,
/// `missing_router_head_tensor`, `router_head_shape_mismatch`, `reconstruct_error` (names source
/// tensor and cause), `profile_lacks_f32_products`, `checkpoint_write_error`,
/// `python_importer_exception` (the folder holds another import).
Result<bundle::BundleReport> import_python_components(backend::Backend& backend,
                                                      const ImportOptions& options,
                                                      const bundle::EventListener& listener,
                                                      const bundle::WorkProgress& progress);

}  // namespace trinity::interchange
