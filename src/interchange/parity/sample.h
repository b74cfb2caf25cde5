// The parity report of our side: the sample tensor, or every selected one, adapted from the other
// side's components on one or more backends and compared stage by stage; and our own decomposition
// of the sample. A report records mismatches and never fails on them: judging is the comparator's.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/json_value.h"
#include "interchange/parity/source.h"

namespace trinity::interchange {

/// Where the semantic variants are computed.
struct ParityTarget {
  std::string name;  // "host_binary", "device_…": part of labels and file names
  backend::Backend* backend = nullptr;
};

/// "device_exla_backend_client_cuda" for CUDA, "device_" and the backend's own label for others.
std::string device_target_name(const std::string& backend_label);
inline constexpr const char* kHostTarget = "host_binary";

struct ParitySampleOptions {
  ParityPaths paths;
  std::filesystem::path router_vector;  // required
  std::string vector_tensor;            // empty = the default name
  std::filesystem::path model;          // base model; empty = source from the Python stages
  std::filesystem::path stage_dir;      // where our stages are written; empty = nowhere
  bool native_svd = true;
  bool preferred_layout_only = false;
  bool source_from_python_stage = false;
  bool all_selected_tensors = false;
  std::string selected_source_filter;  // part of a source or bundle name; empty = all
};

/// One line for people: what was compared and how it came out.
using ParityListener = std::function<void(const std::string& line)>;

/// The report. `targets` must not be empty; the first backend decomposes. Errors:
/// `no_semantic_targets`, `missing_parity_source`, `missing_python_stage`,
/// `missing_selected_tensors`, `no_matching_tensor`, those of the readers and writers.
Result<Json> parity_sample(const std::vector<ParityTarget>& targets,
                           const ParitySampleOptions& options, const ParityListener& listener);

}  // namespace trinity::interchange
