// What an import is going to do: components, scales, head and base model, read and checked against
// each other before anything is written.
#pragma once

#include <trinity/error.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bundle/manifest.h"
#include "interchange/components.h"
#include "interchange/python_import.h"
#include "interchange/python_import_sources.h"
#include "tensor/safetensors.h"

namespace trinity::interchange {

/// One tensor that is going to be imported.
struct ImportTensor {
  std::string source_name;
  Components components;
  const SafetensorsFile* file = nullptr;  // that holds U; its pages are let go as rows are done
  DType dtype = DType::f32;               // of the bundle
  bool transposed = false;                // the bundle holds Rᵀ
};

/// Everything that is read and known before the first byte is written.
struct ImportPlan {
  PythonSources sources;
  std::unique_ptr<SafetensorsFile> components, scales;
  std::vector<ImportTensor> tensors;  // parallel to manifest.tensors
  std::vector<float> head;
  bundle::Manifest manifest;
};

/// Errors: those of import_python_components that come before anything is written.
Result<ImportPlan> plan_import(const ImportOptions& options);

/// The hash of all input that a bundle was imported from; nothing for one of another origin.
std::optional<std::string> recorded_sources_hash(const bundle::Manifest& manifest);

/// `reconstruct_error` with source tensor and cause.
tl::unexpected<Error> reconstruct_error(const std::string& source, const Error& cause);

}  // namespace trinity::interchange
