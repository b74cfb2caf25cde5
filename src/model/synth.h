// Random-weight model folders of any Qwen3 shape, for benchmarks and tests.
//
// Weights depend on (config, seed) alone: every tensor draws from its own counter-based stream, so
// the bytes do not depend on order or threads. Values are scaled so that activations stay of order
// one through any number of layers; nothing is trained.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace trinity::model {

struct SynthReport {
  int64_t tensors = 0;
  int64_t parameters = 0;
  uint64_t bytes = 0;  // of the weight file
};

/// Writes config.json (a copy of `config_json`), model.safetensors (BF16; an LM head only when the
/// embeddings are untied) and router_head.safetensors (F32 [10, hidden], random) into `folder`,
/// which is created, and beside them synth.sha256, the mark of this program (synth_mark.h). A
/// folder that holds anything is written to only when it has that mark and its files are still
/// those; other files in it, as a tokenizer.json, stay. Files are replaced atomically. `progress`
/// gets bytes written and bytes in all. Errors: `not_a_synthetic_folder` (usage), `disk_full`
/// (asked before anything is written), those of parse_model_config and of the writers.
Result<SynthReport> synthesize_model(const std::string& config_json, uint64_t seed,
                                     const std::filesystem::path& folder,
                                     const std::function<void(uint64_t, uint64_t)>& progress = {});

/// Whether the folder's file is one that synthesize_model writes.
bool is_synthetic_file(const std::filesystem::path& name);

}  // namespace trinity::model
