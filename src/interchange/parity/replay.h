// The ten stages of one tensor computed anew from its components, rows at a time, and compared with
// the stages that the other side recorded.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/json_value.h"
#include "interchange/components.h"
#include "interchange/parity/stage.h"
#include "tensor/safetensors.h"

namespace trinity::interchange {

struct ReplayRequest {
  Components components;
  const SafetensorsFile* components_file = nullptr;  // whose pages are let go; null = kept
  TensorView source;                                 // base weights [m, n], of any float type
  /// The other side's stages, or null: nothing is compared.
  const SafetensorsFile* stages = nullptr;
  std::map<std::string, std::string> stage_keys;  // stage → tensor in that file
  /// Rows [row_begin, row_end) only; both sides' matrices are cut to them. Whole when row_end is 0.
  int64_t row_begin = 0;
  int64_t row_end = 0;
  bool transpose_final = false;        // final stages as [n, m]; only for whole matrices
  bool summaries = true;               // hashes, ranges and sums; without them shapes only
  std::filesystem::path write_stages;  // safetensors file to write our stages to; empty = none
};

struct ReplayResult {
  std::vector<StageCheck> checks;  // sorted by stage; empty when nothing was compared
  Json checks_json;                // the same as a report lists them
  Json final_f32, final_bf16, offsets, scaled_s;  // summaries, when asked for
  std::string final_bf16_sha256;                  // when summaries are made
  double zero_max_abs_error = 0;                  // of the reconstruction without offsets
  float normalization = 1;
};

/// Makes the folder that stages will be written to, before there are any; without a name nothing.
/// Error `unwritable_file`.
Status make_stage_folder(const std::filesystem::path& folder);

/// Errors: those of ComponentProduct and scale_components, `expected_source_shape` (the source has
/// another shape than the components), those of the writers.
Result<ReplayResult> replay_stages(backend::Backend& backend, const ReplayRequest& request);

}  // namespace trinity::interchange
