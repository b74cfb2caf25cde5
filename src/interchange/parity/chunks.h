// Matrices as tall as the vocabulary, compared with the other side's stages in chunks of rows.
//
// All ten stages of a chunk are computed anew from its rows of U, with the normalization of the
// whole tensor; the base weights are those that the other side recorded. Nothing larger than a
// chunk is held.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/json_value.h"
#include "interchange/parity/source.h"

namespace trinity::interchange {

struct ParityChunkOptions {
  ParityPaths paths;                // the Python report may be the chunk manifest
  std::filesystem::path stage_dir;  // where our stages are written; empty = nowhere
  int64_t chunk_rows = 1024;
  std::vector<std::string> sources;  // PyTorch names; empty = embedding and LM head
};

struct ParityChunkReport {
  Json report;
  int64_t chunks = 0, required_checks = 0, failed_required = 0;
  std::vector<std::string> sources;
};

/// Errors: `no_matching_tensor`, `missing_python_stage`, `missing_semantic_component_files`, those
/// of the readers, of replay_stages and of the writers. Failed checks are no error here.
Result<ParityChunkReport> parity_chunks(backend::Backend& backend,
                                        const ParityChunkOptions& options,
                                        const std::function<void(const std::string&)>& listener);

}  // namespace trinity::interchange
